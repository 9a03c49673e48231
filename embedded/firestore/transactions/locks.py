"""Locks of transactions and commits on documents and on queries, granted in turn.

READ is shared among readers, WRITE among blind writers, EXCLUSIVE with nobody. Who waits is served in the order of
arrival, except that a holder who needs more goes first: those behind it could not be served before it anyway.
A wait that closes a circle fails the youngest in it.

Readers that share a lock and then all write fail each other, and clients retry only a few times, at once. So a
retried transaction reads exclusively, and so does every transaction where others have just failed: each gets its turn.
(The second rule is for clients that lose track of what they retry, as Python's does when tasks share one decorated
function.)
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from embedded.firestore.transactions.owner_states import FINAL, TRANSITIONS, OwnerEvent, OwnerState

LOCK_WAIT_SECONDS = 20.0
CONTENDED_SECONDS = 1.0  # how long after a failure reads of the same thing stay exclusive
TURN_SECONDS = 1.0  # how long a transaction that is not to lock anything may keep others waiting
_MAX_CONTENDED = 10_000


class Mode(Enum):
    """How a lock is held."""

    READ = 1
    WRITE = 2
    EXCLUSIVE = 3

    def allows(self, other: "Mode") -> bool:
        """Whether two owners may hold one lock in these modes."""
        return self is other and self is not Mode.EXCLUSIVE

    def joined(self, other: "Mode") -> "Mode":
        """The mode of an owner that holds a lock in both modes."""
        return self if self is other else Mode.EXCLUSIVE


class LockFailedError(Exception):
    """The owner gave way: it would wait in a circle, has waited too long, or was pushed aside by an older one."""


class LockTimeoutError(LockFailedError):
    """The owner has waited too long."""


@dataclass(eq=False)
class Owner:
    """A holder of locks: a transaction, or a single commit. `age` is the time at which its first attempt began."""

    age: int
    is_retry: bool = False
    is_single_commit: bool = False
    held: dict[Hashable, Mode] = field(default_factory=dict)
    waiting: "_Request | None" = None
    failed_at: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    waits_for: "set[Owner]" = field(default_factory=set)
    turns: list[asyncio.TimerHandle] = field(default_factory=list)
    _state: OwnerState = OwnerState.OPEN

    @property
    def state(self) -> OwnerState:
        """The owner's state; only `change` changes it."""
        return self._state

    @property
    def is_failed(self) -> bool:
        """Whether the owner had to give way: at `failed_at` all it had read was still true."""
        return self._state is OwnerState.FAILED

    @property
    def is_committing(self) -> bool:
        """Whether the owner's writes are on their way to the disk."""
        return self._state is OwnerState.COMMITTING

    def change(self, event: OwnerEvent) -> None:
        """Moves the owner to the state that the table gives; LockFailedError where it gives none."""
        after = TRANSITIONS.get((self._state, event))
        if after is None:
            raise LockFailedError
        self._state = after
        if after in FINAL:
            self.keep_turns()
            self.ended.set()
            self.waits_for = set()

    def keep_turns(self) -> None:
        """Holds what it took in turn to its end, as it commits."""
        while self.turns:
            self.turns.pop().cancel()


@dataclass(eq=False)
class _Request:
    owner: Owner
    mode: Mode
    granted: "asyncio.Future[None]"
    lock: "_Lock"


@dataclass(eq=False)
class _Lock:
    holders: dict[Owner, Mode] = field(default_factory=dict)
    queue: deque[_Request] = field(default_factory=deque)

    def blockers(self, owner: Owner, mode: Mode) -> Iterator[Owner]:
        """The other holders that a mode is at odds with, which keep an owner waiting."""
        return (other for other, held in self.holders.items() if other is not owner and not held.allows(mode))


