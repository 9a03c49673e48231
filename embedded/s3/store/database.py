"""The SQLite file: one connection that writes, and one a thread that reads."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from embedded.s3.errors import StoreError

FILENAME = "s3.sqlite"
VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created_ns INTEGER NOT NULL, cors TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, name TEXT NOT NULL, stamp_ns INTEGER NOT NULL, size INTEGER NOT NULL, key TEXT NOT NULL,
    is_apart INTEGER NOT NULL, etag TEXT NOT NULL, attributes TEXT NOT NULL, PRIMARY KEY (bucket, name, stamp_ns)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_apart ON objects (bucket, name) WHERE is_apart;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, started_ns INTEGER NOT NULL,
    attributes TEXT NOT NULL, checksum TEXT, checksum_type TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_by_name ON uploads (bucket, name, id);
CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_ns INTEGER NOT NULL, checksum TEXT, PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;
"""

Row = tuple[Any, ...]


class Database:
    """Transactions are one at a time and durable when they end. A folder that cannot be written is read all the same.

    What need not be durable at once goes through `add_later`, and is written with the next transaction or `flush`.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILENAME
        self._lock = threading.RLock()
        self._readers = threading.local()
        self._later: list[tuple[str, Sequence[Any]]] = []
        self._options = ""
        self._writer = self._open()

    def read(self, sql: str, *parameters: Any) -> list[Row]:
        """The rows as they were committed last."""
        reader: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if reader is None:
            reader = self._readers.connection = self._connect()
        return reader.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction: its statements are all durable at the end, and none of them after an error."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                waiting = len(self._later)
                for sql, parameters in self._later[:waiting]:
                    self._writer.execute(sql, parameters)
                yield self._writer
                self._writer.execute("COMMIT")
                del self._later[:waiting]
            except BaseException:
                with suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise

    def add_later(self, sql: str, *parameters: Any) -> None:
        """The statement is part of the next transaction; a crash before loses it, and so does a read-only folder."""
        if not self._options:
            self._later.append((sql, parameters))

    def flush(self) -> None:
        """Writes the statements that were kept for later, where the folder is writable."""
        if self._later:
            with suppress(sqlite3.OperationalError), self.transaction():
                pass

    def close(self) -> None:
        """All is written, and the file is whole without its log."""
        self.flush()
        with self._lock:
            self._writer.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._prepare(self._connect())
        except sqlite3.OperationalError as error:
            # A file in WAL mode is readable without its folder only as one that nobody changes.
            self._options = "?immutable=1"
            with suppress(sqlite3.OperationalError):
                connection = self._connect()
                connection.execute("SELECT 1 FROM objects LIMIT 1")
                return connection
            raise StoreError(f"cannot open {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._path} is not a database of clipgraph: {error}") from error

    def _prepare(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise StoreError(f"{self._path} was written by a newer clipgraph (version {found})")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        return connection

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}{self._options}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA synchronous = FULL")
        return connection
