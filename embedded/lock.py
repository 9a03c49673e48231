"""One data directory, one stack: an exclusive lock that the operating system frees, however its holders end."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from embedded.errors import DataDirectoryInUseError, EmbeddedError

FILENAME = "lock"
GRACE_SECONDS = 10.0
"""How long the servers of a killed clipgraph may take to end before the next start gives up."""

_POLL_SECONDS = 0.05


class DataDirectoryLock:
    """The lock on a data directory. Servers inherit `descriptor`, and so it is free only once they too have ended."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def release(self) -> None:
        """The directory is free, as far as this process goes."""
        # Closed and not unlocked: that would also take it from a server that has not ended yet.
        os.close(self.descriptor)


def acquire_lock(data_dir: Path) -> DataDirectoryLock:
    """The directory exists and is ours.

    Raises DataDirectoryInUseError where it is another's, EmbeddedError where it cannot be written to.
    """
    descriptor = _open(data_dir)
    try:
        _wait_for_lock(descriptor, data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return DataDirectoryLock(descriptor)


def _wait_for_lock(descriptor: int, data_dir: Path) -> None:
    """The lock is ours. A living holder is not waited for; the servers that a dead one left are about to end."""
    deadline = time.monotonic() + GRACE_SECONDS
    while not _try_lock(descriptor):
        holder_pid = _read_holder(descriptor)
        if _check_alive(holder_pid) or time.monotonic() > deadline:
            raise DataDirectoryInUseError(data_dir, holder_pid)
        time.sleep(_POLL_SECONDS)


def _open(data_dir: Path) -> int:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(data_dir / FILENAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(
            f"Cannot write to the data directory {data_dir} ({error.strerror}): let this user write there, "
            "or choose another directory with --data-dir or CLIPGRAPH_DATA_DIR."
        ) from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(descriptor: int) -> int | None:
    """The process that took the lock; None where it has not written its id yet."""
    with suppress(ValueError):
        return int(os.pread(descriptor, 20, 0))
    return None


def _check_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
