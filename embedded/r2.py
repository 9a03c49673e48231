"""The embedded S3 of a data directory: its bucket, its key pair, and the port that it listens on."""

import secrets
import socket
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.child import ANY_PORT, Child
from embedded.data_directory import OWNER_ONLY
from embedded.errors import EmbeddedError
from embedded.files import read_json_texts, write_private_json
from embedded.modules import make_module_child

BUCKET = "clips"
CREDENTIALS_FILENAME = "r2-credentials.json"


@dataclass(frozen=True, slots=True)
class R2Credentials:
    """The one key pair that the server accepts."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, slots=True)
class WantedPort:
    """The port to listen on, 0 for any; where it is taken, another will do unless it `is_required`."""

    number: int = 0
    is_required: bool = False


ANY_FREE = WantedPort()


def make_r2_child(data_dir: Path, port: WantedPort) -> Child:
    """The server, not started yet; its folder and its key pair exist."""
    root = data_dir / "r2"
    root.mkdir(mode=OWNER_ONLY, exist_ok=True)
    load_credentials(data_dir)
    options = ["--data-dir", str(root), "--credentials", str(data_dir / CREDENTIALS_FILENAME), "--bucket", BUCKET]
    child = make_module_child("r2", "embedded.s3", options, data_dir / "logs" / "r2.log")
    child.host_port = choose_host_port(port)
    return child


def load_credentials(data_dir: Path) -> R2Credentials:
    """The directory's key pair, made up and kept (0600) the first time."""
    path = data_dir / CREDENTIALS_FILENAME
    texts = read_json_texts(path, ("access_key_id", "secret_access_key"))
    if texts is not None:
        return R2Credentials(**texts)
    if path.exists():
        raise EmbeddedError(f"{path} does not contain credentials. Delete it to generate new ones.")
    credentials = R2Credentials(secrets.token_hex(10), secrets.token_urlsafe(30))
    write_private_json(path, asdict(credentials))
    return credentials


def choose_host_port(port: WantedPort) -> str:
    """The address with the port if that is free, else with any; EmbeddedError where it is required and taken."""
    host_port = f"127.0.0.1:{port.number}"
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port.number))
            # Bound alone, a port can still be another's to listen on.
            probe.listen(1)
        except (OSError, OverflowError) as error:
            if not port.is_required:
                return ANY_PORT
            raise EmbeddedError(
                f"The embedded S3 cannot listen on {host_port} ({error}): "
                "stop the program that uses it, or choose another port with CLIPGRAPH_S3_PORT."
            ) from None
    return host_port
