"""Where an import reads from: a folder on this machine, or the bucket itself."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from domain.keys import folder_prefix
from storage.exceptions import ObjectTooLargeError
from storage.r2 import R2Storage

MAX_HIGHLIGHTS_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True)
class SourceFile:
    """A file as its source lists it; `path` only where it lies on this machine.

    `modified_at` is None where no document can hold the date. `fault` is why the file cannot be taken, as the end of a
    sentence about it.
    """

    key: str
    size_bytes: int
    modified_at: datetime | None
    path: Path | None = None
    fault: str | None = None


class Source(Protocol):
    """A bucket's layout."""

    def list_files(self, user_id: str | None) -> AsyncIterator[SourceFile]:
        """Every file, in no particular order; with `user_id`, those of this user at least."""

    async def read(self, file: SourceFile) -> bytes:
        """A small file's content."""


class FolderSource:
    """A folder that is laid out as the bucket is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder.resolve()

    async def list_files(self, user_id: str | None) -> AsyncIterator[SourceFile]:
        """Every file below the folder, also those that cannot be taken."""
        for path, fault in self._walk(self._folder):
            name = os.fsencode(path.relative_to(self._folder).as_posix())
            file = _describe(path, name, fault)
            if user_id is None or file.key.partition("/")[0] == user_id:
                yield file

    async def read(self, file: SourceFile) -> bytes:
        """The file's content; `ObjectTooLargeError` for a file that is no highlights.json by its size."""
        path = file.path or self._folder / file.key
        with path.open("rb") as stream:
            content = stream.read(MAX_HIGHLIGHTS_BYTES + 1)
        if len(content) > MAX_HIGHLIGHTS_BYTES:
            raise ObjectTooLargeError(file.key, MAX_HIGHLIGHTS_BYTES)
        return content

    def _walk(self, folder: Path) -> Iterator[tuple[Path, str | None]]:
        """Every path that is no folder, and every folder that cannot be listed, each with its fault."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield folder, f"cannot be listed ({error.strerror})"
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path))
            else:
                yield Path(entry.path), self._find_fault(Path(entry.path))

    def _find_fault(self, path: Path) -> str | None:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return "is a broken link"
        if not target.is_relative_to(self._root):
            return "is a link out of the folder and is not followed"
        if target.is_dir():
            return "is a link to a folder and is not followed"
        return None if target.is_file() else "is not a regular file"


class BucketSource:
    """The bucket itself, from a prefix on."""

    def __init__(self, storage: R2Storage, prefix: str) -> None:
        self._storage = storage
        self._prefix = prefix

    async def list_files(self, user_id: str | None) -> AsyncIterator[SourceFile]:
        """Every object below the prefix; of a user's, only their folder is listed."""
        prefix, folder = self._prefix, "" if user_id is None else folder_prefix(user_id)
        if not prefix.startswith(folder):
            if not folder.startswith(prefix):
                return
            prefix = folder
        async for found in self._storage.list(prefix):
            yield SourceFile(found.key, found.size_bytes, found.last_modified)

    async def read(self, file: SourceFile) -> bytes:
        """The object's content."""
        return await self._storage.get(file.key, max_bytes=MAX_HIGHLIGHTS_BYTES)


def _describe(path: Path, name: bytes, fault: str | None) -> SourceFile:
    try:
        key = name.decode()
    except UnicodeDecodeError:
        key, fault = name.decode(errors="replace"), fault or "has a name that is not UTF-8"
    try:
        status = path.stat()
    except OSError as error:
        return SourceFile(key, 0, None, path, fault or f"cannot be read ({error.strerror})")
    return SourceFile(key, status.st_size, _to_moment(status.st_mtime), path, fault)


def _to_moment(seconds: float) -> datetime | None:
    """The moment in whole seconds, as R2 tells it; None beyond the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return None
