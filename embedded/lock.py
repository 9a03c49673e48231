"""One data directory, one stack: exclusive locks that the operating system frees, however their holders end."""

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
    _make(data_dir)
    own_descriptor = _open(data_dir, FILENAME)
    try:
        _take(own_descriptor, data_dir)
        return DataDirectoryLock(own_descriptor, _acquire_servers_lock(data_dir))
    except BaseException:
        os.close(own_descriptor)
        raise


def _take(descriptor: int, data_dir: Path) -> None:
    """The lock is ours, and its file names us."""
    if not _try_lock(descriptor):
        raise DataDirectoryInUseError(data_dir, _read_holder(descriptor))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _acquire_servers_lock(data_dir: Path) -> int:
    deadline = time.monotonic() + GRACE_SECONDS
    descriptor = _open(data_dir, SERVERS_FILENAME)
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise EmbeddedError(
                f"Servers of a stopped clipgraph still use {data_dir}: "
                f"stop them (`fuser {data_dir / SERVERS_FILENAME}` names them), then start again."
            )
        time.sleep(_POLL_SECONDS)
    return descriptor


def _make(data_dir: Path) -> None:
    try:
        make_data_directory(data_dir)
    except OSError as error:
        raise _refuse(data_dir, error) from error


def _open(data_dir: Path, filename: str) -> int:
    try:
        return os.open(data_dir / filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _refuse(data_dir, error) from error


def _refuse(data_dir: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"Cannot write to the data directory {data_dir} ({error.strerror}): grant this user write access, "
        "or choose another directory with --data-dir or CLIPGRAPH_DATA_DIR."
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(descriptor: int) -> int | None:
    """The process that holds the lock; None where it has not written its id yet."""
    with suppress(ValueError):
        return int(os.pread(descriptor, 20, 0))
    return None
