"""GraphQL over server-sent events (graphql-sse, distinct connections): a response that goes on while events come."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.http.streaming import SSETransport

from gql.errors import unauthenticated
from gql.http.drain import Drain
from gql.http.limits.connection_limits import ConnectionSlot
from gql.http.media_types import EVENT_STREAM, parse_accept
from gql.permissions import Principal

# Proxies give up a response of which nothing comes for 30 to 60 seconds.
PING_SECONDS = 12
SINGLE_ANSWERS = ("json", "/*")


class EventTransport(SSETransport):
    """Strawberry's, with a comment every so often that keeps the connection open."""

    def __init__(self) -> None:
        super().__init__(heartbeat_interval=PING_SECONDS)

    def accepts(self, accept: str) -> bool:
        """Whether a client wants events before any single answer: some list both with every request."""
        names = (media_type.name for media_type in parse_accept(accept))
        wanted = (name for name in names if name == EVENT_STREAM or name.endswith(SINGLE_ANSWERS))
        return next(wanted, None) == EVENT_STREAM


class EventStream(Response):
    """The results of an operation as server-sent events, until it, its caller's token or the process ends.

    A finished operation sends `complete`. At the end of the process it does not, so clients reconnect.
    """

    def __init__(
        self, chunks: AsyncGenerator[str, None], headers: Mapping[str, str], *, resources: "StreamResources"
    ) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self._chunks = chunks
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends all there is."""
        del scope
        resources = self._resources
        with resources.slot:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with aclosing(resources.results), aclosing(self._chunks):
                has_expired = await self._send_until_end(receive, send)
            await send({"type": "http.response.body", "body": _EXPIRED if has_expired else b""})

    async def _send_until_end(self, receive: Receive, send: Send) -> bool:
        """Whether it was the caller's token that ended; nothing runs any more."""
        sending = asyncio.create_task(self._send_chunks(send))
        leaving = asyncio.create_task(_wait_until_client_leaves(receive))
        ends: set[asyncio.Future[None]] = {sending, leaving, self._resources.drain.begun}
        try:
            seconds = self._resources.principal.expires_in_seconds
            done, _ = await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(leaving)
            await _cancel(sending)
        return not done

    async def _send_chunks(self, send: Send) -> None:
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})


async def only(result: Any) -> AsyncGenerator[Any, None]:
    """The one result of an operation that is refused before it runs."""
    yield result


@dataclass(frozen=True)
class StreamResources:
    """The resources of an event stream: its slot, its operation's results, and the conditions of its end."""

    slot: ConnectionSlot
    results: AsyncGenerator[Any, None]
    principal: Principal
    drain: Drain


async def _wait_until_client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: asyncio.Task[None]) -> None:
    """Cancels the task and waits for its end; an error of the task is raised."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


_EXPIRED = "".join(
    (
        SSETransport().encode_next(
            {"data": None, "errors": [unauthenticated("Your token has expired.").formatted]},
            lambda answer: orjson.dumps(answer).decode(),
        ),
        SSETransport().encode_complete(),
    )
).encode()
