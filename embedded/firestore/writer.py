"""The one place that writes: commits in order, each all or nothing, many to one flush of the disk."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from embedded.firestore import clock
from embedded.firestore.indexes import Entry, IndexConfig
from embedded.firestore.paths import Path, encode_segment
from embedded.firestore.protos import Document, WriteResult
from embedded.firestore.values import END, invert
from embedded.firestore.writes import ParsedWrite, State, apply_write

SLICE_SECONDS = 0.005  # how long one commit may keep the event loop
GROUP_SECONDS = 0.02  # how long commits are gathered before they are flushed together


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to one document; None where there was none before, or is none after."""

    path: Path
    before: Document | None
    after: Document | None


@dataclass(frozen=True, slots=True)
class CommitResult:
    """The outcome of a durable commit."""

    commit_time: int
    write_results: list[WriteResult]
    changes: list[Change]


@dataclass(slots=True)
class Job:
    """A commit on its way; `check` may still refuse it, seeing what it would change."""

    writes: list[ParsedWrite]
    check: Callable[[list[Change]], None]
    done: "asyncio.Future[CommitResult]"
    result: CommitResult | None = field(default=None)


class Writer:
    """Applies commits one after the other on the event loop; only the flush runs in a thread."""

    def __init__(self, connection: sqlite3.Connection, time_source: clock.Clock, indexes: IndexConfig) -> None:
        self._connection = connection
        self._clock = time_source
        self._indexes = indexes
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, "firestore-flush")
        self._task: asyncio.Task[None] | None = None
        self._numbers: dict[tuple[str, tuple[object, ...]], int] = {}
        self.listeners: list[Callable[[CommitResult], None]] = []
        self._turn = asyncio.Lock()
        self._durable = asyncio.Event()
        self._durable.set()

    def start(self) -> None:
        """Begin to take commits."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the commits that were taken, then end."""
        await self._jobs.join()
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown()

    async def commit(self, writes: list[ParsedWrite], check: Callable[[list[Change]], None]) -> CommitResult:
        """Return once the writes are on disk; any error leaves no trace of them."""
        job = Job(writes, check, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        return await job.done

    async def flushed(self) -> None:
        """Return once every commit that has been applied is on disk and shows in new snapshots."""
        await self._durable.wait()

    @property
    def is_flushed(self) -> bool:
        """Tell whether every commit that has been applied is on disk."""
        return self._durable.is_set()

    async def prune(self, before: int) -> None:
        """Forget the versions that ended before a time."""
        async with self._turn:
            self._connection.execute("DELETE FROM versions WHERE valid_to < ?", (before,))

    async def _run(self) -> None:
        while True:
            group = [await self._jobs.get()]
            self._durable.clear()
            try:
                async with self._turn:
                    await self._write_group(group)
            finally:
                self._durable.set()
                for _ in group:
                    self._jobs.task_done()

    async def _write_group(self, group: list[Job]) -> None:
        until = time.monotonic() + GROUP_SECONDS
        self._connection.execute("BEGIN IMMEDIATE")
        await self._apply(group[0])
        while not self._jobs.empty() and time.monotonic() < until:
            group.append(self._jobs.get_nowait())
            await self._apply(group[-1])
        applied = [(job, job.result) for job in group if job.result is not None]
        try:
            await self._flush([result for _, result in applied])
        except sqlite3.Error as error:
            self._numbers.clear()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for job, _ in applied:
                _fail(job, error)
            return
        self._durable.set()
        for job, result in applied:
            for listener in self.listeners:
                listener(result)
            if not job.done.done():
                job.done.set_result(result)

    async def _flush(self, results: list[CommitResult]) -> None:
        if not results:
            self._connection.execute("ROLLBACK")
            self._numbers.clear()
            return
        self._connection.execute("UPDATE clock SET last_commit = ?", (results[-1].commit_time,))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, "COMMIT")

    async def _apply(self, job: Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = await self._apply_writes(job)
        except Exception as error:  # noqa: BLE001 - it is the caller's, who awaits the job
            self._numbers.clear()  # numbers given out within the savepoint are gone with it
            self._connection.execute("ROLLBACK TO job")
            _fail(job, error)
        self._connection.execute("RELEASE job")

    async def _apply_writes(self, job: Job) -> CommitResult:
        commit_time = self._clock.next_commit_time()
        states: dict[Path, State] = {}
        results = []
        pace = Pace()
        for write in job.writes:
            state = states.get(write.path)
            if state is None:
                state = states[write.path] = self._load(write.path)
            results.append(apply_write(write, state, commit_time))
            await pace.pause()
        changes = []
        for state in states.values():
            change = self._store(state, commit_time)
            if change is not None:
                changes.append(change)
            await pace.pause()
        for write, result in zip(job.writes, results, strict=True):
            if not write.is_delete:
                state = states[write.path]
                updated = commit_time if state.document is None else state.updated
                result.update_time.CopyFrom(clock.to_timestamp(updated))
        job.check(changes)
        return CommitResult(commit_time, results, changes)

    def _load(self, path: Path) -> State:
        row = self._connection.execute(
            "SELECT number, created, updated, data FROM documents WHERE database = ? AND path = ?",
            (self._database_number(path.database), path.key),
        ).fetchone()
        if row is None:
            return State(path)
        document = Document.FromString(row[3])
        number, created, updated, data = row
        return State(path, number, created, updated, data, before=document, document=document)

    def _store(self, state: State, commit_time: int) -> Change | None:
        """Write a state's document, its entries and its past version; None if nothing has changed."""
        if not state.is_dirty or (state.document is None and state.number is None):
            return None
        if state.document is None:
            self._delete(state, commit_time)
            return Change(state.path, state.before, None)
        document = state.document
        document.name = state.path.name
        created = commit_time if state.number is None or state.is_recreated else state.created
        document.create_time.CopyFrom(clock.to_timestamp(created))
        document.update_time.CopyFrom(clock.to_timestamp(state.updated))
        if state.number is not None and document.SerializeToString(deterministic=True) == state.data:
            return None
        document.update_time.CopyFrom(clock.to_timestamp(commit_time))
        data = document.SerializeToString(deterministic=True)
        self._keep_version(state, commit_time)
        number = self._put(state, created, commit_time, data)
        self._update_entries(state.path, number, state.before, document)
        state.updated = commit_time
        return Change(state.path, state.before, document)

    def _put(self, state: State, created: int, updated: int, data: bytes) -> int:
        if state.number is not None:
            self._connection.execute(
                "UPDATE documents SET created = ?, updated = ?, data = ? WHERE number = ?",
                (created, updated, data, state.number),
            )
            return state.number
        cursor = self._connection.execute(
            "INSERT INTO documents (database, path, created, updated, data) VALUES (?, ?, ?, ?, ?)",
            (self._database_number(state.path.database), state.path.key, created, updated, data),
        )
        return int(cursor.lastrowid or 0)

    def _delete(self, state: State, commit_time: int) -> None:
        self._keep_version(state, commit_time)
        self._update_entries(state.path, state.number or 0, state.before, None)
        self._connection.execute("DELETE FROM documents WHERE number = ?", (state.number,))

    def _keep_version(self, state: State, commit_time: int) -> None:
        if state.number is None:
            return
        self._connection.execute(
            "INSERT INTO versions (database, path, valid_from, valid_to, data) VALUES (?, ?, ?, ?, ?)",
            (self._database_number(state.path.database), state.path.key, state.updated, commit_time, state.data),
        )

    def _update_entries(self, path: Path, number: int, before: Document | None, after: Document | None) -> None:
        collection_id = path.segments[-2]
        old = self._indexes.entries(collection_id, before.fields) if before is not None else set()
        new = self._indexes.entries(collection_id, after.fields) if after is not None else set()
        if before is None:  # most writes are new documents
            removed, added = set(), new
        else:
            removed, added = old - new, new - old
        collection, group = self._scopes(path)
        name, group_name = encode_segment(path.id), path.key + END

        def key(entry: Entry) -> tuple[int, int, bytes, bytes]:
            scope, entry_name = (group, group_name) if entry.is_group else (collection, name)
            if entry.is_name_inverted:
                entry_name = invert(entry_name)
            return scope, self._index_number(entry.definition), entry.value, entry_name

        self._connection.executemany(
            "DELETE FROM entries WHERE scope = ? AND idx = ? AND value = ? AND name = ?", map(key, removed)
        )
        self._connection.executemany(
            "INSERT INTO entries (scope, idx, value, name, document) VALUES (?, ?, ?, ?, ?)",
            ((*key(entry), number) for entry in added),
        )

    def _scopes(self, path: Path) -> tuple[int, int]:
        database = self._database_number(path.database)
        collection = path.parent
        sql = "INSERT INTO scopes (database, is_group, path) VALUES (?, ?, ?)"
        find = "SELECT number FROM scopes WHERE database = ? AND is_group = ? AND path = ?"
        return (
            self._number(find, sql, (database, 0, collection.key)),
            self._number(find, sql, (database, 1, encode_segment(collection.id))),
        )

    def _index_number(self, definition: str) -> int:
        return self._number(
            "SELECT number FROM indexes WHERE definition = ?",
            "INSERT INTO indexes (definition) VALUES (?)",
            (definition,),
        )

    def _database_number(self, name: str) -> int:
        return self._number(
            "SELECT number FROM databases WHERE name = ?", "INSERT INTO databases (name) VALUES (?)", (name,)
        )

    def _number(self, find: str, insert: str, key: tuple[object, ...]) -> int:
        """Return the number of a database, scope or index, giving it one where it has none yet."""
        number = self._numbers.get((find, key))
        if number is None:
            row = self._connection.execute(find, key).fetchone()
            number = int(row[0]) if row else int(self._connection.execute(insert, key).lastrowid or 0)
            if len(self._numbers) > 100_000:  # noqa: PLR2004 - some 20 MB
                self._numbers.clear()
            self._numbers[find, key] = number
        return number


class Pace:
    """Lets others run now and then in the course of long work."""

    def __init__(self) -> None:
        self._until = time.monotonic() + SLICE_SECONDS

    async def pause(self) -> None:
        """Yield to the event loop if the slice of time is used up."""
        if time.monotonic() > self._until:
            await asyncio.sleep(0)
            self._until = time.monotonic() + SLICE_SECONDS


def _fail(job: Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
