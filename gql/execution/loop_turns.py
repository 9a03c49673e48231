"""Turns on the event loop, for the thousand tasks that wait for one answer and would all run in one round of it."""

import asyncio
from collections import deque
from time import perf_counter
from weakref import WeakKeyDictionary

# Of a round: others, and deadlines, wait for its end.
SECONDS_PER_ROUND = 0.005
# Of those who wait, so many are asked at once whether there is time left.
WOKEN_AT_ONCE = 20


class _Rounds:
    """The rounds of one event loop."""

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._is_begun = False
        self._waiting = deque[asyncio.Future[None]]()

    async def wait_for_turn(self) -> None:
        """There is time left in this round of the loop."""
        while not self._check_has_time():
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn

    def _check_has_time(self) -> bool:
        if self._is_begun:
            return perf_counter() < self._ends_at
        self._is_begun = True
        self._ends_at = perf_counter() + SECONDS_PER_ROUND
        asyncio.get_running_loop().call_soon(self._begin_next)
        return True

    def _begin_next(self) -> None:
        self._is_begun = False
        for _ in range(min(WOKEN_AT_ONCE, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._waiting:
            # Whoever was woken may need no time, or be cancelled: the others are not to wait for that.
            asyncio.get_running_loop().call_soon(self._begin_next)


_rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Rounds] = WeakKeyDictionary()


async def wait_for_turn() -> None:
    """Returns at once, or in a later round of the loop where this one has lasted long enough."""
    loop = asyncio.get_running_loop()
    rounds = _rounds.get(loop)
    if rounds is None:
        rounds = _rounds[loop] = _Rounds()
    await rounds.wait_for_turn()
