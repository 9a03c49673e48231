"""Reservations of reads: the bounds of all that runs for a caller. Callers beyond the limit wait in order."""

import asyncio
from collections import Counter, deque


class ReadReservations:
    """The reserved reads of each caller. A single operation is always granted its reservation."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[tuple[int, int, asyncio.Future[None]]]] = {}

    def get(self, key: str) -> int:
        """The reads that the caller has reserved."""
        return self._running[key]

    def check_fits(self, key: str, bound: int, limit: int) -> bool:
        """Whether the caller's reads stay within the limit with so many more."""
        running = self._running[key]
        return not running or running + bound <= limit

    def reserve(self, key: str, bound: int) -> None:
        """Reserves reads for the caller, until they are released."""
        self._running[key] += bound

    def release(self, key: str, bound: int) -> None:
        """Releases reads of the caller, and serves the next that wait."""
        self._running[key] -= bound
        if self._running[key] <= 0:
            del self._running[key]
        self._serve(key)

    async def reserve_in_turn(self, key: str, bound: int, limit: int) -> None:
        """As `reserve`, once there is room; the caller's own are served in the order in which they came."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append((bound, limit, turn))
        self._serve(key)
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(key, (bound, limit, turn))
            raise

    def _give_up(self, key: str, waiter: tuple[int, int, asyncio.Future[None]]) -> None:
        bound, _, turn = waiter
        if turn.done() and not turn.cancelled():  # it was given in the moment in which nobody waited any more
            self.release(key, bound)
            return
        if (waiting := self._waiting.get(key)) and waiter in waiting:
            waiting.remove(waiter)
        self._serve(key)

    def _serve(self, key: str) -> None:
        waiting = self._waiting.get(key)
        while waiting and self.check_fits(key, *waiting[0][:2]):
            bound, _, turn = waiting.popleft()
            if not turn.cancelled():
                self.reserve(key, bound)
                turn.set_result(None)
        if waiting is not None and not waiting:
            del self._waiting[key]
