"""Answers of R2 that end before their end: unavailable, never a shorter file, and never an error of a library's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from storage.exceptions import StorageUnavailableError
from storage.r2 import R2Storage

OpenBroken = Callable[[bytes], Awaitable[R2Storage]]
XML = b'<?xml version="1.0"?><ListBucketResult><Name>clips</Name><Contents><Key>u/v'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
ANSWERS = {
    "body is shorter than announced": HEAD + b'Content-Length: 1000\r\nETag: "a"\r\n\r\n{"video_url"',
    "chunk is shorter than announced": HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\n" + XML,
    "chunks have no end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<?xml\r\n",
    "document is cut": HEAD + b"Content-Length: %d\r\n\r\n" % len(XML) + XML,
    "head is cut": b"HTTP/1.1 200 OK\r\nContent-Le",
    "nothing": b"",
}  # fmt: skip


@pytest.fixture
async def broken(make_storage: Callable[..., R2Storage]) -> AsyncIterator[OpenBroken]:
    """Makes a storage over a server that always answers these bytes, and hangs up."""
    servers: list[asyncio.Server] = []

    async def open_broken(answer: bytes) -> R2Storage:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return make_storage(endpoint_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    yield open_broken
    for server in servers:
        server.close()


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "document is cut"])
async def test_object_that_is_cut_short_is_unavailable(broken: OpenBroken, name: str) -> None:
    """An object whose response ends early raises `StorageUnavailableError`."""
    storage = await broken(ANSWERS[name])
    with pytest.raises(StorageUnavailableError):
        await storage.get("u/v/highlights.json", 10_000)


@pytest.mark.parametrize("name", ANSWERS)
async def test_list_that_is_cut_short_is_unavailable(broken: OpenBroken, name: str) -> None:
    """A list whose response ends early raises `StorageUnavailableError`."""
    storage = await broken(ANSWERS[name])
    with pytest.raises(StorageUnavailableError):
        assert [found.key async for found in storage.list("u/")] == []
