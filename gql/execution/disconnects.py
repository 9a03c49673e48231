"""Disconnects: an operation whose client leaves is cancelled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

# Where a request keeps its `DisconnectWatcher`.
DISCONNECT_WATCHER_KEY = "disconnect_watcher"


class DisconnectWatcher:
    """Cancels a request's work when its client disconnects. Nothing else may call `receive` meanwhile."""

    def __init__(self, receive: Receive) -> None:
        self.is_disconnected = False
        self._receive = receive

    @asynccontextmanager
    async def cancelling_on_disconnect(self) -> AsyncIterator[None]:
        """Cancels the block as soon as the client disconnects."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for the type checker: this is a coroutine
        watching = asyncio.create_task(self._watch(task))
        try:
            yield
        finally:
            watching.cancel()
            if self.is_disconnected:
                # The cancellation may be still to come, and is to come here.
                await asyncio.sleep(0)

    def assert_connected(self) -> None:
        """Raises `ClientDisconnect` in the place of the cancellation that came of the client's leaving."""
        task = asyncio.current_task()
        if self.is_disconnected and task is not None:
            task.uncancel()
            raise ClientDisconnect

    async def _watch(self, task: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_disconnected = True
        task.cancel()
