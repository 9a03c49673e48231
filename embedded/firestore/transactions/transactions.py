"""Transactions: their clients buffer what they write until Commit; whether what they have read still holds is ours.

Pessimistic ones lock what they read. Optimistic ones read at one time, and lock nothing: a commit overtakes those that
have read what it changes, and theirs is refused with ABORTED. The retry of one that gave way or was overtaken locks all
that the attempts before it have read or were about to write, in one order, before it reads again: so it comes through.
"""

import asyncio
import secrets
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from embedded.firestore.model import clock
from embedded.firestore.model.errors import AbortedError, FailedPreconditionError, InvalidArgumentError
from embedded.firestore.model.protos import Timestamp, TransactionOptions
from embedded.firestore.store.storage import HISTORY_MICROS, Storage
from embedded.firestore.store.writer import Change, CommitResult
from embedded.firestore.store.writes import ParsedWrite
from embedded.firestore.transactions.locks import LockFailedError, LockTable, LockTimeoutError, Mode, Owner
from embedded.firestore.transactions.owner_states import OwnerEvent
from embedded.firestore.transactions.read_sets import LostReadSets, ReadSet, Wanted, check_changed, keys_of

IDLE_SECONDS = 60.0
TOTAL_SECONDS = 270.0
SWEEP_SECONDS = 1.0
_AGE_BYTES = 8
_RANDOM_BYTES = 8
_OPTIMISTIC = 1
_CONTENTION = "Too much contention on these documents. Please try again."


