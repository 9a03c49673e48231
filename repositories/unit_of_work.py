"""Reads, and buffered writes that become one commit: all or nothing."""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from google.cloud.firestore import DELETE_FIELD, AsyncDocumentReference, AsyncWriteBatch
from google.cloud.firestore_v1._helpers import WriteOption
from google.cloud.firestore_v1.async_query import AsyncQuery
from google.cloud.firestore_v1.field_path import FieldPath

from domain.document_size import MAX_DOCUMENT_BYTES, get_largest_field, measure_document
from repositories.client import FirestoreClient
from repositories.exceptions import (
    ContentionError,
    DocumentTooLargeError,
    TransactionEndedError,
    UnavailableError,
)
from repositories.firestore.backoff import RPC_BACKOFF
from repositories.firestore.paths import check_is_video
from repositories.firestore.rpc import DEFAULT_TIMEOUT_SECONDS, FirestoreRpc
from repositories.firestore.stored import StoredDocument
from repositories.firestore.transactions import Transaction
from repositories.firestore.transport import add_creation
from repositories.mapping.reader import to_data
from repositories.model.base import SOURCE
from repositories.statistics import (
    apply_difference,
    check_takes_increments,
    list_emptied,
    to_field_changes,
    to_whole_changes,
)
from repositories.tombstones import check_is_deleting

T = TypeVar("T")
Data = dict[str, Any]

MAX_EMPTY_STYLES = 32
"""The number of styles without a clip that stay in a video's statistics: removing one expects the video unchanged."""

CROWDED_BYTES = MAX_DOCUMENT_BYTES // 2
"""The size of a video from which on no style without a clip stays."""


class UnitState(Enum):
    """The state of a unit of work: only an OPEN one takes calls.

    1. A unit ends once: by its commit, by its block's end, or by an error.
    2. A unit is committed only after it has ended, by the commit that it ended for.
    """

    OPEN = "open"
    ENDED = "ended"
    COMMITTED = "committed"


_NEXT_STATES = {
    UnitState.OPEN: frozenset({UnitState.ENDED}),
    UnitState.ENDED: frozenset({UnitState.COMMITTED}),
    UnitState.COMMITTED: frozenset[UnitState](),
}


@dataclass
class _Write:
    """One buffered write: to create the document, to change fields of it, to replace all, or (None) to delete it."""

    reference: AsyncDocumentReference
    fields: Data | None
    is_new: bool = False
    is_whole: bool = False


