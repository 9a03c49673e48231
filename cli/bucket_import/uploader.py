"""Files of a folder go to R2, where it has not the same: what is the same is told by the content."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from cli.bucket_import.sources import SourceFile
from domain.keys import guess_content_type
from storage.exceptions import StorageError, StorageUnavailableError
from storage.r2 import MAX_PUT_BYTES, R2Storage, StoredObject

_MD5 = re.compile(r"[0-9a-f]{32}")


class FileFaultError(Exception):
    """The file cannot be uploaded; the text is the end of a sentence about it."""


class _Snapshot(NamedTuple):
    """A value that changes when the file does."""

    size_bytes: int
    modified_ns: int
    inode: int


class Uploader:
    """Uploads of one import; in a dry run it finds out what it would upload, and uploads nothing."""

    def __init__(self, storage: R2Storage, *, dry_run: bool) -> None:
        self.files_uploaded = 0
        self._storage = storage
        self._dry_run = dry_run
        self._stored: dict[str, StoredObject] = {}

    async def look(self, prefix: str) -> None:
        """Reads the list of the objects below the prefix, and replaces the one read before."""
        self._stored = {found.key: found async for found in self._storage.list(prefix)}

    def find(self, key: str) -> StoredObject | None:
        """The object as R2 listed it."""
        return self._stored.get(key)

    async def check_same(self, file: SourceFile, content: bytes | None = None) -> bool:
        """Whether R2 has this very content; `FileFaultError` where the file cannot be read."""
        stored, path = self._stored.get(file.key), file.path
        if stored is None or path is None:
            return path is None
        size_bytes = len(content) if content is not None else _look_at(path).size_bytes
        if stored.size_bytes != size_bytes:
            return False
        digest = await asyncio.to_thread(_digest, path, content)
        # What was uploaded in parts has another kind of ETag.
        known = stored.etag if _MD5.fullmatch(stored.etag) else await self._storage.compute_md5(file.key)
        return digest == known

    async def upload(self, file: SourceFile, content: bytes | None = None) -> bool:
        """R2 has the file, or the `content` that was read of it; answers whether it had not before.

        Files of the bucket itself are there. `FileFaultError` where the file vanished, or changed while it was read.
        """
        if file.path is None or await self.check_same(file, content):
            return False
        before = _look_at(file.path)
        if content is None and before.size_bytes > MAX_PUT_BYTES:
            raise FileFaultError(f"is larger than {MAX_PUT_BYTES:,} bytes: upload it in parts, and import `r2`")
        if not self._dry_run:
            await self._put(file, file.path, content, before)
        self.files_uploaded += 1
        return True

    async def _put(self, file: SourceFile, path: Path, content: bytes | None, before: _Snapshot) -> None:
        content_type = guess_content_type(file.key)
        try:
            await self._storage.put(file.key, path if content is None else content, content_type=content_type)
        except OSError as error:
            raise _to_fault(error) from error
        except StorageUnavailableError:
            # A body that ends early looks like a lost connection.
            _assert_unchanged(path, before)
            raise
        except StorageError as error:
            _assert_unchanged(path, before)
            raise FileFaultError(f"is refused by R2 ({error})") from error
        if content is None:
            _assert_unchanged(path, before)


def _look_at(path: Path) -> _Snapshot:
    try:
        # Opened, because a file that is there may still not be readable.
        with path.open("rb"):
            status = path.stat()
    except OSError as error:
        raise _to_fault(error) from error
    return _Snapshot(status.st_size, status.st_mtime_ns, status.st_ino)


def _assert_unchanged(path: Path, before: _Snapshot) -> None:
    if _look_at(path) != before:
        raise FileFaultError("changed while it was read: run the import again")


def _to_fault(error: OSError) -> FileFaultError:
    is_gone = isinstance(error, FileNotFoundError)
    return FileFaultError("vanished meanwhile" if is_gone else f"cannot be read ({error.strerror or error})")


def _digest(path: Path, content: bytes | None) -> str:
    """The content's MD5, which is the ETag of what is uploaded in one piece."""
    if content is not None:
        return hashlib.md5(content, usedforsecurity=False).hexdigest()
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise _to_fault(error) from error
