"""A client that costs little: one keep-alive connection, on which requests follow each other."""

import asyncio
from types import TracebackType
from typing import Self

import httptools


class RequestFailedError(Exception):
    """A server answered something else than it was asked for."""


class Connection(asyncio.Protocol):
    """A connection to a server; use it as a context manager. One request at a time."""

    def __init__(self, port: int, *, takes_errors: bool = False) -> None:
        self._port = port
        self._takes_errors = takes_errors
        self._head = (
            f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
            "accept: application/json\r\ncontent-type: application/json\r\ncontent-length: "
        ).encode()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    async def post(self, body: bytes) -> bytes:
        """The answer's body; `RequestFailedError` for one with errors or another status than 200, if not taken."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        answer = await self._answer
        status = self._parser.get_status_code()
        if not self._takes_errors and (status != 200 or b'"errors":' in answer):
            raise RequestFailedError(f"{status}: {answer[:1000]!r}")
        return answer

    def data_received(self, data: bytes) -> None:
        """Passes on what came."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keeps a part of the answer."""
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        """Wakes up whoever waits for the answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(b"".join(self._chunks))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells whoever waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(RequestFailedError(f"The connection ended: {exc}"))