@dataclass
class UnitOfWork:
    """The reads and buffered writes of one commit. Reads by id see buffered writes; queries see stored documents.

    With a `transaction`, documents that are read are locked until the commit. Without one, nothing is locked, so that a
    worker that dies leaves no lock behind: the commit is refused if a document that was read, and is written, has
    changed.

    It is committed once: by `commit`, or at the end of its block or function. Every later call raises
    `TransactionEndedError`.
    """

    rpc: FirestoreRpc
    transaction: Transaction | None = None
    state: UnitState = UnitState.OPEN
    _read: dict[str, StoredDocument] = field(default_factory=dict)
    _writes: list[_Write] = field(default_factory=list)
    _writes_by_path: defaultdict[str, list[_Write]] = field(default_factory=lambda: defaultdict(list))
    _differences: dict[str, Counter[str]] = field(default_factory=dict)
    _callbacks: list[Callable[[datetime | None], None]] = field(default_factory=list)

    async def get(self, reference: AsyncDocumentReference) -> Data | None:
        """The document's fields, with the writes that are buffered; None where it is missing or being deleted."""
        return (await self.get_all([reference]))[0]

    async def get_all(self, references: Sequence[AsyncDocumentReference]) -> list[Data | None]:
        """The fields of each document, as `get` answers them, in one RPC."""
        self.assert_open()
        unread = {reference.path: reference for reference in references if reference.path not in self._read}
        if unread:
            for document in await self.rpc.get_all(list(unread.values()), self.transaction):
                self._read[document.path] = document
        return [self._with_writes(reference.path) for reference in references]

    async def read_tombstone(self, reference: AsyncDocumentReference) -> Data | None:
        """The fields of a tombstone; None where the document is missing or not being deleted."""
        await self.get(reference)
        return self.find_tombstone(reference)

    def find_tombstone(self, reference: AsyncDocumentReference) -> Data | None:
        """The fields of the tombstone of a document that was read; None as above."""
        fields = self._read[reference.path].fields
        return dict(fields) if fields is not None and check_is_deleting(fields) else None

    async def run_query(self, query: AsyncQuery) -> list[StoredDocument]:
        """The query's documents as they are stored."""
        self.assert_open()
        return await self.rpc.run_query(query, self.transaction)

    def on_commit(self, callback: Callable[[datetime | None], None]) -> None:
        """`callback` is called with the time of the commit, once it is done."""
        self._callbacks.append(callback)

    def create(self, reference: AsyncDocumentReference, fields: Data) -> None:
        """The commit creates the document, and is refused if it exists."""
        _assert_size(reference.path, fields, fields)
        self._buffer(_Write(reference, fields, is_new=True))

    def update(self, reference: AsyncDocumentReference, changes: Data) -> None:
        """The commit changes the fields, and is refused if the document is missing."""
        if reference.path in self._read:
            fields = {**self._with_all_fields(reference.path), **changes}
            _assert_size(reference.path, fields, changes)
        self._buffer(_Write(reference, changes))

    def replace(self, reference: AsyncDocumentReference, fields: Data) -> None:
        """The commit replaces all fields of the document, which was read and exists."""
        self._buffer(_Write(reference, fields, is_whole=True))

    def delete(self, reference: AsyncDocumentReference, *, update_time: datetime | None = None) -> None:
        """The commit deletes the document, and is refused if it was changed after `update_time`."""
        if update_time is not None:
            self._read.setdefault(reference.path, StoredDocument(reference.path, None, None, update_time))
        self._buffer(_Write(reference, None))

    def add_to_statistics(self, video: AsyncDocumentReference, difference: Mapping[str, int]) -> None:
        """The video's statistics will move by the difference, in one write a video for the whole commit.

        `DocumentTooLargeError`, and nothing moves, where the video has no room for another style.
        """
        self.assert_open()
        total = self._differences.setdefault(video.path, Counter())
        total.update(difference)
        try:
            self._assert_room_for_styles(video.path, difference)
        except DocumentTooLargeError:
            total.subtract(difference)
            raise

    def get_difference(self, video: AsyncDocumentReference) -> Counter[str]:
        """The change of the video's statistics by the commit."""
        return Counter(self._differences.get(video.path, {}))

    def assert_open(self) -> None:
        """Raises TransactionEndedError once the unit was committed or given up."""
        if self.state is not UnitState.OPEN:
            raise TransactionEndedError

    async def commit(self) -> None:
        """Everything buffered is written, or nothing; `ContentionError` after a concurrent write.

        The unit has ended either way, and the end of its block does nothing more.
        """
        self.assert_open()
        self._move_to(UnitState.ENDED)
        try:
            await self._commit()
        except ContentionError:
            # Firestore has ended the transaction, and keeps its place in line for the next one.
            raise
        except BaseException:
            await self._release_locks()
            raise
        self._move_to(UnitState.COMMITTED)

    def end(self) -> None:
        """The unit takes no more calls; its locks, if any, are Firestore's."""
        if self.state is UnitState.OPEN:
            self._move_to(UnitState.ENDED)

    async def roll_back(self) -> None:
        """The unit has ended without a commit, unless it was committed; its locks are free."""
        if self.state is UnitState.OPEN:
            self._move_to(UnitState.ENDED)
            await self._release_locks()

    def _move_to(self, state: UnitState) -> None:
        if state not in _NEXT_STATES[self.state]:
            raise AssertionError(f"A unit that is {self.state.value} cannot become {state.value}.")
        self.state = state

    async def _commit(self) -> None:
        if self.transaction is not None:
            self._add_writes(self.transaction)
            committed_at = await self.rpc.commit_transaction(self.transaction)
        elif self._writes or self._differences:
            batch = self.rpc.client.batch()
            self._add_writes(batch)
            committed_at = await self.rpc.commit(batch)
        else:
            return
        for callback in self._callbacks:
            callback(committed_at)

    async def _release_locks(self) -> None:
        if self.transaction is not None:
            await self.rpc.roll_back(self.transaction)

    def _buffer(self, write: _Write) -> None:
        self.assert_open()
        self._writes.append(write)
        self._writes_by_path[write.reference.path].append(write)

    def _with_writes(self, path: str) -> Data | None:
        data = to_data(self._read[path])
        for write in self._writes_by_path.get(path, ()):
            kept = {} if write.is_whole else data or {}
            data = None if write.fields is None else {**kept, **write.fields}
        if check_is_deleting(data):
            return None
        difference = self._differences.get(path)
        return data if data is None or difference is None else apply_difference(data, difference)

    def _add_writes(self, batch: AsyncWriteBatch) -> None:
        written: dict[str, set[str]] = {}
        for write in self._writes:
            path = write.reference.path
            # Only the first write of a document meets it as it was read.
            self._add_write(batch, write, None if path in written else self._read.get(path))
            written.setdefault(path, set()).update(write.fields or ())
        # Last, because a buffered recount sets the values that these then add to.
        for path, difference in self._differences.items():
            self._add_statistics(batch, path, difference, written.get(path))

    def _add_statistics(
        self, batch: AsyncWriteBatch, path: str, difference: Counter[str], written: set[str] | None
    ) -> None:
        """The difference is added to the statistics.

        Statistics that are no numbers are replaced, if the video is as it was read.
        """
        reference, read = self.rpc.client.document(path), self._read.get(path)
        data = None if read is None or "clips_count" in (written or ()) else to_data(read)
        if data is not None and not check_takes_increments(data):
            option = self._expect(read if written is None else None)
            batch.update(reference, to_whole_changes(data, difference), option=option)
            return
        emptied = self._list_emptied(path, difference) if written is None else []
        option = self._expect(read) if emptied else None
        batch.update(reference, to_field_changes(difference, emptied), option=option)

    def _list_emptied(self, path: str, difference: Counter[str]) -> list[str]:
        """The styles that leave the map of a video that was read: styles without a clip, once there are many."""
        read = self._read.get(path)
        emptied = [] if read is None else list_emptied(read.get("clips_by_style"), difference)
        is_due = len(emptied) > MAX_EMPTY_STYLES or (emptied and self._measure(path) > CROWDED_BYTES)
        return emptied if is_due else []

    def _assert_room_for_styles(self, path: str, difference: Mapping[str, int]) -> None:
        read = self._read.get(path)
        stored = None if read is None else read.get("clips_by_style") or {}
        if not isinstance(stored, Mapping) or not any(difference[style] > 0 for style in difference.keys() - stored):
            return
        data = self._with_all_fields(path)
        by_style = {style: count for style, count in data.get("clips_by_style", {}).items() if count != 0}
        _assert_size(path, {**data, "clips_by_style": by_style})

    def _measure(self, path: str) -> int:
        return _measure_fields(path, self._with_all_fields(path))

    def _with_all_fields(self, path: str) -> Data:
        """The fields as they will be stored, those that are null among them."""
        return {**(self._read[path].fields or {}), **(self._with_writes(path) or {})}

    def _add_write(self, batch: AsyncWriteBatch, write: _Write, read: StoredDocument | None) -> None:
        option = self._expect(read)
        if write.is_new:
            add_creation(batch, write.reference, write.fields or {})
        elif write.fields is None:
            batch.delete(write.reference, option=option)
        elif write.is_whole:
            batch.update(write.reference, self._without_others(write.reference, write.fields), option=option)
        else:
            batch.update(write.reference, write.fields, option=option)

    def _expect(self, read: StoredDocument | None) -> WriteOption | None:
        """The precondition that a document is unchanged since its read; None in a transaction, which holds a lock."""
        if read is None or read.update_time is None or self.transaction is not None:
            return None
        return self.rpc.client.write_option(last_update_time=read.update_time)

    def _without_others(self, reference: AsyncDocumentReference, fields: Data) -> Data:
        """`fields`, and the removal of all others: a `set` would do that, and takes no precondition."""
        others = (self._read[reference.path].fields or {}).keys() - fields.keys()
        return {**fields, **{FieldPath(name).to_api_repr(): DELETE_FIELD for name in others}}


