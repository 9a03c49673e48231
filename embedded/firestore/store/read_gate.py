"""A gate that reads go through, so that now and then there is a moment without any."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class ReadGate:
    """Counts the reads that are under way. While the gate is closed, new ones wait."""

    def __init__(self) -> None:
        self._running = 0
        self._is_open, self._is_idle = asyncio.Event(), asyncio.Event()
        self._is_open.set()
        self._is_idle.set()

    async def enter(self) -> None:
        """Another read is under way, once the gate is open; `leave` ends it."""
        await self._is_open.wait()
        self._running += 1
        self._is_idle.clear()

    def leave(self) -> None:
        """One read less is under way."""
        self._running -= 1
        if not self._running:
            self._is_idle.set()

    @asynccontextmanager
    async def closed(self, seconds: float) -> AsyncIterator[None]:
        """No read is under way in the block, unless one takes longer than `seconds`: that is not waited for."""
        self._is_open.clear()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._is_idle.wait()
            yield
        finally:
            self._is_open.set()