@dataclass(eq=False)
class Transaction:
    """A transaction that has begun and not ended. read_time is set for read-only ones.

    An optimistic one reads at snapshot_time. first_id is the id of the attempt that the client says it retries, and
    expected what this has needed, and those before it.
    """

    id: bytes
    database: str
    owner: Owner
    is_optimistic: bool = False
    read_time: int | None = None
    snapshot_time: int | None = None
    first_id: bytes = b""
    expected: ReadSet = field(default_factory=ReadSet)
    reads: ReadSet = field(default_factory=ReadSet)
    began_at: float = field(default_factory=time.monotonic)
    used_at: float = field(default_factory=time.monotonic)

    @property
    def is_read_only(self) -> bool:
        """Whether this reads a snapshot, without locks."""
        return self.read_time is not None

    @property
    def is_locking(self) -> bool:
        """Whether others wait for it. An optimistic one that was overtaken is so when it comes again."""
        return not self.is_optimistic or self.owner.is_retry


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
        self._lost = LostReadSets()
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
        new = Transaction(_new_id(age), database, Owner(age, is_retry=bool(retried)), concurrency == _OPTIMISTIC)
        if retried:
            new.first_id, new.expected = retried, self._lost.get(retried)
        return self._add(new)

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

    async def prepare_read(self, transaction: Transaction, wanted: Wanted) -> int | None:
        """The time to read at, or None for now, when no commit can change any more what is read.

        An optimistic transaction reads at the time of its first read, whatever is written meanwhile.
        """
        if transaction.is_read_only:
            return transaction.read_time
        try:
            await self._register(transaction, wanted)
        except LockFailedError:
            self._locks.fail(transaction.owner)
        transaction.used_at = time.monotonic()
        if not transaction.is_optimistic:
            # One that has given way goes on reading the same state: clients retry when Commit says ABORTED, and a
            # read that said so would surface in the user's code.
            return transaction.owner.failed_at
        if transaction.snapshot_time is None:
            transaction.snapshot_time = self._storage.clock.read_time()
        return transaction.snapshot_time

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
            return await self._commit(owner, writes, ReadSet() if transaction is None else transaction.reads)
        except LockTimeoutError:
            raise AbortedError(f"Transaction lock timeout. {_CONTENTION}") from None
        except LockFailedError:
            raise AbortedError(_CONTENTION) from None
        finally:
            self._end(owner, transaction, writes)

    def rollback(self, transaction_id: bytes, database: str) -> None:
        """Ends a transaction; one that has ended already stays so."""
        _age_of(transaction_id)
        transaction = self._open.get(transaction_id)
        if transaction is not None:
            self._end(self.get(transaction_id, database).owner, transaction)

    def expire_all(self, database: str | None) -> None:
        """Ends the transactions of a database, or of all, as if they had expired; a commit on its way goes on."""
        for transaction in list(self._open.values()):
            if database in {None, transaction.database}:
                self._expire(transaction)

    def parse_read_time(self, timestamp: Timestamp) -> int:
        """A read time in microseconds, if the past is still kept for it."""
        if not clock.is_valid(timestamp) or timestamp.nanos % 1000:
            raise InvalidArgumentError("read_time must be a timestamp of whole microseconds.")
        micros, now = clock.to_micros(timestamp), self._storage.clock.read_time()
        if micros > now:
            raise InvalidArgumentError("read_time must not be in the future.")
        if micros < now - self._storage.history_micros:
            raise FailedPreconditionError(
                f"The requested snapshot version is too old: read_time is over {self._history_text()} ago."
            )
        return micros

    def _history_text(self) -> str:
        """The time for which the past is kept, in words."""
        micros = self._storage.history_micros
        return "an hour" if micros == HISTORY_MICROS else f"{micros // clock.MICROSECONDS} seconds"

    def _begin_read_only(self, database: str, options: TransactionOptions) -> Transaction:
        now = self._storage.clock.read_time()
        read_time = now
        if options.read_only.HasField("read_time"):
            read_time = self.parse_read_time(options.read_only.read_time)
        return self._add(Transaction(_new_id(now), database, Owner(now), read_time=read_time))

    def _add(self, transaction: Transaction) -> Transaction:
        self._open[transaction.id] = transaction
        return transaction

    async def _register(self, transaction: Transaction, wanted: Wanted) -> None:
        """Takes note of a read before it happens: no commit goes unnoticed from now on."""
        first = transaction.expected.copy() if transaction.reads.is_empty else ReadSet()
        first.add(wanted)
        await self._take(transaction, first)
        if not transaction.is_optimistic:
            await self._storage.writer.flushed()
        elif transaction.snapshot_time is None:
            transaction.snapshot_time = self._storage.clock.read_time()
        elif not transaction.owner.is_failed:
            await self._compare(transaction, transaction.snapshot_time, wanted)

    async def _take(self, transaction: Transaction, wanted: ReadSet) -> None:
        """Takes a read's locks in one order: transactions that know what they need do not wait crosswise."""
        take = self._locks.acquire_read if transaction.is_locking else self._locks.take_turn
        try:
            for key in wanted.sorted_keys():
                await take(transaction.owner, key)
        finally:
            transaction.reads.update(wanted)  # also where it gives way: its retry is to hold them all

    async def _compare(self, transaction: Transaction, snapshot_time: int, wanted: Wanted) -> None:
        """Makes an optimistic transaction give way if others have written, since it first read, what it reads now."""
        async with self._storage.snapshot(snapshot_time) as snapshot:
            if await check_changed(snapshot, wanted, self._storage.indexes):
                self._overtake(transaction, keys_of(wanted))

    def _overtake(self, transaction: Transaction, keys: Iterable[Hashable]) -> None:
        self._locks.fail(transaction.owner)
        self._locks.mark_contended(*keys)

    async def _commit(self, owner: Owner, writes: list[ParsedWrite], reads: ReadSet) -> CommitResult:
        owner.keep_turns()
        for path in sorted({write.path for write in writes}):
            await self._locks.acquire(owner, path, Mode.WRITE)
        while True:
            owner.change(OwnerEvent.COMMIT)
            try:
                return await self._storage.writer.commit(writes, lambda changes: self._settle(owner, reads, changes))
            except QueryConflictError as conflict:
                owner.change(OwnerEvent.QUERY_CONFLICT)
                await self._locks.wait_for(owner, conflict.owners)

    def _settle(self, owner: Owner, reads: ReadSet, changes: list[Change]) -> None:
        """Raises LockFailedError where the owner was overtaken, and QueryConflictError where others must end first.

        Else the commit is the next one in order, and overtakes the optimistic transactions that have read otherwise.
        """
        if owner.is_failed:
            raise LockFailedError
        others = [each for each in self._open.values() if each.owner is not owner and not each.owner.is_failed]
        queried = [each for each in others if each.reads.check_results_change(changes)]
        blockers = {each.owner for each in queried if each.is_locking}
        if blockers:
            raise QueryConflictError(blockers)
        for each in others:
            changed = [] if each.is_locking else each.reads.find_changed(changes)
            if changed or each in queried:
                self._overtake(each, [*changed, *(key for query in each.reads.queries for key in keys_of(query))])
        reads.clear()  # from here on, nothing overtakes the commit itself

    def _end(self, owner: Owner, transaction: Transaction | None, writes: Iterable[ParsedWrite] = ()) -> None:
        if transaction is not None:
            self._open.pop(transaction.id, None)
            if owner.is_failed:
                self._keep(transaction, writes)
            transaction.reads.clear()
        self._locks.end(owner)

    def _keep(self, transaction: Transaction, writes: Iterable[ParsedWrite]) -> None:
        """Remembers for the retry all that this and the attempts before it have read, or were about to write."""
        needed = transaction.reads.copy()
        needed.add({write.path for write in writes})
        # Python's client names the first attempt in all retries, and Node's the one before.
        for each in {transaction.id, transaction.first_id or transaction.id}:
            self._lost.keep(each, needed)

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for transaction in list(self._open.values()):
                is_expired = now - transaction.used_at > IDLE_SECONDS or now - transaction.began_at > TOTAL_SECONDS
                if is_expired:
                    self._expire(transaction)

    def _expire(self, transaction: Transaction) -> None:
        if not transaction.owner.is_committing:
            self._open.pop(transaction.id, None)
            transaction.reads.clear()
            self._locks.fail(transaction.owner)


def _new_id(age: int) -> bytes:
    return age.to_bytes(_AGE_BYTES, "big") + secrets.token_bytes(_RANDOM_BYTES)


def _age_of(transaction_id: bytes) -> int:
    """The time at which the first attempt of a transaction began: a retry keeps its place among the others."""
    if len(transaction_id) != _AGE_BYTES + _RANDOM_BYTES:
        raise InvalidArgumentError("Invalid transaction: it was not issued by BeginTransaction.")
    return int.from_bytes(transaction_id[:_AGE_BYTES], "big")
