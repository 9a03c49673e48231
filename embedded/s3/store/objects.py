"""Objects as files, each with a row of attributes that is found by the file's time of modification.

A write makes its row durable first and then renames the file over the old one: the rename is what makes it happen.
Rows without their file mean nothing, and files without a row are what somebody has put there by hand: a crash at any
point leaves the old file with the old row, or the new with the new.
"""

import hashlib
import heapq
import mimetypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from embedded.s3.errors import S3Error
from embedded.s3.store.database import Database, Row
from embedded.s3.store.drafts import Draft, fsync_folder, make_folders
from embedded.s3.store.model import DEFAULT_CONTENT_TYPE, Attributes, StoredObject, parse_attributes
from embedded.s3.store.names import find_apart_path, find_plain_paths, normalize
from embedded.s3.store.walk import Cursor, stat_file, walk

Check = Callable[[StoredObject | None], None]

_COLUMNS = "key, size, etag, attributes"
_SECOND_NS = 1_000_000_000
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class NewObject:
    """The object that a write makes: the sealed draft, and its attributes."""

    draft: Draft
    etag: str
    attributes: Attributes


class ObjectStore:
    """The objects of all buckets below `root`. Writes are one at a time; reads wait for nobody."""

    def __init__(self, root: str, database: Database) -> None:
        self.lock = threading.RLock()
        self._root = root
        self._database = database

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """The object, or None."""
        name = normalize(key)
        for path in (*find_plain_paths(self._root, bucket, name), find_apart_path(self._root, bucket, name)):
            found = stat_file(path)
            if found is not None:
                return self._describe(bucket, name, key, path, found)
        return None

    def open(self, bucket: str, key: str) -> tuple[StoredObject, int]:
        """The object and its file, open for reading: a write in the meantime does not change what is read."""
        while stored := self.find(bucket, key):
            with suppress(FileNotFoundError):
                descriptor = os.open(stored.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                if os.fstat(descriptor).st_mtime_ns == stored.modified_ns:
                    return stored, descriptor
                os.close(descriptor)
        raise S3Error("NoSuchKey")

    def put(self, bucket: str, key: str, new: NewObject, check: Check) -> None:
        """The object is the new one, if `check` raises nothing about the old."""
        name = normalize(key)
        with self.lock:
            before = self.find(bucket, key)
            check(before)
            path, is_apart = self._choose_path(bucket, name)
            self._prepare(bucket, name, key, new, is_apart=is_apart)
            os.replace(new.draft.path, path)  # noqa: PTH105 - paths are strings here
            fsync_folder(os.path.dirname(path))  # noqa: PTH120 - as above
            if before is not None and before.path != path:
                os.unlink(before.path)  # noqa: PTH108 - as above
            self._forget(bucket, name, new.draft.stamp_ns)

    def delete(self, bucket: str, key: str) -> set[str]:
        """There is no such object, which is on the disk once the folders that are returned have been flushed."""
        folders = set()
        with self.lock:
            while stored := self.find(bucket, key):
                os.unlink(stored.path)  # noqa: PTH108 - paths are strings here
                folders.add(self._prune(os.path.dirname(stored.path), bucket))  # noqa: PTH120 - as above
            self._forget(bucket, normalize(key), 0)
        return folders

    def scan(self, bucket: str, cursor: Cursor) -> Iterator[tuple[str, str]]:
        """Names and paths of the objects that the cursor wants, in order."""
        last = ""
        plain = walk(f"{self._root}/{bucket}", "", cursor)
        for name, path in heapq.merge(plain, self._scan_apart(bucket, cursor)):
            if name != last and cursor.check_wanted(name):
                last = name
                yield name, path

    def describe_all(self, bucket: str, found: list[tuple[str, str]]) -> list[StoredObject]:
        """The attributes of the objects with these names and paths; those that are gone are left out."""
        rows = self._read_rows(bucket, [name for name, _ in found])
        described = []
        for name, path in found:
            status = stat_file(path)
            if status is not None and status.st_mtime_ns % _SECOND_NS and (name, status.st_mtime_ns) not in rows:
                described.append(self._adopt(bucket, name, name, path, status))
            elif status is not None:
                row = rows.get((name, status.st_mtime_ns))
                is_known = row is not None and row[1] == status.st_size
                described.append(
                    _make_object(name, path, status, row)
                    if row and is_known
                    else self._describe(bucket, name, name, path, status)
                )
        return described

    def sweep(self) -> None:
        """Removes the leftovers of a crash: rows of versions that never were, files that were moved."""
        for bucket, name, stamp_ns, key in self._database.read(
            "SELECT bucket, name, stamp_ns, key FROM objects WHERE is_apart OR (bucket, name) IN "
            "(SELECT bucket, name FROM objects GROUP BY bucket, name HAVING count(*) > 1)"
        ):
            current = self.find(bucket, key)
            apart_path = find_apart_path(self._root, bucket, name)
            if current is not None and current.path != apart_path:
                with suppress(FileNotFoundError):
                    os.unlink(apart_path)  # noqa: PTH108 - paths are strings here
            if current is None or current.modified_ns != stamp_ns:
                self._database.add_later(
                    "DELETE FROM objects WHERE bucket = ? AND name = ? AND stamp_ns = ?", bucket, name, stamp_ns
                )

    def _describe(self, bucket: str, name: str, key: str, path: str, status: os.stat_result) -> StoredObject:
        where = "bucket = ? AND name = ? AND size = ?"
        sql = f"SELECT {_COLUMNS} FROM objects WHERE {where}"  # noqa: S608 - no value is in it
        of_object = (bucket, name, status.st_size)
        rows = self._database.read(f"{sql} AND stamp_ns = ?", *of_object, status.st_mtime_ns)
        if not rows and status.st_mtime_ns % _SECOND_NS == 0:
            # Archives keep whole seconds: a folder that was restored from one is the same folder.
            rows = self._database.read(
                f"{sql} AND stamp_ns / {_SECOND_NS} = ?", *of_object, status.st_mtime_ns // _SECOND_NS
            )
        return (
            _make_object(name, path, status, rows[0])
            if len(rows) == 1
            else self._adopt(bucket, name, key, path, status)
        )

    def _adopt(self, bucket: str, name: str, key: str, path: str, status: os.stat_result) -> StoredObject:
        """A file that somebody put there by hand; what is guessed of it is kept."""
        guessed = (
            mimetypes.guess_file_type(name)[0]
            if hasattr(mimetypes, "guess_file_type")
            else mimetypes.guess_type(name)[0]
        )
        attributes = Attributes(content_type=guessed or DEFAULT_CONTENT_TYPE)
        # Not the MD5, which would take reading all of it: `-1` tells clients not to expect that.
        etag = hashlib.md5(f"{status.st_size}:{status.st_mtime_ns}".encode(), usedforsecurity=False).hexdigest() + "-1"
        row = (key if normalize(key) == name else name, status.st_size, etag, attributes.to_json())
        self._database.add_later(
            "INSERT OR IGNORE INTO objects (bucket, name, stamp_ns, is_apart, key, size, etag, attributes) "
            "VALUES (?, ?, ?, 0, ?, ?, ?, ?)",
            bucket, name, status.st_mtime_ns, *row,
        )  # fmt: skip
        return _make_object(name, path, status, row)

    def _choose_path(self, bucket: str, name: str) -> tuple[str, bool]:
        """Where the file will lie, and whether that is apart; the folders above are there."""
        for path in find_plain_paths(self._root, bucket, name)[:1]:
            with suppress(NotADirectoryError, FileNotFoundError):
                make_folders(os.path.dirname(path))  # noqa: PTH120 - paths are strings here
                with suppress(OSError):
                    os.rmdir(path)  # noqa: PTH106 - as above
                if not os.path.isdir(path):  # noqa: PTH112 - as above
                    return path, False
        path = find_apart_path(self._root, bucket, name)
        make_folders(os.path.dirname(path))  # noqa: PTH120 - as above
        return path, True

    def _prepare(self, bucket: str, name: str, key: str, new: NewObject, *, is_apart: bool) -> None:
        row = (bucket, name, new.draft.stamp_ns, new.draft.size, key, is_apart, new.etag, new.attributes.to_json())
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO objects (bucket, name, stamp_ns, size, key, is_apart, etag, attributes) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row,
            )  # fmt: skip

    def _forget(self, bucket: str, name: str, stamp_ns: int) -> None:
        """Rows of the object's other versions go with the next transaction."""
        self._database.add_later(
            "DELETE FROM objects WHERE bucket = ? AND name = ? AND stamp_ns <> ?", bucket, name, stamp_ns
        )

    def _prune(self, folder: str, bucket: str) -> str:
        """The next folder that is left: those that are empty now are gone, up to the bucket's own."""
        top = f"{self._root}/{bucket}"
        with suppress(OSError):
            while len(folder) > len(top) and folder.startswith(top):
                os.rmdir(folder)  # noqa: PTH106 - paths are strings here
                folder = os.path.dirname(folder)  # noqa: PTH120 - as above
        return folder

    def _scan_apart(self, bucket: str, cursor: Cursor) -> Iterator[tuple[str, str]]:
        sql = "SELECT DISTINCT name FROM objects WHERE is_apart AND bucket = ? AND name > ? AND name >= ? ORDER BY name"
        for (name,) in self._database.read(sql, bucket, cursor.after, cursor.prefix):
            path = find_apart_path(self._root, bucket, name)
            if cursor.check_wanted(name) and stat_file(path) is not None:
                yield name, path

    def _read_rows(self, bucket: str, names: list[str]) -> dict[tuple[str, int], Row]:
        found = {}
        for at in range(0, len(names), _ROWS_AT_ONCE):
            batch = names[at : at + _ROWS_AT_ONCE]
            sql = (
                f"SELECT name, stamp_ns, {_COLUMNS} FROM objects "  # noqa: S608 - no value is in it
                f"WHERE bucket = ? AND name IN ({', '.join('?' * len(batch))})"
            )
            found.update({(row[0], row[1]): row[2:] for row in self._database.read(sql, bucket, *batch)})
        return found


def _make_object(name: str, path: str, status: os.stat_result, row: Row) -> StoredObject:
    key, size, etag, attributes = row
    return StoredObject(key, name, path, size, status.st_mtime_ns, etag, parse_attributes(attributes))
