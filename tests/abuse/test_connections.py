"""Connections that are slow, idle, many, endless or compressed: each is cut off, and everybody else is answered."""

import asyncio
import contextlib
import gzip
import json
import zlib

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gql.http.limits.connection_limits import MAX_MESSAGES_PER_SECOND, MAX_OPERATIONS
from tests.abuse.conftest import Target
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

PROTOCOL = [Subprotocol("graphql-transport-ws")]
INIT = json.dumps({"type": "connection_init"})
CONNECTIONS = 200
SOCKETS = 2_000
MAX_SOCKETS = 100
MAX_GROWTH_BYTES = 100 * 1024 * 1024
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def drip(target: Target, head: bytes) -> bytes:
    """Sends `head`, then a byte a second for as long as the server listens; answers what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(head)
    # What has been said is read at once: a connection that is reset forgets it.
    answer = asyncio.create_task(reader.read(65_536))
    with contextlib.suppress(ConnectionError):
        while not answer.done():
            await asyncio.wait([answer], timeout=1)
            writer.write(b"x")
            await writer.drain()
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        return await answer
    return b""


async def test_who_is_slow_is_cut_off(target: Target) -> None:
    """Headers and bodies that come byte by byte, connections and sockets that say nothing: all at once."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        slow = asyncio.gather(
            *(drip(target, HEAD + b"X-Slow: ") for _ in range(CONNECTIONS)),
            *(drip(target, HEAD + b"Content-Length: 1000\r\n\r\n{") for _ in range(CONNECTIONS)),
            *(drip(target, HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\n{") for _ in range(CONNECTIONS)),
        )
        idle = asyncio.create_task(close_code_of_idle_socket(target))
        await asyncio.to_thread(target.assert_answers)
        answers = await slow
        assert await idle == 4408
    headers, bodies = answers[:CONNECTIONS], answers[CONNECTIONS:]
    assert set(headers) == {b""}
    assert {answer[:12] for answer in bodies} == {b"HTTP/1.1 408"}
    await asyncio.to_thread(target.assert_answers)


async def close_code_of_idle_socket(target: Target) -> int | None:
    async with open_socket(target) as socket:
        await socket.wait_closed()
        return socket.close_code


def open_socket(target: Target) -> connect:
    return connect(f"ws://127.0.0.1:{target.port}/graphql", subprotocols=PROTOCOL, proxy=None)


async def try_open(target: Target, stack: contextlib.AsyncExitStack) -> int:
    """The status with which a socket is refused; 101 where it is open."""
    try:
        await stack.enter_async_context(open_socket(target))
    except InvalidStatus as refusal:
        return refusal.response.status_code
    return 101


async def test_idle_sockets_of_one_address_are_few(target: Target) -> None:
    """Two thousand that do not say whose they are: a hundred get in."""
    before = target.read_memory_bytes()
    async with contextlib.AsyncExitStack() as stack:
        statuses = []
        for _ in range(SOCKETS // 100):
            statuses += await asyncio.gather(*(try_open(target, stack) for _ in range(100)))
            if len(statuses) == SOCKETS // 2:
                await asyncio.to_thread(target.assert_answers)
        assert set(statuses) == {101, 429}
        assert statuses[:MAX_SOCKETS].count(101) == MAX_SOCKETS
    assert target.read_memory_bytes() - before < MAX_GROWTH_BYTES
    await asyncio.to_thread(target.assert_answers)


async def test_caller_has_so_many_sockets_and_no_more(target: Target) -> None:
    """The next is closed with 1013, which clients take for: come again later."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_SOCKETS):
            await introduce(await stack.enter_async_context(open_socket(target)))
        async with open_socket(target) as one_more:
            await one_more.send(INIT)
            with pytest.raises(ConnectionClosed):
                await one_more.recv()
            assert one_more.close_code == 1013
        await asyncio.to_thread(target.assert_answers)
    async with open_socket(target) as afterwards:
        await introduce(afterwards)


async def introduce(socket: ClientConnection) -> None:
    await socket.send(INIT)
    assert json.loads(await socket.recv())["type"] == "connection_ack"


async def test_flood_of_operations_closes_its_socket(target: Target) -> None:
    """More messages within a second than anybody needs."""
    before = target.read_memory_bytes()

    async def flood() -> int | None:
        async with open_socket(target) as socket:
            await introduce(socket)
            # Whoever does not read is cut off as well, but by a ping that they do not answer within 40 seconds.
            drained = asyncio.create_task(drain(socket))
            with contextlib.suppress(ConnectionClosed):
                for number in range(MAX_MESSAGES_PER_SECOND * 3):
                    payload = {"query": "{ videos { nodes { id } } }"}
                    await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))
            await drained
            return socket.close_code

    codes = await asyncio.gather(*(flood() for _ in range(5)))
    # Whoever goes on sending may be cut off before they have read why.
    assert set(codes) <= {1013, 1006}
    assert target.read_memory_bytes() - before < MAX_GROWTH_BYTES
    await asyncio.to_thread(target.assert_answers)


async def drain(socket: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in socket:
            pass


async def test_operations_of_one_socket_are_so_many_at_once(target: Target) -> None:
    """The excess alone is refused; the rest is answered."""
    async with open_socket(target) as socket:
        await introduce(socket)
        for number in range(MAX_OPERATIONS + 20):
            payload = {"query": "{ videos { nodes { clips { nodes { id } } } } }"}
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))
        ended: dict[str, str] = {}
        while len(ended) < MAX_OPERATIONS + 20:
            message = json.loads(await socket.recv())
            if message["type"] != "next":
                ended[message["id"]] = message["type"]
                if message["type"] == "error":
                    assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert "complete" in ended.values()


async def test_body_of_100_megabytes_is_refused_by_its_length(target: Target) -> None:
    """Before any of it is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(HEAD + b"Content-Length: 104857600\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await asyncio.to_thread(target.assert_answers)


def test_body_of_100_megabytes_without_a_length_is_cut_off(target: Target) -> None:
    """And never held in memory."""
    before = target.read_memory_bytes()
    chunks = (b" " * 65_536 for _ in range(1_600))
    headers = {"content-type": "application/json"}
    with contextlib.suppress(httpx.WriteError, httpx.ReadError):
        assert httpx.post(f"{target.address}/graphql", content=chunks, headers=headers).status_code == 413
    assert target.read_memory_bytes() - before < MAX_GROWTH_BYTES
    target.assert_answers()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "x-gzip"])
def test_compressed_bodies_are_never_inflated(target: Target, encoding: str) -> None:
    """A hundred kilobytes that hold a hundred megabytes."""
    bomb = gzip.compress(b" " * 100 * 1024 * 1024)
    headers = {"content-type": "application/json", "content-encoding": encoding}
    response = httpx.post(f"{target.address}/graphql", content=bomb, headers=headers)
    assert response.status_code == 415
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_compressed_frames_are_not_spoken(target: Target) -> None:
    """A compressed frame without the extension is a breach of the protocol."""
    before = target.read_memory_bytes()
    async with open_socket(target) as socket:
        assert socket.protocol.extensions == []
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(
        b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"permessage-deflate" not in answer
    bomb = zlib.compress(b" " * 50 * 1024 * 1024)[2:]
    writer.write(b"\xc1\xff" + len(bomb).to_bytes(8, "big") + b"\0\0\0\0" + bomb)
    closing = await reader.read()
    assert int.from_bytes(closing[2:4], "big") == 1002
    writer.close()
    assert target.read_memory_bytes() - before < MAX_GROWTH_BYTES
    await asyncio.to_thread(target.assert_answers)


async def test_message_above_the_limit_closes_its_socket(target: Target) -> None:
    """In one frame, or in many."""
    for message in ("x" * 2_000_000, ["x" * 100_000] * 20):
        async with open_socket(target) as socket:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(message)
            await socket.wait_closed()
            # 1006 where the reset of a connection with unread bytes overtakes the close; 4400 were it taken.
            assert socket.close_code in {1006, 1009}
