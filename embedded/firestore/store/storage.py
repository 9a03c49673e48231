"""The data directory: locked for one server, with one writing connection and as many reading ones as are needed."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from embedded.data_directory import OWNER_ONLY
from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model.clock import MICROSECONDS, Clock
from embedded.firestore.store import file_size
from embedded.firestore.store.read_gate import ReadGate
from embedded.firestore.store.reindex import adopt_indexes
from embedded.firestore.store.snapshots import Snapshot
from embedded.firestore.store.sqlite_schema import NewerFormatError, migrate
from embedded.firestore.store.writer import Writer
from embedded.lock import FileLockedError, lock_file

FILE_NAME = "firestore.sqlite3"
LOCK_NAME = "firestore.lock"
LOCK_WAIT_SECONDS = 2.0
HISTORY_MICROS = 3600 * MICROSECONDS
PRUNE_SECONDS = 60
MAX_IDLE_READERS = 8
_WRITER_CACHE_KIB = 48 * 1024
_READER_CACHE_KIB = 4 * 1024
LOG_SECONDS = 1.0  # between two looks at the log

# Of bytes, sqlite3 asks each time whether there is an adapter, and finding none costs more than all the rest of
# binding them: this one, which returns them as they are, takes a tenth off a bulk load.
sqlite3.register_adapter(bytes, bytes.__bytes__)


class StorageError(Exception):
    """The data directory cannot be used; the message is one line for the user."""


class Storage:
    """The documents of one data directory. Create it with `Storage.open`, within the event loop."""

    def __init__(
        self,
        directory: Path,
        lock: int,
        connection: sqlite3.Connection,
        indexes: IndexConfig,
        history_seconds: int | None = None,
    ) -> None:
        last_commit: int = connection.execute("SELECT last_commit FROM clock").fetchone()[0]
        self._directory = directory
        self._lock = lock
        self._connection = connection
        self._history_seconds = history_seconds
        self._readers: list[sqlite3.Connection] = []
        self._read_gate = ReadGate()
        self._upkeep: list[asyncio.Task[None]] = []
        self.indexes = indexes
        self.directory_id: bytes = connection.execute("SELECT directory_id FROM identity").fetchone()[0]
        self.clock = Clock(last_commit)
        self.writer = Writer(connection, self.clock, indexes)

    @classmethod
    def open(cls, directory: Path, indexes: IndexConfig | None = None, history_seconds: int | None = None) -> "Storage":
        """The storage, ready to read and write; StorageError says what is in the way.

        Without indexes, those that the directory had last are kept, and none is demanded. Past versions are kept for
        an hour, or for history_seconds.
        """
        lock = _lock_directory(directory)
        try:
            connection = _connect(directory / FILE_NAME, _WRITER_CACHE_KIB)
            migrate(connection)
            file_size.adopt_file(connection)
            adopted = adopt_indexes(connection, indexes)
        except (sqlite3.Error, NewerFormatError) as error:
            os.close(lock)
            raise StorageError(f"cannot use {directory / FILE_NAME}: {error}") from error
        return cls(directory, lock, connection, adopted, history_seconds)

    def start(self) -> None:
        """Begins to take commits and to forget old versions."""
        self.writer.start()
        self._upkeep = [asyncio.create_task(self._prune_forever()), asyncio.create_task(self._truncate_forever())]

    async def close(self) -> None:
        """Finishes what was begun, folds the log into the file, and frees the directory."""
        for task in self._upkeep:
            task.cancel()
        await asyncio.gather(*self._upkeep, return_exceptions=True)
        await self.writer.stop()
        for reader in self._readers:
            reader.close()
        self._connection.close()
        os.close(self._lock)

    @asynccontextmanager
    async def snapshot(self, read_time: int | None = None) -> AsyncIterator[Snapshot]:
        """A consistent view of all durable commits, or of those up to a read time."""
        if read_time is not None:
            await self.writer.flushed()  # or a commit before the read time could show in the next read only
        await self._read_gate.enter()
        try:
            with self._begin_read() as reader:
                last_commit: int = reader.execute("SELECT last_commit FROM clock").fetchone()[0]
                now = self.clock.read_time() if self.writer.is_flushed else last_commit
                yield Snapshot(
                    reader, now if read_time is None else read_time, is_past=(read_time or now) < last_commit
                )
        finally:
            self._read_gate.leave()

    @contextmanager
    def _begin_read(self) -> Iterator[sqlite3.Connection]:
        reader = self._readers.pop() if self._readers else _connect(self._directory / FILE_NAME, _READER_CACHE_KIB)
        try:
            reader.execute("BEGIN")
            yield reader
        finally:
            with suppress(sqlite3.Error):
                reader.execute("ROLLBACK")
            if len(self._readers) < MAX_IDLE_READERS:
                self._readers.append(reader)
            else:
                reader.close()

    @property
    def history_micros(self) -> int:
        """How long replaced and deleted versions are kept, in microseconds."""
        return HISTORY_MICROS if self._history_seconds is None else self._history_seconds * MICROSECONDS

    async def _truncate_forever(self) -> None:
        """Empties the log when nobody writes, and also while others do once it is too large."""
        last_commits = -1
        while True:
            await asyncio.sleep(LOG_SECONDS)
            size_bytes = file_size.read_log_bytes(self._directory / FILE_NAME)
            is_quiet = self.writer.commit_count == last_commits
            last_commits = self.writer.commit_count
            if size_bytes > file_size.MAX_LOG_BYTES or (is_quiet and size_bytes):
                with suppress(sqlite3.Error):  # such as a full disk: commits say so
                    await self._truncate(is_quiet=is_quiet)

    async def _truncate(self, *, is_quiet: bool) -> None:
        if is_quiet:
            await self.writer.truncate_log(0)
            return
        # Reads that overlap need the log at all times.
        async with self._read_gate.closed(file_size.READS_WAIT_SECONDS):
            await self.writer.truncate_log(file_size.LOG_WAIT_SECONDS)

    async def _prune_forever(self) -> None:
        while True:
            try:
                await self.writer.prune(time.time_ns() // 1000 - self.history_micros)
                await self.writer.shrink()
            except sqlite3.Error as error:  # such as a full disk: what is old goes later
                sys.stderr.write(f"firestore: cannot forget old versions, and tries again: {error}\n")
                sys.stderr.flush()
            await asyncio.sleep(PRUNE_SECONDS)


def _connect(file: Path, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=file_size.BUSY_SECONDS)
    file_size.configure(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    return connection


def _lock_directory(directory: Path) -> int:
    """The descriptor that holds the directory for this process."""
    try:
        directory.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        return lock_file(directory / LOCK_NAME, LOCK_WAIT_SECONDS)
    except OSError as error:
        raise StorageError(f"cannot write to the data directory {directory}: {error.strerror}") from error
    except FileLockedError:
        raise StorageError(f"another server is using the data directory {directory}") from None
