"""Files that are being written: on the disk of the objects, where one rename makes an object of them."""

import errno
import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

COPY_BYTES = 1024 * 1024

_last_stamp_ns = 0
_stamps = threading.Lock()


def make_stamp_ns() -> int:
    """The time now in whole microseconds, and never the same twice: it tells the versions of an object apart."""
    global _last_stamp_ns  # noqa: PLW0603 - one clock for the process
    with _stamps:
        _last_stamp_ns = max(time.time_ns() // 1000 * 1000, _last_stamp_ns + 1000)
        return _last_stamp_ns


class Draft:
    """A file of nobody's yet. Sealed, it is on the disk, and its time of modification is `stamp_ns`."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/{secrets.token_hex(12)}"
        self.size = 0
        self.stamp_ns = 0
        self._is_kept = False
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    def write(self, data: bytes) -> None:
        """The bytes are at the end of the file."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.size += len(data)

    def copy(self, source: int, offset: int, length: int) -> None:
        """Bytes of another open file are at the end of this one; the system copies them where it can."""
        left = length
        while left:
            copied = _copy_range(source, self._descriptor, min(left, 64 * COPY_BYTES), offset)
            if not copied:
                raise OSError(errno.EIO, "The file became shorter while it was copied", self.path)
            offset, left, self.size = offset + copied, left - copied, self.size + copied

    def copy_file(self, path: str, size: int) -> None:
        """All of another file, of that size, is at the end of this one."""
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.copy(source, 0, size)
        finally:
            os.close(source)

    def seal(self) -> None:
        """The file is on the disk, and written no more."""
        self.stamp_ns = make_stamp_ns()
        os.utime(self._descriptor, ns=(self.stamp_ns, self.stamp_ns))
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1

    def keep(self) -> None:
        """The file stays where it is when the draft is discarded."""
        self._is_kept = True

    def discard(self) -> None:
        """The file is gone, unless it became an object or is kept."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if not self._is_kept:
            Path(self.path).unlink(missing_ok=True)


def _copy_range(source: int, target: int, count: int, offset: int) -> int:
    with suppress(AttributeError, OSError):
        return os.copy_file_range(source, target, count, offset)
    data = os.pread(source, min(count, COPY_BYTES), offset)
    return os.write(target, data)


@contextmanager
def open_draft(folder: str) -> Iterator[Draft]:
    """A draft that is discarded at the end, unless it was moved to its place."""
    draft = Draft(folder)
    try:
        yield draft
    finally:
        draft.discard()


def fsync_folder(path: str) -> None:
    """The names in the folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folders(paths: Iterable[str]) -> None:
    """The names in the folders are on the disk; a folder that is gone is in the names of the one above."""
    for path in paths:
        with suppress(FileNotFoundError):
            fsync_folder(path)


def make_folders(path: str) -> None:
    """The folder and those above it exist, on the disk as well."""
    if os.path.isdir(path):  # noqa: PTH112 - paths are strings here
        return
    parent = os.path.dirname(path)  # noqa: PTH120 - as above
    make_folders(parent)
    with suppress(FileExistsError):
        os.mkdir(path)  # noqa: PTH102 - as above
        fsync_folder(parent)
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        raise NotADirectoryError(errno.ENOTDIR, "A file is where a folder should be", path)
