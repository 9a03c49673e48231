"""The one place that writes: commits in order, each all or nothing, many to one flush of the disk."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model import clock
from embedded.firestore.model.paths import Path
from embedded.firestore.model.protos import Document, WriteResult
from embedded.firestore.store import file_size
from embedded.firestore.store.purge import delete_documents, list_documents
from embedded.firestore.store.tables import Tables
from embedded.firestore.store.writes import ParsedWrite, State, apply_write

SLICE_SECONDS = 0.005  # how long one commit may keep the event loop
GROUP_SECONDS = 0.02  # how long commits are gathered before they are flushed together
_PRUNE_ROWS = 1000
_BATCH_DOCUMENTS = 64  # some milliseconds of index entries

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one document by a commit; None where there was none before, or is none after."""

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
        self._tables = Tables(connection, indexes)
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, "firestore-flush")
        self._task: asyncio.Task[None] | None = None
        self.listeners: list[Callable[[CommitResult], None]] = []
        self._turn = asyncio.Lock()
        self.commit_count = 0
        self._durable = asyncio.Event()
        self._durable.set()

    def start(self) -> None:
        """Begins to take commits."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finishes the commits that were taken, then ends."""
        await self._jobs.join()
        if self._task is not None:
            self._task.cancel()
        self._thread.shutdown()

    async def commit(self, writes: list[ParsedWrite], check: Callable[[list[Change]], None]) -> CommitResult:
        """Writes to the disk, and waits for it; any error leaves no trace of the writes."""
        job = Job(writes, check, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        return await job.done

    async def flushed(self) -> None:
        """Waits until every applied commit is on disk and shows in new snapshots."""
        await self._durable.wait()

    @property
    def is_flushed(self) -> bool:
        """Whether every commit that has been applied is on disk."""
        return self._durable.is_set()

    async def prune(self, before: int) -> None:
        """Forgets the versions that ended before a time, a few at once so that commits come in between."""
        find = "SELECT number FROM versions WHERE valid_to < ? ORDER BY valid_to LIMIT ?"
        delete = f"DELETE FROM versions WHERE number IN ({find})"  # noqa: S608 - constants only
        count = _PRUNE_ROWS
        while count == _PRUNE_ROWS:
            count = await self._work(lambda connection: connection.execute(delete, (before, _PRUNE_ROWS)).rowcount)

    async def shrink(self) -> None:
        """Gives free pages back to the file system, some at once so that commits come in between."""
        excess = await self._work(file_size.count_excess_pages)
        for _ in range(-(-excess // file_size.SLICE_PAGES)):
            await self._work(file_size.give_back_pages)

    async def truncate_log(self, wait_seconds: float) -> None:
        """Empties the log, unless reads need it for longer than is waited for; commits wait for this."""
        await self._work(lambda connection: file_size.truncate_log(connection, wait_seconds))

    async def _work(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """The result of work on the connection between two commits, off the event loop."""
        async with self._turn:
            running = asyncio.get_running_loop().run_in_executor(self._thread, work, self._connection)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])  # the connection is free only then
                raise

    async def delete_all(self, database: str | None) -> None:
        """Deletes every document of a database, or of all, in one commit that listeners are told of."""
        async with self._turn:
            self._durable.clear()
            try:
                result = await self._delete_all(database)
            finally:
                self._undo()
                self._durable.set()
            for listener in self.listeners:
                listener(result)

    async def _delete_all(self, database: str | None) -> CommitResult:
        pace, changes = Pace(), []
        self._connection.execute("BEGIN IMMEDIATE")
        for path, data in list_documents(self._connection, database):
            changes.append(Change(path, Document.FromString(data), None))
            await pace.pause()
        commit_time = self._clock.next_commit_time()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, delete_documents, self._connection, database, commit_time)
        await self._in_thread("COMMIT")
        return CommitResult(commit_time, [], changes)

    async def _run(self) -> None:
        while True:
            group = [await self._jobs.get()]
            try:
                async with self._turn:
                    await self._write(group, GROUP_SECONDS)
            finally:
                self._durable.set()
                for _ in group:
                    self._jobs.task_done()

    async def _write(self, group: list[Job], gather_seconds: float) -> None:
        """Writes a group in one transaction, or each alone where that fails, such as on a full disk."""
        try:
            await self._write_group(group, gather_seconds)
        except Exception as error:  # noqa: BLE001 - whoever awaits a job gets it; the writer goes on
            self._undo()
            if len(group) == 1:
                _fail(group[0], error)
                return
            for job in group:
                if not job.done.done():
                    await self._write([job], 0)

    async def _write_group(self, group: list[Job], gather_seconds: float) -> None:
        until = time.monotonic() + gather_seconds
        self._durable.clear()
        self._connection.execute("BEGIN IMMEDIATE")
        await self._apply(group[0])
        while not self._jobs.empty() and time.monotonic() < until:
            group.append(self._jobs.get_nowait())
            await self._apply(group[-1])
        applied = [(job, job.result) for job in group if job.result is not None]
        await self._flush([result for _, result in applied])
        self._durable.set()
        self.commit_count += len(applied)
        for job, result in applied:
            if not job.done.done():
                job.done.set_result(result)
        for _, result in applied:
            for listener in self.listeners:
                listener(result)

    def _undo(self) -> None:
        """Rolls back all that is not durable."""
        self._tables.forget_numbers()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def _flush(self, results: list[CommitResult]) -> None:
        if not results:
            self._undo()
            return
        self._connection.execute("UPDATE clock SET last_commit = ?", (results[-1].commit_time,))
        await self._in_thread("COMMIT")

    async def _in_thread(self, sql: str) -> sqlite3.Cursor:
        """Executes a statement that waits for the disk, off the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._connection.execute, sql)

    async def _apply(self, job: Job) -> None:
        """Writes a job's outcome; one that is refused is so before anything is written: there is nothing to undo.

        Within a savepoint, SQLite would copy each page aside before it is changed: a fifth of a large commit.
        """
        job.result = None
        commit_time = self._clock.next_commit_time()
        try:
            states, results = await self._apply_writes(job, commit_time)
            changed = await self._find_changed(states)
            changes = [Change(state.path, state.before, state.document) for state in changed]
            job.check(changes)
        except Exception as error:  # noqa: BLE001 - it is the caller's, who awaits the job
            _fail(job, error)
            return
        await self._store(changed, commit_time)
        for write, result in zip(job.writes, results, strict=True):
            if not write.is_delete:
                state = states[write.path]
                updated = commit_time if state.document is None else state.updated
                result.update_time.CopyFrom(clock.to_timestamp(updated))
        job.result = CommitResult(commit_time, results, changes)

    async def _apply_writes(self, job: Job, commit_time: int) -> tuple[dict[Path, State], list[WriteResult]]:
        """The documents as they become, and the writes' results, which lack their times."""
        pace = Pace()
        states: dict[Path, State] = {}
        results = []
        paths = list(dict.fromkeys(write.path for write in job.writes))
        for at in range(0, len(paths), _BATCH_DOCUMENTS):
            states |= self._tables.load(paths[at : at + _BATCH_DOCUMENTS])
            await pace.pause()
        for write in job.writes:
            results.append(apply_write(write, states[write.path], commit_time))
            await pace.pause()
        return states, results

    async def _find_changed(self, states: dict[Path, State]) -> list[State]:
        """The documents that are not as they were, with the index entries that they lose and gain."""
        pace = Pace()
        changed = []
        for state in states.values():
            if self._tables.find_entries(state):
                changed.append(state)
            await pace.pause()
        return changed

    async def _store(self, changed: list[State], commit_time: int) -> None:
        pace = Pace()
        for state in changed:
            self._tables.store(state, commit_time)
            await pace.pause()
        for at in range(0, len(changed), _BATCH_DOCUMENTS):
            self._tables.write_entries(changed[at : at + _BATCH_DOCUMENTS])
            await pace.pause()


class Pace:
    """Lets others run now and then in the course of long work."""

    def __init__(self) -> None:
        self._until = time.monotonic() + SLICE_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether the slice of time is used up."""
        return time.monotonic() > self._until

    async def pause(self) -> None:
        """Lets the event loop run if the slice of time is used up."""
        if self.is_over:
            await asyncio.sleep(0)
            self._until = time.monotonic() + SLICE_SECONDS


def _fail(job: Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
