"""Failures between the app and its Firestore and R2, and a proxy that causes them in R2's place."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.cloud.firestore_v1 import types
from hypothesis import strategies as st

from tests.repositories.conftest import FirestoreProxy

CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)
FIRESTORE_PLACES = ("before a commit", "after a commit", "at a read")
S3_PLACES = ("before S3", "after S3", "in a slow S3")
SLOW_SECONDS = 0.15
# Beyond what either client tries again.
MANY = 9
CHUNK_BYTES = 65_536


@dataclass
class Failures:
    """The failures of one call."""

    place: str
    code: grpc.StatusCode
    count: int

    def __repr__(self) -> str:
        code = f"{self.code.name} " if self.place in FIRESTORE_PLACES else ""
        return f"{self.count} x {code}{self.place}"

    def take(self) -> grpc.StatusCode | None:
        """The code to fail with now, or None."""
        self.count -= 1
        return self.code if self.count >= 0 else None


@st.composite
def failures(draw: st.DrawFn) -> Failures | None:
    """The failures, or None without any."""
    place = draw(st.sampled_from(["nowhere", *FIRESTORE_PLACES, *S3_PLACES]))
    if place == "nowhere":
        return None
    return Failures(place, draw(st.sampled_from(CODES)), draw(st.sampled_from([1, 2, MANY])))


class EndingFirestoreProxy(FirestoreProxy):
    """Ends the transaction of whatever it aborts, as Firestore does: else its locks would stay until it is idle."""

    async def pass_on(self, method: str, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """Firestore's answers, or the failure's."""
        async for answer in super().pass_on(method, request, _Aborting(self, method, request, context)):
            yield answer

    async def end_transaction(self, method: str, request: bytes) -> None:
        """The request's transaction, if it has one, is rolled back."""
        path, _, name = method.rpartition("/")
        sent = getattr(types, f"{name}Request").pb().FromString(request)
        if not getattr(sent, "transaction", b""):
            return
        database = (getattr(sent, "database", "") or sent.parent).partition("/documents")[0]
        rollback = types.RollbackRequest.pb()(database=database, transaction=sent.transaction).SerializeToString()
        try:
            await self._channel.unary_unary(f"{path}/Rollback", None, None)(rollback)
        except grpc.aio.AioRpcError:
            return  # it has ended already


class _Aborting:
    """An RPC's context that ends the RPC's transaction before it says ABORTED."""

    def __init__(self, proxy: EndingFirestoreProxy, method: str, request: bytes, context: Any) -> None:
        self._proxy, self._method, self._request, self._context = proxy, method, request, context

    def invocation_metadata(self) -> Any:
        """The metadata of the request."""
        return self._context.invocation_metadata()

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        """The RPC has failed."""
        if code is grpc.StatusCode.ABORTED:
            await self._proxy.end_transaction(self._method, self._request)
        await self._context.abort(code, details)


class S3Proxy:
    """Passes bytes on to the S3 server; refuses requests, loses answers or delays them, and can hold HEADs back."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.failures: Failures | None = None
        self._open = asyncio.Event()
        self._open.set()
        self.holding = asyncio.Event()
        """Set once the answer to a HEAD is held back."""

        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """The address that it serves on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Stops the server."""
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def hold_heads(self) -> None:
        """From now on, what HEADs are answered is held back: it is true when it is asked, and old when it is read."""
        self.holding.clear()
        self._open.clear()

    def release_heads(self) -> None:
        """All answers go on."""
        self._open.set()

    def _take(self, place: str) -> bool:
        """Whether this is to fail now."""
        return self.failures is not None and self.failures.place == place and self.failures.take() is not None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._pass_on(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests there and answers back, until either side ends or something fails."""
        upstream_reader, upstream = await asyncio.open_connection(*self._target)
        heads: list[bool] = []
        ways = [
            asyncio.create_task(self._pass_requests_on(reader, upstream, writer, heads)),
            asyncio.create_task(self._pass_answers_on(upstream_reader, writer, heads)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for stream in (upstream, writer):
                stream.close()
            await asyncio.gather(*ways, upstream.wait_closed(), writer.wait_closed(), return_exceptions=True)

    async def _pass_requests_on(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        heads: list[bool],
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if self._take("before S3"):
                writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            heads[:] = [chunk.startswith(b"HEAD ")]
            upstream.write(chunk)

    async def _pass_answers_on(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, heads: list[bool]
    ) -> None:
        while chunk := await upstream.read(CHUNK_BYTES):
            if self._take("after S3"):
                return
            if self._take("in a slow S3"):
                await asyncio.sleep(SLOW_SECONDS)
            if heads == [True] and not self._open.is_set():
                self.holding.set()
                await self._open.wait()
            writer.write(chunk)
