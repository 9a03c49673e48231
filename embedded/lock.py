"""Exclusive locks on files, freed by the operating system however their holders end; and the data directory's two."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from embedded.data_directory import make_data_directory
from embedded.errors import DataDirectoryInUseError, EmbeddedError

FILENAME = "lock"
SERVERS_FILENAME = "servers.lock"

GRACE_SECONDS = 10.0
"""How long the servers of a killed clipgraph may take to end before the next start gives up."""

_POLL_SECONDS = 0.05


class FileLockedError(Exception):
    """Another process holds the lock on the file."""


def lock_file(file: Path, wait_seconds: float = 0.0) -> int:
    """The descriptor of the file, which is locked until every copy of the descriptor is closed.

    Raises FileLockedError where another process still holds the lock after `wait_seconds`, and OSError where the file
    cannot be opened.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for_lock(descriptor, file, time.monotonic() + wait_seconds)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _wait_for_lock(descriptor: int, file: Path, deadline: float) -> None:
    while not _try_lock(descriptor):
        if time.monotonic() >= deadline:
            raise FileLockedError(f"another process holds the lock on {file}")
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class DataDirectoryLock:
    """The lock on a data directory: one that this process holds, and one that its servers inherit.

    After `kill -9` the first is free at once, the second when the last server has ended.
    """

    def __init__(self, own_descriptor: int, servers_descriptor: int) -> None:
        self._own_descriptor = own_descriptor
        self.servers_descriptor = servers_descriptor

    def release(self) -> None:
        """The directory is free, as far as this process goes."""
        # Closed and not unlocked: that would also take it from a server that has not ended yet.
        os.close(self.servers_descriptor)
        os.close(self._own_descriptor)


def acquire_lock(data_dir: Path) -> DataDirectoryLock:
    """The directory exists and is ours, and no server of a predecessor writes there any more.

    Raises DataDirectoryInUseError where it is another's, EmbeddedError where it cannot be written to.
    """
    try:
        make_data_directory(data_dir)
        return _acquire_both(data_dir)
    except OSError as error:
        raise EmbeddedError(
            f"Cannot write to the data directory {data_dir} ({error.strerror}): grant this user write access, "
            "or choose another directory with --data-dir or CLIPGRAPH_DATA_DIR."
        ) from error


def _acquire_both(data_dir: Path) -> DataDirectoryLock:
    own_descriptor = _acquire_own_lock(data_dir)
    try:
        return DataDirectoryLock(own_descriptor, _acquire_servers_lock(data_dir))
    except BaseException:
        os.close(own_descriptor)
        raise


def _acquire_own_lock(data_dir: Path) -> int:
    """The lock is ours, and its file names us."""
    file = data_dir / FILENAME
    try:
        descriptor = lock_file(file)
    except FileLockedError:
        raise DataDirectoryInUseError(data_dir, _read_holder(file)) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _acquire_servers_lock(data_dir: Path) -> int:
    file = data_dir / SERVERS_FILENAME
    try:
        return lock_file(file, GRACE_SECONDS)
    except FileLockedError:
        raise EmbeddedError(
            f"Servers of a stopped clipgraph still use {data_dir}: "
            f"stop them (`fuser {file}` names them), then start again."
        ) from None


def _read_holder(file: Path) -> int | None:
    """The process that holds the lock; None where it has not written its id yet."""
    with suppress(ValueError):
        return int(file.read_bytes()[:20])
    return None
