"""Tasks take turns on the event loop in the order in which they came."""

import asyncio

import pytest

from gql.execution import time_slices
from gql.execution.time_slices import SECONDS_PER_ROUND, wait_for_time_slice


class Clock:
    """Time that passes when a task says that it works."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        """The seconds so far."""
        return self.now

    def work(self, seconds: float = SECONDS_PER_ROUND) -> None:
        """Moves the clock on."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of this test's rounds."""
    clock = Clock()
    monkeypatch.setattr(time_slices, "perf_counter", clock.read)
    return clock


async def test_newcomers_do_not_overtake_those_who_wait(clock: Clock) -> None:
    """Fifty wait, each for a round of its own, and ten newcomers a round come in between: all are served in order."""
    came, served = list[int](), list[int]()

    async def work(number: int) -> None:
        came.append(number)
        await wait_for_time_slice()
        clock.work()
        served.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(work(number))
        for round_ in range(50):
            await asyncio.sleep(0)
            for number in range(10):
                group.create_task(work(50 + 10 * round_ + number))
    assert len(served) == 550
    assert served == came


async def test_those_who_leave_hold_nobody_up(clock: Clock) -> None:
    """Of many who wait, all but the last are cancelled, while they wait and just as they are woken."""
    served = list[int]()

    async def work(number: int) -> None:
        await wait_for_time_slice()
        clock.work()
        served.append(number)

    tasks = [asyncio.create_task(work(number)) for number in range(100)]
    await asyncio.sleep(0)
    for task in tasks[50:-1]:
        task.cancel()
    await asyncio.sleep(0)
    for task in tasks[1:50]:
        task.cancel()
    await asyncio.wait(tasks)
    assert served[-1] == 99
    await work(100)
    assert served[-1] == 100


async def test_little_work_needs_no_round_of_its_own(clock: Clock) -> None:
    """While a round has time left nobody waits."""
    rounds = 0

    def count_round() -> None:
        nonlocal rounds
        rounds += 1
        asyncio.get_running_loop().call_soon(count_round)

    count_round()
    for _ in range(4):
        await wait_for_time_slice()
        clock.work(SECONDS_PER_ROUND / 4)
    assert rounds == 1
    await wait_for_time_slice()
    assert rounds > 1
