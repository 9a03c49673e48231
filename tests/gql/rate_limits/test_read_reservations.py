"""Waiting reservations are granted in order, without polling."""

import asyncio

import pytest

from gql.rate_limits.read_reservations import ReadReservations
from tests.patience import PATIENCE_SECONDS

LIMIT = 10


async def settle() -> None:
    """All that can go on has gone on."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def running() -> ReadReservations:
    """Of which 8 of 10 are taken by `a`."""
    running = ReadReservations()
    running.reserve("a", 8)
    return running


async def test_what_has_room_does_not_wait(running: ReadReservations) -> None:
    """Nor what runs alone, however much it may read."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await running.reserve_in_turn("a", 2, LIMIT)
        await running.reserve_in_turn("b", 1_000, LIMIT)
    assert (running.get("a"), running.get("b")) == (10, 1_000)


async def test_those_who_wait_are_served_in_their_order(running: ReadReservations) -> None:
    """A small one does not overtake a large one, which would wait for ever."""
    order: list[int] = []

    async def enter(bound: int) -> None:
        await running.reserve_in_turn("a", bound, LIMIT)
        order.append(bound)

    tasks = [asyncio.create_task(enter(bound)) for bound in (9, 1, 2)]
    await settle()
    assert order == []
    running.release("a", 8)
    await settle()
    assert order == [9, 1]
    running.release("a", 9)
    await asyncio.gather(*tasks)
    assert running.get("a") == 1 + 2


async def test_who_stops_waiting_leaves_the_next_their_turn(running: ReadReservations) -> None:
    """Also in the moment in which its own had come."""
    first, second = [asyncio.create_task(running.reserve_in_turn("a", bound, LIMIT)) for bound in (9, 2)]
    await settle()
    first.cancel()
    await settle()
    assert running.get("a") == 8 + 2
    third = asyncio.create_task(running.reserve_in_turn("a", 5, LIMIT))
    await settle()
    running.release("a", 8)
    third.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    running.release("a", 2)
    assert running.get("a") == 0