class LockTable:
    """All locks that are held or waited for."""

    def __init__(self, now: Callable[[], int], wait_seconds: float = LOCK_WAIT_SECONDS) -> None:
        self._now = now
        self._locks: dict[Hashable, _Lock] = {}
        self._wait_seconds = wait_seconds
        self._contended_until: dict[Hashable, float] = {}

    async def acquire_read(self, owner: Owner, key: Hashable) -> bool:
        """Waits until the owner may read the lock's document or query: True if it had to wait."""
        is_exclusive = owner.is_retry or self._check_contended(key)
        return await self.acquire(owner, key, Mode.EXCLUSIVE if is_exclusive else Mode.READ)

    async def take_turn(self, owner: Owner, key: Hashable) -> None:
        """Where others have just failed, waits for the owner's turn, in which it is alone for a second.

        For optimistic transactions, which lock nothing else: many at once would fail each other until they give up.
        """
        if not self._check_contended(key) or key in owner.held:
            return
        with suppress(LockTimeoutError):
            await self.acquire(owner, key, Mode.EXCLUSIVE)
            owner.turns.append(asyncio.get_running_loop().call_later(TURN_SECONDS, self._end_turn, owner, key))

    async def acquire(self, owner: Owner, key: Hashable, mode: Mode) -> bool:
        """Holds the lock for the owner: True if it had to wait. LockFailedError if it has given way, or has ended."""
        if owner.state in FINAL:
            raise LockFailedError
        lock = self._locks.get(key)
        if lock is None:  # as for nearly every document of a large commit
            lock = self._locks[key] = _Lock()
            self._grant(lock, owner, key, mode)
            return False
        held = owner.held.get(key)
        wanted = mode if held is None else held.joined(mode)
        if mode is Mode.WRITE:
            if self._push_aside(owner, list(lock.blockers(owner, wanted))):
                self.mark_contended(key)
            lock = self._locks.setdefault(key, lock)  # the last one pushed aside has taken the lock with it
        if held is wanted or held is Mode.EXCLUSIVE:
            return False
        is_free = not any(True for _ in lock.blockers(owner, wanted))
        if is_free and (held is not None or not lock.queue):
            self._grant(lock, owner, key, wanted)
            return False
        await self._wait(lock, owner, key, wanted, is_upgrade=held is not None)
        return True

    async def wait_for(self, owner: Owner, others: Iterable[Owner]) -> None:
        """Waits until one of the others has ended; they hold a query that the owner's writes would change."""
        blockers = set(others)
        contended = [key for blocker in blockers for key in blocker.held]
        if self._push_aside(owner, list(blockers)):
            self.mark_contended(*contended)
        if any(blocker.state in FINAL for blocker in blockers):
            return
        owner.waits_for = blockers
        try:
            self._break_circle(owner)
            if owner.state in FINAL:
                raise LockFailedError
            waits = [asyncio.ensure_future(blocker.ended.wait()) for blocker in blockers]
            done, pending = await asyncio.wait(waits, timeout=self._wait_seconds, return_when=asyncio.FIRST_COMPLETED)
            for wait in pending:
                wait.cancel()
            if owner.state in FINAL:
                raise LockFailedError
            if not done:
                raise LockTimeoutError
        finally:
            owner.waits_for = set()

    def end(self, owner: Owner) -> None:
        """Ends an owner that has committed or was rolled back: its locks are free, and its waits fail."""
        owner.change(OwnerEvent.END)
        self._release(owner)

    def fail(self, owner: Owner) -> None:
        """Makes an owner give way: its locks are free, its waits fail, and its commit will be refused."""
        was_final = owner.state in FINAL
        owner.change(OwnerEvent.GIVE_WAY)
        if not was_final:
            owner.failed_at = self._now()
        self._release(owner)

    def _release(self, owner: Owner) -> None:
        """Gives back all that the owner holds or waits for, and serves the owners that wait for it."""
        if owner.waiting is not None and not owner.waiting.granted.done():
            owner.waiting.granted.set_exception(LockFailedError())
        held, owner.held = owner.held, {}
        for key in held:
            lock = self._locks[key]
            del lock.holders[owner]
            self._serve(key, lock)

    def _check_contended(self, key: Hashable) -> bool:
        return self._contended_until.get(key, 0) > time.monotonic()

    def _end_turn(self, owner: Owner, key: Hashable) -> None:
        if owner.held.pop(key, None) is not None:
            lock = self._locks[key]
            del lock.holders[owner]
            self._serve(key, lock)

    def _grant(self, lock: _Lock, owner: Owner, key: Hashable, mode: Mode) -> None:
        lock.holders[owner] = mode
        owner.held[key] = mode

    def _push_aside(self, owner: Owner, blockers: list[Owner]) -> bool:
        """Fails the younger first attempts that have only read what the owner writes; their clients try again.

        A retried transaction is never pushed aside: it must get its turn. True if anyone was.
        """
        weak = [blocker for blocker in blockers if _gives_way(blocker, owner)]
        for blocker in weak:
            self.fail(blocker)
        return bool(weak)

    def mark_contended(self, *keys: Hashable) -> None:
        """From now on, and for a second, those who read these are served one after the other."""
        now = time.monotonic()
        if len(self._contended_until) > _MAX_CONTENDED:
            self._contended_until = {key: until for key, until in self._contended_until.items() if until > now}
        self._contended_until.update(dict.fromkeys(keys, now + CONTENDED_SECONDS))

    async def _wait(self, lock: _Lock, owner: Owner, key: Hashable, mode: Mode, *, is_upgrade: bool) -> None:
        request = _Request(owner, mode, asyncio.get_running_loop().create_future(), lock)
        if is_upgrade:
            lock.queue.appendleft(request)
        else:
            lock.queue.append(request)
        owner.waiting = request
        if self._break_circle(owner):
            self.mark_contended(key)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await request.granted
        except TimeoutError:
            raise LockTimeoutError from None
        finally:
            owner.waiting = None
            if request in lock.queue:
                lock.queue.remove(request)
            self._serve(key, lock)

    def _serve(self, key: Hashable, lock: _Lock) -> None:
        """Grants what can be granted, from the front of the queue."""
        while lock.queue:
            request = lock.queue[0]
            if not request.granted.done():
                if any(True for _ in lock.blockers(request.owner, request.mode)):
                    return
                self._grant(lock, request.owner, key, request.mode)
                request.granted.set_result(None)
            lock.queue.popleft()
        if not lock.holders and not lock.queue:
            self._locks.pop(key, None)

    def _break_circle(self, start: Owner) -> bool:
        """Fails the youngest owner of a circle of waits, if the start's wait has closed one: True if so."""
        is_found = False
        while (circle := _find_circle(start)) and start.state not in FINAL:
            is_found = True
            self.fail(max((owner for owner in circle if not owner.is_committing), key=_youth, default=start))
        return is_found


