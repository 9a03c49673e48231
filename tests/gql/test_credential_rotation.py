"""R2's token is exchanged under a running server: a real S3 server takes the old one, then only the new one."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from gql import credential_rotation
from gql.app import create_app
from gql.logs.configure import _redactor
from gql.logs.redaction import HIDDEN
from settings import ConfigurationError, Settings
from storage.exceptions import StorageError
from storage.r2 import R2Storage
from tests.patience import PATIENCE_SECONDS

OLD, NEW = ("old-key-id", "old-secret-1234567"), ("new-key-id", "new-secret-7654321")
KEY = "u/v/clips/clip_01_01_a_split.mp4"


class S3Server:
    """The embedded S3 over a folder, at one address, with whichever token it is to take."""

    def __init__(self, root: Path) -> None:
        self._root = root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host_port = f"127.0.0.1:{free.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    def take(self, token: tuple[str, str]) -> None:
        """Only this token is good from now on."""
        self.stop()
        credentials = self._root.parent / "credentials.json"
        credentials.write_text(json.dumps({"access_key_id": token[0], "secret_access_key": token[1]}))
        options = ["--data-dir", str(self._root), "--host-port", self.host_port, "--credentials", str(credentials)]
        command = [sys.executable, "-m", "embedded.s3", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self.host_port.encode() in self._process.stdout.readline()

    def stop(self) -> None:
        """Stops the server."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    (tmp_path / "bucket" / "clips" / KEY).parent.mkdir(parents=True)
    (tmp_path / "bucket" / "clips" / KEY).write_bytes(b"film")
    server = S3Server(tmp_path / "bucket")
    yield server
    server.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "r2-token"


@pytest.fixture
async def storage(
    settings: Settings, s3: S3Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[R2Storage]:
    """Of an app that runs, and looks at the file all the time."""
    monkeypatch.setattr(credential_rotation, "CHECK_SECONDS", 0.02)
    s3.take(OLD)
    write_token(file, OLD)
    app = create_app(
        settings.model_copy(
            update={
                "r2_endpoint_url": f"http://{s3.host_port}",
                "r2_bucket": "clips",
                "r2_access_key_id": None,
                "r2_secret_access_key": None,
                "r2_credentials_file": file,
            }
        )
    )
    async with app.router.lifespan_context(app):
        yield app.state.services.storage


def write_token(path: Path, token: tuple[str, str]) -> None:
    path.write_text(f"[default]\naws_access_key_id = {token[0]}\naws_secret_access_key = {token[1]}\n")


def spoil(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.write_bytes(text.encode("latin-1"))


async def fetch(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).status_code


async def wait_for_key(storage: R2Storage, key_id: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while key_id not in storage.presign_get(KEY):  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)


async def test_new_token_signs_urls_and_requests_without_a_restart(
    storage: R2Storage, s3: S3Server, file: Path
) -> None:
    """After the credentials file changes, URLs and requests use the new token without a restart."""
    assert await fetch(storage.presign_get(KEY)) == 200
    assert await storage.head(KEY) is not None
    s3.take(NEW)
    # What R2 documents for a token that it does not know.
    assert await fetch(storage.presign_get(KEY)) == 401
    with pytest.raises(StorageError):
        await storage.head(KEY)
    write_token(file, NEW)
    await wait_for_key(storage, NEW[0])
    assert await fetch(storage.presign_get(KEY)) == 200
    assert await fetch(storage.presign_get(KEY, download_filename="a.mp4")) == 200
    assert (await storage.get(KEY, max_bytes=100)) == b"film"


@pytest.mark.parametrize("text", [None, "", "[default]\naws_access_key_id = x\n", "no profile at all", "\xff"])
async def test_file_that_is_half_written_changes_nothing(storage: R2Storage, file: Path, text: str | None) -> None:
    """An unreadable credentials file leaves the old token in use until the file is good."""
    spoil(file, text)
    await asyncio.sleep(0.2)
    assert await fetch(storage.presign_get(KEY)) == 200
    write_token(file, NEW)
    await wait_for_key(storage, NEW[0])


async def test_new_secret_is_hidden_in_logs(storage: R2Storage, file: Path) -> None:
    """A secret that came by rotation is hidden in logs."""
    write_token(file, ("third-key-id", "third-secret-1234567"))
    await wait_for_key(storage, "third-key-id")
    assert _redactor.redact("it was third-secret-1234567") == f"it was {HIDDEN}"


def test_file_and_token_at_once_are_refused(file: Path) -> None:
    """A credentials file beside a token in the settings raises ConfigurationError."""
    write_token(file, OLD)
    settings = Settings.model_validate(
        {"r2_account_id": "a", "r2_bucket": "b", "r2_access_key_id": "i", "r2_credentials_file": file}
    )
    with pytest.raises(ConfigurationError, match="not both"):
        settings.assert_complete()


def test_file_without_a_token_is_refused_at_the_start(file: Path) -> None:
    """A missing or empty credentials file raises ConfigurationError at start."""
    settings = Settings.model_validate({"r2_account_id": "a", "r2_bucket": "b", "r2_credentials_file": file})
    with pytest.raises(ConfigurationError, match="aws_access_key_id"):
        settings.assert_complete()
