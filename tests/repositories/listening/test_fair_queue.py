"""A caller that waits for much leaves turns for others."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from repositories.listening.fair_queue import FairQueue


class Work:
    """Pieces of work in turn; each goes on until it is told to end."""

    def __init__(self, queue: FairQueue) -> None:
        self._queue = queue
        self.started: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._ends: list[asyncio.Event] = []

    def add(self, name: str) -> asyncio.Task[None]:
        """One piece more of this name."""
        self.tasks.append(asyncio.create_task(self._run(name)))
        return self.tasks[-1]

    async def end_oldest(self) -> None:
        """The oldest that runs ends, and whoever is next begins."""
        self._ends.pop(0).set()
        await settle()

    async def _run(self, name: str) -> None:
        async with self._queue.turn(name):
            self.started.append(name)
            self._ends.append(asyncio.Event())
            await self._ends[-1].wait()


async def settle() -> None:
    """All that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    """Work in a queue of three turns at once, and two of one name."""
    work = Work(FairQueue(3, 2))
    yield work
    for task in work.tasks:
        task.cancel()
    await asyncio.gather(*work.tasks, return_exceptions=True)


async def test_one_name_never_has_all_turns(work: Work) -> None:
    """A name that waits with twenty calls has two turns, and another name's call has one at once."""
    for _ in range(20):
        work.add("a")
    await settle()
    assert work.started == ["a", "a"]
    work.add("b")
    await settle()
    assert work.started == ["a", "a", "b"]


async def test_names_that_wait_are_served_one_after_the_other(work: Work) -> None:
    """However many of one name came first."""
    for name in "aaaaaabbbccc":
        work.add(name)
    await settle()
    assert "".join(work.started) == "aab"
    for _ in range(6):
        await work.end_oldest()
    assert "".join(work.started[3:]) == "abcabc"


async def test_who_stops_waiting_leaves_no_hole(work: Work) -> None:
    """Waiting, running, or in the moment in which its turn comes."""
    for name in "aab":
        work.add(name)
    waiting = [work.add("c") for _ in range(3)]
    await settle()
    waiting[0].cancel()
    await work.end_oldest()
    assert work.started == ["a", "a", "b", "c"]
    work._ends.pop(0).set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting[2].cancel()
    work.tasks[2].cancel()
    await settle()
    for name in "ddee":
        work.add(name)
    await settle()
    assert work.started[4:].count("d") + work.started[4:].count("e") == 2
