"""One Listen call, over a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.cloud.firestore_v1.types import ListenRequest

from repositories.wire import Wire

_END: Any = vars(grpc.aio)["EOF"]  # which its types do not know


class ListenCall:
    """Open from its construction on, within an event loop."""

    def __init__(self, wire: Wire) -> None:
        self._database = wire.database
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        self._channel, self._call = wire.open_listen(self._list_requests())

    def ask(self, **change: Any) -> None:
        """The request is on its way: `add_target` or `remove_target`."""
        self._requests.put_nowait(ListenRequest.pb()(database=self._database, **change))

    async def read(self) -> Any:
        """The next message, or None at the end. Raises gRPC's errors."""
        message = await self._call.read()
        return None if message is _END else message

    async def close(self) -> None:
        """The call has ended, and its connection."""
        self._call.cancel()
        await self._channel.close(None)

    async def _list_requests(self) -> AsyncIterator[Any]:
        while True:
            yield await self._requests.get()
