import ast
import os
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from embedded import lock
from embedded.errors import DataDirectoryInUseError, EmbeddedError
from embedded.firestore.store.storage import LOCK_NAME, Storage, StorageError
from embedded.lock import FileLockedError, acquire_lock, lock_file
from embedded.s3.errors import StoreError
from embedded.s3.store.store import open_store
from tests.house.tree import list_modules, read_tree


def test_second_holder_is_refused_in_one_line(tmp_path: Path) -> None:
    """A second holder is refused in one line that names the first's process and the option."""
    first = acquire_lock(tmp_path)
    with pytest.raises(DataDirectoryInUseError, match=f"process {os.getpid()}") as caught:
        acquire_lock(tmp_path)
    assert "--data-dir" in str(caught.value)
    assert "\n" not in str(caught.value)
    first.release()
    acquire_lock(tmp_path).release()


def test_server_that_outlives_its_clipgraph_keeps_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the last server has ended, nobody else writes there."""
    monkeypatch.setattr(lock, "GRACE_SECONDS", 0.1)
    held = acquire_lock(tmp_path)
    server = subprocess.Popen(["sleep", "60"], pass_fds=(held.servers_descriptor,))
    held.release()
    with pytest.raises(EmbeddedError, match="still use"):
        acquire_lock(tmp_path)
    server.kill()
    server.wait()
    acquire_lock(tmp_path).release()


def test_servers_of_a_dead_clipgraph_are_waited_for(tmp_path: Path) -> None:
    """The lock is given only when the servers of its last holder have ended."""
    held = acquire_lock(tmp_path)
    server = subprocess.Popen(["sleep", "0.5"], pass_fds=(held.servers_descriptor,))
    held.release()
    acquire_lock(tmp_path).release()
    assert server.wait() == 0


@pytest.mark.parametrize("place", ["file/data", "file"])
def test_directory_that_cannot_be_is_told(tmp_path: Path, place: str) -> None:
    """A directory that cannot be made is refused with the option to change."""
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"Cannot write to the data directory .* --data-dir"):
        acquire_lock(tmp_path / place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_of_another_user_is_told(tmp_path: Path) -> None:
    """A directory without write access is refused with what to grant."""
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedError, match="grant this user write access"):
        acquire_lock(tmp_path)


def count_descriptors(file: Path) -> int:
    """The number of this process's descriptors of a file."""
    return sum(os.path.realpath(descriptor) == str(file) for descriptor in Path("/proc/self/fd").iterdir())


def test_locked_file_is_refused_until_its_descriptor_is_closed(tmp_path: Path) -> None:
    """A second lock on a file raises FileLockedError, leaves no descriptor open, and is granted after the first."""
    first = lock_file(tmp_path / "lock")
    with pytest.raises(FileLockedError, match=str(tmp_path / "lock")):
        lock_file(tmp_path / "lock")
    assert count_descriptors(tmp_path / "lock") == 1
    os.close(first)
    os.close(lock_file(tmp_path / "lock"))


def test_locked_file_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that its holder frees within `wait_seconds` is granted."""
    first = lock_file(tmp_path / "lock")
    monkeypatch.setattr(lock, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: os.close(first)))
    os.close(lock_file(tmp_path / "lock", 60.0))


async def test_servers_say_in_their_own_words_that_the_directory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Firestore and a second S3 server over one directory are refused, each with its one line."""
    monkeypatch.setattr("embedded.firestore.store.storage.LOCK_WAIT_SECONDS", 0.0)
    held = lock_file(tmp_path / LOCK_NAME)
    with pytest.raises(StorageError, match=f"^another server is using the data directory {tmp_path}$"):
        Storage.open(tmp_path)
    os.close(held)
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match=f"^another S3 server runs over {tmp_path}$"):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


def test_no_other_module_locks_files() -> None:
    """`embedded/lock.py` alone imports fcntl."""
    lockers = [
        str(file)
        for file in list_modules()
        if file.parts[0] != "tests"
        for node in ast.walk(read_tree(file))
        if isinstance(node, ast.Import) and any(alias.name == "fcntl" for alias in node.names)
    ]
    assert lockers == ["embedded/lock.py"]
