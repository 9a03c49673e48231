"""Reading: one consistent view of the file, as of now or of a time in the past hour."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from embedded.firestore.model.paths import AFTER_ALL, Path

Result = TypeVar("Result")


class StoredDocument(NamedTuple):
    """A document as it lies in the file; data is the serialised protobuf Document."""

    number: int
    path: bytes
    created: int
    updated: int
    data: bytes


class Snapshot:
    """The content of the file at one moment: later commits do not show. Not to be shared between tasks."""

    def __init__(self, connection: sqlite3.Connection, read_time: int, *, is_past: bool = False) -> None:
        self.connection = connection
        self.read_time = read_time
        self.past_time = read_time if is_past else None
        self._databases: dict[str, int | None] = {}
        self._indexes: dict[str, int | None] = {}  # a query for 20 values asks for each of its indexes 20 times

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """The result of work on the snapshot, done in a thread; a caller that gives up stops it."""
        running = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.connection.interrupt()
            await asyncio.wait([running])  # the connection is free only then
            raise

    def database_number(self, database: str) -> int | None:
        """The number of a database, or None where nothing was ever written to it."""
        if database not in self._databases:
            row = self.connection.execute("SELECT number FROM databases WHERE name = ?", (database,)).fetchone()
            self._databases[database] = row[0] if row else None
        return self._databases[database]

    def scope(self, database: str, *, is_group: bool, path: bytes) -> int | None:
        """The number of a collection or collection group, or None where it never had a document."""
        row = self.connection.execute(
            "SELECT number FROM scopes WHERE database = ? AND is_group = ? AND path = ?",
            (self.database_number(database), is_group, path),
        ).fetchone()
        return row[0] if row else None

    def index(self, definition: str) -> int | None:
        """The number of an index, or None where it never had an entry."""
        if definition not in self._indexes:
            row = self.connection.execute("SELECT number FROM indexes WHERE definition = ?", (definition,)).fetchone()
            self._indexes[definition] = row[0] if row else None
        return self._indexes[definition]

    def get(self, path: Path) -> StoredDocument | None:
        """A document as of the snapshot's time, or None."""
        database, key = self.database_number(path.database), path.key
        row = self.connection.execute(
            "SELECT number, path, created, updated, data FROM documents WHERE database = ? AND path = ?",
            (database, key),
        ).fetchone()
        if self.past_time is None or (row is not None and row[3] <= self.past_time):
            return StoredDocument(*row) if row else None
        row = self.connection.execute(
            "SELECT -number, path, 0, valid_from, data FROM versions"
            " WHERE database = ?1 AND path = ?2 AND valid_to > ?3 AND valid_from <= ?3",
            (database, key, self.past_time),
        ).fetchone()
        return StoredDocument(*row) if row else None

    def check_changed(self, path: Path) -> bool:
        """Whether a document was written, created or deleted since the time of a snapshot of the past."""
        row = self.connection.execute(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE database = ?1 AND path = ?2 AND updated > ?3)"
            " OR EXISTS (SELECT 1 FROM versions WHERE database = ?1 AND path = ?2 AND valid_to > ?3)",
            (self.database_number(path.database), path.key, self.past_time),
        ).fetchone()
        return bool(row[0])

    def replaced_versions(self, database: str, prefix: bytes) -> Iterator[StoredDocument]:
        """The documents below a key that have changed or gone since a snapshot of the past."""
        rows = self.connection.execute(
            "SELECT -number, path, 0, valid_from, data FROM versions WHERE database = ?1 AND path > ?2 AND path < ?3"
            " AND valid_to > ?4 AND valid_from <= ?4",
            (self.database_number(database), prefix, prefix + AFTER_ALL, self.past_time),
        )
        return (StoredDocument(*row) for row in rows)

    def first_key_after(self, database: str, after: bytes, before: bytes) -> bytes | None:
        """The least key of a document in a range of keys, both ends excluded, as of now or then."""
        number = self.database_number(database)
        rows = [
            self.connection.execute(
                "SELECT path FROM documents WHERE database = ? AND path > ? AND path < ? AND updated <= ?"
                " ORDER BY path LIMIT 1",
                (number, after, before, self.read_time),
            ).fetchone()
        ]
        if self.past_time is not None:
            rows.append(
                self.connection.execute(
                    "SELECT path FROM versions WHERE database = ?1 AND path > ?2 AND path < ?3 AND valid_to > ?4"
                    " AND valid_from <= ?4 ORDER BY path LIMIT 1",
                    (number, after, before, self.past_time),
                ).fetchone()
            )
        return min((row[0] for row in rows if row), default=None)

    def children(self, database: str, prefix: bytes, start: bytes = b"") -> Iterator[bytes]:
        """The keys of the next segment below a prefix, each once, however much lies below it.

        One seek for each child: after the first key is found, the rest of its descendants is jumped over. `start` is
        the child after which to begin.
        """
        after = start + AFTER_ALL if start else prefix
        while (found := self.first_key_after(database, after, prefix + AFTER_ALL)) is not None:
            child = prefix + first_segment(found[len(prefix) :])
            yield child
            after = child + AFTER_ALL


def first_segment(key: bytes) -> bytes:
    """The first segment of a key, encoded."""
    if key[:1] == b"\x01":
        return key[:9]
    return key[: key.index(b"\0\x01") + 2]
