"""Turns on the event loop, for the thousand tasks that wait for one answer and would all run in one round of it."""

import asyncio
import heapq
from itertools import count
from time import perf_counter
from weakref import WeakKeyDictionary

# Of a round: others, and deadlines, wait for its end.
SECONDS_PER_ROUND = 0.005
# Of those who wait, so many are asked at once whether there is time left.
WOKEN_AT_ONCE = 20


class _SliceScheduler:
    """Gives the time of one event loop's rounds to tasks in the order of arrival: no task overtakes one that waits."""

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._is_begun = False
        self._is_end_scheduled = False
        self._tickets = count()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._queued = 0
        """The tasks in `_waiting`, and those that were woken and have not yet asked for time."""

    async def wait_for_time_slice(self) -> None:
        """There is time left in this round of the loop."""
        if not self._queued and self._check_has_time():
            return
        ticket = next(self._tickets)
        self._queued += 1
        try:
            await self._wait(ticket)
            while not self._check_has_time():
                await self._wait(ticket)
        finally:
            self._queued -= 1

    async def _wait(self, ticket: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (ticket, turn))
        self._schedule_end()
        await turn

    def _check_has_time(self) -> bool:
        if self._is_begun:
            return perf_counter() < self._ends_at
        self._is_begun = True
        self._ends_at = perf_counter() + SECONDS_PER_ROUND
        self._schedule_end()
        return True

    def _schedule_end(self) -> None:
        if not self._is_end_scheduled:
            self._is_end_scheduled = True
            asyncio.get_running_loop().call_soon(self._begin_next)

    def _begin_next(self) -> None:
        self._is_begun = self._is_end_scheduled = False
        for _ in range(min(WOKEN_AT_ONCE, len(self._waiting))):
            _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
        if self._waiting:
            # The woken task may need no time, or be cancelled: the others are not to wait for that.
            self._schedule_end()


_schedulers: WeakKeyDictionary[asyncio.AbstractEventLoop, _SliceScheduler] = WeakKeyDictionary()


async def wait_for_time_slice() -> None:
    """Waits for a time slice: none if this round of the loop has time left."""
    loop = asyncio.get_running_loop()
    scheduler = _schedulers.get(loop)
    if scheduler is None:
        scheduler = _schedulers[loop] = _SliceScheduler()
    await scheduler.wait_for_time_slice()
