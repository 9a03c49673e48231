"""Transactions: what they have read is locked, what they write is buffered by the client until Commit."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from embedded.firestore.model import clock
from embedded.firestore.model.errors import AbortedError, FailedPreconditionError, InvalidArgumentError
from embedded.firestore.model.paths import Path
from embedded.firestore.model.protos import Timestamp, TransactionOptions
from embedded.firestore.query.query import Query, without_page
from embedded.firestore.store.storage import HISTORY_MICROS, Storage
from embedded.firestore.store.writer import Change, CommitResult
from embedded.firestore.store.writes import ParsedWrite
from embedded.firestore.transactions.locks import LockFailedError, LockTable, LockTimeoutError, Mode, Owner
from embedded.firestore.transactions.owner_states import OwnerEvent

IDLE_SECONDS = 60.0
TOTAL_SECONDS = 270.0
SWEEP_SECONDS = 1.0
_AGE_BYTES = 8
_RANDOM_BYTES = 8
_OPTIMISTIC = 1
_CONTENTION = "Too much contention on these documents. Please try again."


@dataclass(eq=False)
class Transaction:
    """A transaction that has begun and not ended. read_time is set for read-only ones."""

    id: bytes
    database: str
    owner: Owner
    read_time: int | None = None
    queries: list[Query] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)
    used_at: float = field(default_factory=time.monotonic)

    @property
    def is_read_only(self) -> bool:
        """Whether this reads a snapshot, without locks."""
        return self.read_time is not None


class QueryConflictError(Exception):
    """A commit would change what queries of other transactions have found."""

    def __init__(self, owners: set[Owner]) -> None:
        super().__init__()
        self.owners = owners


class Transactions:
    """All open transactions, and the commits that have to respect them."""

    def __init__(self, storage: Storage, *, is_optimistic: bool = False) -> None:
        self._storage = storage
        self._is_optimistic = is_optimistic
        self._open: dict[bytes, Transaction] = {}
        self._locks = LockTable(storage.clock.read_time)
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to end transactions that have expired."""
        self._sweeping = asyncio.create_task(self._sweep_forever())

    def stop(self) -> None:
        """Ends the sweeping."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    def begin(self, database: str, options: TransactionOptions) -> Transaction:
        """A new transaction."""
        if options.WhichOneof("mode") == "read_only":
            return self._begin_read_only(database, options)
        retried = options.read_write.retry_transaction
        age = _age_of(retried) if retried else self._storage.clock.next_commit_time()
        concurrency = options.read_write.concurrency_mode or (_OPTIMISTIC if self._is_optimistic else 0)
        owner = Owner(age, is_retry=bool(retried), is_optimistic=concurrency == _OPTIMISTIC)
        return self._add(Transaction(_new_id(age), database, owner))

    def get(self, transaction_id: bytes, database: str) -> Transaction:
        """An open transaction; InvalidArgumentError where it has ended, expired, or never been."""
        _age_of(transaction_id)
        transaction = self._open.get(transaction_id)
        if transaction is None:
            raise InvalidArgumentError("The referenced transaction has expired or is no longer valid.")
        if transaction.database != database:
            raise InvalidArgumentError("The referenced transaction belongs to another database.")
        transaction.used_at = time.monotonic()
        return transaction

    async def lock_documents(self, transaction: Transaction, paths: list[Path]) -> int | None:
        """The time to read the documents at, or None for now, when they are locked."""
        if transaction.is_read_only:
            return transaction.read_time
        try:
            for path in paths:
                await self._locks.acquire_read(transaction.owner, path)
        except LockFailedError:
            self._locks.fail(transaction.owner)
        return self._read_time(transaction)

    async def lock_query(self, transaction: Transaction, query: Query) -> int | None:
        """The time to run the query at, or None for now, when no commit can change its results any more."""
        if transaction.is_read_only:
            return transaction.read_time
        key = (query.scope.parent, query.scope.collection_id, query.scope.is_group)
        try:
            await self._locks.acquire_read(transaction.owner, key)
            transaction.queries.append(without_page(query))
            await self._storage.writer.flushed()
        except LockFailedError:
            self._locks.fail(transaction.owner)
        return self._read_time(transaction)

    async def commit(self, transaction: Transaction | None, writes: list[ParsedWrite]) -> CommitResult:
        """Makes the writes durable; AbortedError where another transaction came first.

        Not to be cancelled half way: callers shield it.
        """
        age = self._storage.clock.next_commit_time()
        owner = Owner(age, is_single_commit=True) if transaction is None else transaction.owner
        try:
            if transaction is not None and transaction.is_read_only and writes:
                raise InvalidArgumentError("Cannot modify documents in a read-only transaction.")
            if not writes:
                return CommitResult(self._storage.clock.next_commit_time(), [], [])
            return await self._commit(owner, writes)
        except LockTimeoutError:
            raise AbortedError(f"Transaction lock timeout. {_CONTENTION}") from None
        except LockFailedError:
            raise AbortedError(_CONTENTION) from None
        finally:
            self._end(owner, transaction)

    def rollback(self, transaction_id: bytes, database: str) -> None:
        """Ends a transaction; one that has ended already stays so."""
        _age_of(transaction_id)
        transaction = self._open.get(transaction_id)
        if transaction is not None:
            self._end(self.get(transaction_id, database).owner, transaction)

    def parse_read_time(self, timestamp: Timestamp) -> int:
        """A read time in microseconds, if the past is still kept for it."""
        if not clock.is_valid(timestamp) or timestamp.nanos % 1000:
            raise InvalidArgumentError("read_time must be a timestamp of whole microseconds.")
        micros, now = clock.to_micros(timestamp), self._storage.clock.read_time()
        if micros > now:
            raise InvalidArgumentError("read_time must not be in the future.")
        if micros < now - HISTORY_MICROS:
            raise FailedPreconditionError("The requested snapshot version is too old: read_time is over an hour ago.")
        return micros

    def _begin_read_only(self, database: str, options: TransactionOptions) -> Transaction:
        now = self._storage.clock.read_time()
        read_time = now
        if options.read_only.HasField("read_time"):
            read_time = self.parse_read_time(options.read_only.read_time)
        return self._add(Transaction(_new_id(now), database, Owner(now), read_time))

    def _add(self, transaction: Transaction) -> Transaction:
        self._open[transaction.id] = transaction
        return transaction

    def _read_time(self, transaction: Transaction) -> int | None:
        """The time at which a transaction that has given way read last: it goes on reading the same state.

        Clients retry when Commit says ABORTED; a read that said so would surface in the user's code.
        """
        transaction.used_at = time.monotonic()
        return transaction.owner.failed_at

    async def _commit(self, owner: Owner, writes: list[ParsedWrite]) -> CommitResult:
        for path in sorted({write.path for write in writes}):
            await self._locks.acquire(owner, path, Mode.WRITE)
        while True:
            owner.change(OwnerEvent.COMMIT)
            try:
                return await self._storage.writer.commit(writes, lambda changes: self._assert_unqueried(owner, changes))
            except QueryConflictError as conflict:
                owner.change(OwnerEvent.QUERY_CONFLICT)
                await self._locks.wait_for(owner, conflict.owners)

    def _assert_unqueried(self, owner: Owner, changes: list[Change]) -> None:
        """Raises QueryConflictError where other transactions have queried for what is about to change."""
        conflicts = {
            transaction.owner
            for transaction in self._open.values()
            if transaction.queries and transaction.owner is not owner and _is_affected(transaction, changes)
        }
        if conflicts:
            raise QueryConflictError(conflicts)

    def _end(self, owner: Owner, transaction: Transaction | None) -> None:
        if transaction is not None:
            self._open.pop(transaction.id, None)
            transaction.queries.clear()
        self._locks.end(owner)

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for transaction in list(self._open.values()):
                is_expired = now - transaction.used_at > IDLE_SECONDS or now - transaction.began_at > TOTAL_SECONDS
                if is_expired and not transaction.owner.is_committing:
                    self._open.pop(transaction.id, None)
                    transaction.queries.clear()
                    self._locks.fail(transaction.owner)


def _is_affected(transaction: Transaction, changes: list[Change]) -> bool:
    if transaction.owner.is_failed:
        return False
    for query in transaction.queries:
        for change in changes:
            for document in (change.before, change.after):
                if document is not None and query.matches(change.path, document):
                    return True
    return False


def _new_id(age: int) -> bytes:
    return age.to_bytes(_AGE_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)


def _age_of(transaction_id: bytes) -> int:
    """The time at which the first attempt of a transaction began: a retry keeps its place among the others."""
    if len(transaction_id) != _AGE_BYTES + _RANDOM_BYTES:
        raise InvalidArgumentError("Invalid transaction: it was not issued by BeginTransaction.")
    return int.from_bytes(transaction_id[:_AGE_BYTES], "big")
