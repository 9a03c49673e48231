"""Clients that hang up: what runs for them is cancelled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

# Where a request keeps its `Presence`.
PRESENCE_KEY = "presence"


class Presence:
    """Whether a request's client is still there. Nothing else may receive while `cancelling` is entered."""

    def __init__(self, receive: Receive) -> None:
        self.has_left = False
        self._receive = receive

    @asynccontextmanager
    async def cancelling(self) -> AsyncIterator[None]:
        """What runs inside is cancelled as soon as the client has left."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for the type checker: this is a coroutine
        watching = asyncio.create_task(self._watch(task))
        try:
            yield
        finally:
            watching.cancel()
            if self.has_left:
                # The cancellation may be still to come, and is to come here.
                await asyncio.sleep(0)

    def assert_there(self) -> None:
        """Raises `ClientDisconnect` in the place of the cancellation that came of the client's leaving."""
        task = asyncio.current_task()
        if self.has_left and task is not None:
            task.uncancel()
            raise ClientDisconnect

    async def _watch(self, task: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        task.cancel()
