"""One Listen call, over a connection of its own."""

import asyncio
from contextlib import suppress
from typing import Any

import grpc
from google.cloud.firestore_v1.types import ListenRequest

from repositories.firestore.transport import Wire

_END: Any = vars(grpc.aio)["EOF"]  # which its types do not know


class ListenCall:
    """Open from its construction on, within an event loop."""

    def __init__(self, wire: Wire) -> None:
        self._database = wire.database
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        self._channel, self._call = wire.open_listen()
        self._writing = asyncio.get_running_loop().create_task(self._write())

    def ask(self, **change: Any) -> None:
        """The request is on its way: `add_target` or `remove_target`."""
        self._requests.put_nowait(ListenRequest.pb()(database=self._database, **change))

    async def read(self) -> Any:
        """The next message, or None at the end. Raises gRPC's errors."""
        message = await self._call.read()
        return None if message is _END else message

    async def close(self) -> None:
        """The call has ended, and its connection."""
        self._writing.cancel()
        await asyncio.wait([self._writing])
        # The task remembers where it was cancelled, and so this call: a ring that would keep the connection open.
        del self._writing
        self._call.cancel()
        await self._channel.close(None)

    async def _write(self) -> None:
        # Not by an iterator given to the call: gRPC forgets the task that reads it when the call breaks.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the reader is told as well
            while True:
                await self._call.write(await self._requests.get())
