"""Locks in states that clients reach only by chance."""

import asyncio

import pytest

from embedded.firestore.transactions import locks as module
from embedded.firestore.transactions.locks import LockFailedError, LockTable, LockTimeoutError, Mode, Owner
from embedded.firestore.transactions.owner_states import OwnerEvent
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def locks() -> LockTable:
    """A table in which nobody is helped by waiting."""
    return LockTable(now=lambda: 1, wait_seconds=60)


async def test_where_nobody_has_failed_there_is_no_turn_to_wait_for(locks: LockTable) -> None:
    """Optimistic transactions take no lock, so a retried one is alone at once."""
    optimistic, retried = Owner(1), Owner(2, is_retry=True)
    await locks.take_turn(optimistic, "document")
    assert not optimistic.held
    assert not await locks.acquire_read(retried, "document")


async def test_a_turn_ends_by_itself(locks: LockTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others have failed, an optimistic transaction is alone, and then others go on though it does nothing."""
    monkeypatch.setattr(module, "TURN_SECONDS", 0.01)
    idle, other = Owner(1), Owner(2, is_single_commit=True)
    locks.mark_contended("document")
    await locks.take_turn(idle, "document")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await locks.acquire(other, "document", Mode.WRITE)
    assert not idle.held
    assert not idle.is_failed


async def test_a_turn_lasts_until_the_commit_has_ended(locks: LockTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that commits in its turn is not robbed of its lock half way."""
    monkeypatch.setattr(module, "TURN_SECONDS", 0)
    committing, other = Owner(1), Owner(2, is_single_commit=True)
    locks.mark_contended("document")
    await locks.take_turn(committing, "document")
    committing.keep_turns()
    committing.change(OwnerEvent.COMMIT)
    waiting = asyncio.create_task(locks.acquire(other, "document", Mode.WRITE))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    locks.end(committing)
    assert await waiting


async def test_a_circle_is_found_past_a_request_that_has_just_failed(locks: LockTable) -> None:
    """The first waits behind failed behind upgrading, which waits for holder, which waits for first."""
    first, holder, upgrading, failed = (Owner(age, is_retry=True) for age in (1, 2, 3, 4))
    await locks.acquire(first, "other", Mode.EXCLUSIVE)
    await locks.acquire(holder, "shared", Mode.READ)
    await locks.acquire(upgrading, "shared", Mode.READ)
    waits = []
    for owner, key, mode in (
        (upgrading, "shared", Mode.WRITE),
        (failed, "shared", Mode.EXCLUSIVE),
        (first, "shared", Mode.READ),
    ):
        waits.append(asyncio.create_task(locks.acquire(owner, key, mode)))
        await asyncio.sleep(0)
    waits.append(asyncio.create_task(locks.acquire(holder, "other", Mode.READ)))
    locks.fail(failed)  # the holder asks before the failed one has left the queue
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(LockFailedError):
            await waits[0]
    assert upgrading.is_failed
    assert await waits[2]
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def test_a_lock_is_not_waited_for_for_ever() -> None:
    """Neither is a query that somebody has read."""
    locks = LockTable(now=lambda: 1, wait_seconds=0.01)
    reader, writer = Owner(1), Owner(2)
    await locks.acquire(reader, "document", Mode.READ)
    with pytest.raises(LockTimeoutError):
        await locks.acquire(writer, "document", Mode.WRITE)
    with pytest.raises(LockTimeoutError):
        await locks.wait_for(writer, [reader])


async def test_a_circle_of_commits_that_wait_for_queries_ends(locks: LockTable) -> None:
    """The younger of two retried transactions gives way, though it waits for the other's query and holds no lock."""
    older, younger = Owner(1, is_retry=True), Owner(2, is_retry=True)
    waiting = asyncio.create_task(locks.wait_for(younger, [older]))
    await asyncio.sleep(0)
    await asyncio.wait_for(locks.wait_for(older, [younger]), timeout=PATIENCE_SECONDS)
    assert younger.is_failed
    assert not older.is_failed
    locks.end(older)
    with pytest.raises(LockFailedError):
        await waiting


async def test_an_owner_that_ends_while_it_waits_gets_no_lock(locks: LockTable) -> None:
    """A rollback beside a read that waits leaves the lock to the next, and does not take it with it."""
    holder, rolled_back, third = Owner(1), Owner(2), Owner(3)
    await locks.acquire(holder, "document", Mode.EXCLUSIVE)
    waiting = asyncio.create_task(locks.acquire(rolled_back, "document", Mode.READ))
    await asyncio.sleep(0)
    locks.end(rolled_back)
    with pytest.raises(LockFailedError):
        await waiting
    locks.end(holder)
    assert not await locks.acquire(third, "document", Mode.EXCLUSIVE)
