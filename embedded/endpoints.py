"""Where the embedded servers of a data directory answer."""

import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from embedded.files import read_json_texts, write_private_json

FILENAME = "endpoints.json"
CONNECT_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses and credentials with which clients talk to the embedded Firestore and S3."""

    firestore_host_port: str
    r2_endpoint_url: str
    r2_bucket: str
    r2_access_key_id: str
    r2_secret_access_key: str


def write_endpoints(data_dir: Path, endpoints: Endpoints) -> None:
    """Other commands on this data directory can find the servers."""
    write_private_json(data_dir / FILENAME, asdict(endpoints))


def remove_endpoints(data_dir: Path) -> None:
    """No command looks for servers here any more."""
    with suppress(FileNotFoundError):
        (data_dir / FILENAME).unlink()


def read_endpoints(data_dir: Path) -> Endpoints | None:
    """The endpoints that whoever serves this directory has written, or None."""
    texts = read_json_texts(data_dir / FILENAME, tuple(field.name for field in fields(Endpoints)))
    return None if texts is None else Endpoints(**texts)


def check_answering(endpoints: Endpoints) -> bool:
    """Whether both servers accept connections: a file left behind by a crash leads nowhere."""
    r2_host_port = urlsplit(endpoints.r2_endpoint_url).netloc
    return all(_check_connecting(host_port) for host_port in (endpoints.firestore_host_port, r2_host_port))


def _check_connecting(host_port: str) -> bool:
    host, _, port = host_port.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