def _measure_fields(path: str, fields: Data) -> int:
    return measure_document(path, {name: value for name, value in fields.items() if name != SOURCE})


def _assert_size(path: str, fields: Data, changes: Data | None = None) -> None:
    """Raises `DocumentTooLargeError` where a video would pass Firestore's limit, at the largest of its changed fields.

    Clips hold no lists and no maps: their fields' own limits keep them small.
    """
    if not check_is_video(path):
        return
    size_bytes = _measure_fields(path, fields)
    if size_bytes > MAX_DOCUMENT_BYTES:
        # A clip's status decides whether it is counted, and so its style.
        raise DocumentTooLargeError(size_bytes, (get_largest_field(changes),) if changes else ("status",))


async def run_unlocked(rpc: FirestoreRpc, function: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    """The function's answer in the run whose writes were committed; it runs again after each conflict.

    For documents with few concurrent writers: nothing is locked, and it costs one RPC less than a transaction.
    """
    return await _run(rpc, function, is_locking=False)


async def run_in_transaction(
    client: FirestoreClient,
    function: Callable[[UnitOfWork], Awaitable[T]],
    *,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> T:
    """The function's answer in the run whose transaction was committed; it runs again after each conflict.

    Pass its unit of work on as `transaction=` to the repositories' calls. `UnavailableError` after `timeout_seconds`.
    """
    return await run_locked(FirestoreRpc(client, timeout_seconds), function)


async def run_locked(rpc: FirestoreRpc, function: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    """The function's answer, as `run_in_transaction` gives it, through these RPCs."""
    return await _run(rpc, function, is_locking=True)


@asynccontextmanager
async def open_transaction(rpc: FirestoreRpc) -> AsyncIterator[UnitOfWork]:
    """A unit of work that is committed at the end of the block, or not at all if the block raises.

    A block that commits it earlier has nothing more to write. `ContentionError` after a concurrent write: the block
    cannot be run again from here.
    """
    transaction = Transaction(rpc.client)
    await rpc.begin(transaction, None)
    unit = UnitOfWork(rpc, transaction)
    async with _ended(unit):
        yield unit


async def _run(rpc: FirestoreRpc, function: Callable[[UnitOfWork], Awaitable[T]], *, is_locking: bool) -> T:
    ends_at = time.monotonic() + rpc.timeout_seconds
    first_aborted: Transaction | None = None
    for attempt in itertools.count():
        unit = UnitOfWork(rpc, Transaction(rpc.client) if is_locking else None)
        try:
            return await _run_once(unit, function, first_aborted)
        except (ContentionError, UnavailableError) as error:
            if unit.state is UnitState.COMMITTED:
                raise
            # The next run finds out whether this one's writes were done.
            backoff_seconds = RPC_BACKOFF.compute_seconds(attempt)
            if time.monotonic() + backoff_seconds >= ends_at:
                raise UnavailableError("The write did not complete in time. Try again in a moment.") from error
            if isinstance(error, ContentionError):
                first_aborted = first_aborted or unit.transaction
        await asyncio.sleep(backoff_seconds)
    raise AssertionError  # the loop has no end of its own


async def _run_once(
    unit: UnitOfWork, function: Callable[[UnitOfWork], Awaitable[T]], first_aborted: Transaction | None
) -> T:
    if unit.transaction is not None:
        await unit.rpc.begin(unit.transaction, first_aborted)
    async with _ended(unit):
        return await function(unit)


@asynccontextmanager
async def _ended(unit: UnitOfWork) -> AsyncIterator[None]:
    """The unit is committed at the end, unless the block did that or raises; in each case it takes no more calls."""
    try:
        yield
        if unit.state is UnitState.OPEN:
            await unit.commit()
    except ContentionError:
        # Firestore has ended the transaction, and keeps its place in line for the next one.
        unit.end()
        raise
    except BaseException:
        await unit.roll_back()
        raise