def _gives_way(blocker: Owner, owner: Owner) -> bool:
    if blocker.is_committing or blocker.is_single_commit:
        return False
    return blocker.age > owner.age and not blocker.is_retry


def _youth(owner: Owner) -> tuple[int, int]:
    """The order in which owners give way: first attempts, which will be retried; single commits; retries."""
    if owner.is_single_commit:
        return 1, owner.age
    return 0 if owner.is_retry else 2, owner.age


def _blockers(owner: Owner) -> set[Owner]:
    """The owners that an owner waits for at once: holders in its way, and the one before it in the queue."""
    found = set(owner.waits_for)
    request = owner.waiting
    if request is not None and not request.granted.done():
        found |= set(request.lock.blockers(owner, request.mode))
        before = None
        for other in request.lock.queue:
            if other is request:
                break
            if not other.granted.done():  # it has failed, and is about to leave
                before = other.owner
        if before is not None:
            found.add(before)
    return found - {owner}


def _find_circle(start: Owner) -> list[Owner]:
    """The owners of a circle of waits through the start; empty where there is none."""
    came_from: dict[Owner, Owner] = {}
    ahead = [start]
    while ahead:
        owner = ahead.pop()
        for blocker in _blockers(owner):
            if blocker is start:
                return _trace(came_from, owner, start)
            if blocker not in came_from:
                came_from[blocker] = owner
                ahead.append(blocker)
    return []


def _trace(came_from: dict[Owner, Owner], last: Owner, start: Owner) -> list[Owner]:
    circle = [last]
    while circle[-1] is not start:
        circle.append(came_from[circle[-1]])
    return circle
