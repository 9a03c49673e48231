"""Turns at something scarce: the names that wait are served one after the other, and each in its own order."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairQueue:
    """At most `max_at_once` have a turn, and of one name at most `max_per_name`."""

    def __init__(self, max_at_once: int, max_per_name: int) -> None:
        self._free = max_at_once
        self._max_per_name = max_per_name
        self._running: Counter[str] = Counter()
        # Names in the order in which they are served; one that was served goes to the end.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Waits for a turn of this name, and has it until the block ends."""
        await self._wait(name)
        try:
            yield
        finally:
            self._leave(name)

    async def _wait(self, name: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, deque()).append(turn)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(name, turn)
            raise

    def _give_up(self, name: str, turn: asyncio.Future[None]) -> None:
        if not turn.cancelled() and turn.done():  # the turn was given just before its caller was cancelled
            self._leave(name)
            return
        waiting = self._waiting[name]
        waiting.remove(turn)
        if not waiting:
            del self._waiting[name]

    def _leave(self, name: str) -> None:
        self._free += 1
        self._running[name] -= 1
        if not self._running[name]:
            del self._running[name]
        self._serve()

    def _serve(self) -> None:
        for name in [name for name in self._waiting if self._running[name] < self._max_per_name]:
            if not self._free:
                return
            waiting = self._waiting.pop(name)
            turn = waiting.popleft()
            if waiting:
                self._waiting[name] = waiting
            self._free -= 1
            self._running[name] += 1
            turn.set_result(None)
