"""The server as a process: what it says when it starts, and how it ends."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.firestore.server import FirestoreServer
from embedded.firestore.store.storage import FILE_NAME, StorageError
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]


def spawn(data_dir: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


def refused(data_dir: Path, *options: str) -> str:
    """The one line with which the server refuses to start."""
    with spawn(data_dir, *options) as process:
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    return errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """The server's first line names its address, and a signal ends it with exit code 0."""
    with spawn(tmp_path) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        host, _, port = ready["host_port"].partition(":")
        socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS).close()
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """With `--exit-with-parent`, a closed stdin ends the server with exit code 0."""
    with spawn(tmp_path, "--exit-with-parent") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=PATIENCE_SECONDS) == 0


async def test_a_second_server_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    """A second server on the same directory is refused."""
    server = FirestoreServer(tmp_path)
    await server.start()
    assert "another server is using" in refused(tmp_path)
    await server.stop()


async def test_the_directory_is_free_again_after_a_stop(tmp_path: Path) -> None:
    """A stopped server leaves its directory free for the next."""
    for _ in range(2):
        server = FirestoreServer(tmp_path)
        await server.start()
        await server.stop()


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """A taken port is refused with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host_port = f"127.0.0.1:{taken.getsockname()[1]}"
        assert host_port in refused(tmp_path, "--host-port", host_port)


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A data directory below a file is refused."""
    (tmp_path / "file").write_text("")
    assert "data directory" in refused(tmp_path / "file" / "data")


async def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A file in a newer format is refused with its version."""
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StorageError, match="format version is 999"):
        await FirestoreServer(tmp_path).start()


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file that is no database is refused."""
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        await FirestoreServer(tmp_path).start()
