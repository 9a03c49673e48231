"""The port of the server: gRPC passes, and HTTP/1 is told why it does not."""

import asyncio
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient

from embedded.firestore import front
from embedded.firestore.model.errors import UnavailableError
from embedded.firestore.rpc import handlers
from embedded.firestore.server import FirestoreServer
from tests.embedded.firestore.raw import SERVICE, message
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FirestoreServer]:
    """A server within this process that answers HTTP/1."""
    server = FirestoreServer(tmp_path, answers_http1=True)
    await server.start()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    yield server
    await server.stop()


@pytest.fixture
async def client(server: FirestoreServer) -> AsyncIterator[AsyncClient]:
    """A client of the server."""
    del server
    client = AsyncClient(project="front", credentials=AnonymousCredentials())
    yield client
    client.close()


def ask(host_port: str, method: str, body: bytes = b"") -> tuple[int, str]:
    """The status and the text that HTTP/1.1 is answered with."""
    connection = HTTPConnection(host_port, timeout=PATIENCE_SECONDS)
    connection.request(method, "/v1/projects/p/databases/(default)/documents/c/d?alt=json", body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_http1_is_told_of_grpc(server: FirestoreServer, method: str) -> None:
    """The web SDK, REST and `curl` get 400 with a sentence that names gRPC and what to use instead."""
    status, text = await asyncio.to_thread(ask, server.host_port, method, b"x" * 10_000)
    assert status == 400
    assert "gRPC only" in text
    assert "FIRESTORE_EMULATOR_HOST" in text


async def test_http1_may_come_byte_by_byte(server: FirestoreServer) -> None:
    """The first four bytes tell, however they arrive; the connection is closed after the answer."""
    host, _, port = server.host_port.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for byte in b"GET ":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"PROPFIND / HTTP/1.1\r\n\r\n",
        b"PURGE / HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=["a method that begins as HTTP/2", "another method", "lower case", "a line before", "TLS"],
)
async def test_all_but_http2_is_told_of_grpc(server: FirestoreServer, request_bytes: bytes) -> None:
    """The settings of gRPC, which clients take for HTTP/0.9, go only to clients that begin as HTTP/2 does."""
    host, _, port = server.host_port.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_bytes)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"gRPC only" in answer
    writer.close()


async def test_first_bytes_of_grpc_are_not_lost(server: FirestoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that gRPC sends as soon as it is connected to arrive, however late the front goes on."""
    loop = asyncio.get_running_loop()
    create_connection = loop.create_connection

    async def create_slowly(*arguments: Any) -> Any:
        created = await create_connection(*arguments)
        await asyncio.sleep(0.1)
        return created

    host, _, port = server.host_port.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    monkeypatch.setattr(loop, "create_connection", create_slowly)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b""))
    header = await asyncio.wait_for(reader.readexactly(9), PATIENCE_SECONDS)
    assert (header[3], header[4]) == (4, 0)  # settings, and not the acknowledgement of ours
    writer.close()


async def test_connection_that_says_nothing_is_closed(server: FirestoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, and without an answer."""
    monkeypatch.setattr(front, "CONNECT_SECONDS", 0.01)
    host, _, port = server.host_port.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
    writer.close()


async def test_grpc_passes_in_both_directions(client: AsyncClient) -> None:
    """Nine megabytes go in, come out again whole, and a listener hears of it."""
    texts = {f"c/{number}": str(number) * 900_000 for number in range(10)}
    batch = client.batch()
    for path, text in texts.items():
        batch.set(client.document(path), {"text": text})
    await batch.commit()
    assert {each.reference.path: each.get("text") for each in await client.collection("c").get()} == texts


async def test_slow_client_slows_its_answers_down(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that a client does not take are not gathered on the way: the query stalls, and is ended."""
    for number in range(40):
        await client.document(f"c/{number}").set({"text": "x" * 900_000})
    monkeypatch.setattr(handlers, "STALL_SECONDS", 0.5)
    has_given_up = asyncio.Event()

    def give_up(text: str) -> UnavailableError:
        has_given_up.set()
        return UnavailableError(text)

    monkeypatch.setattr(handlers, "UnavailableError", give_up)
    host, _, port = str(client._emulator_host).rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(_make_query(client))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await has_given_up.wait()
    writer.close()
    del reader


def _make_query(client: AsyncClient) -> bytes:
    """A RunQuery in HTTP/2's own frames, with windows so large that only the connection itself slows it down."""
    request: Any = message("RunQueryRequest")(
        parent=f"{client._database_string}/documents", structured_query={"from_": [{"collection_id": "c"}]}
    )
    data = request.SerializeToString()
    data = b"\0" + len(data).to_bytes(4, "big") + data
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/{SERVICE}/RunQuery",
        ":authority": "x",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields.items())
    large = (2**31 - 1 - 65_535).to_bytes(4, "big")
    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            _frame(4, 0, 0, b"\0\x04" + (2**31 - 1).to_bytes(4, "big")),
            _frame(8, 0, 0, large),
            _frame(1, 4, 1, block),
            _frame(0, 1, 1, data),
        )
    )


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


async def test_port_that_is_taken_is_told_in_one_line(server: FirestoreServer, tmp_path: Path) -> None:
    """A second server on the port cannot start, and the first goes on."""
    second = FirestoreServer(tmp_path / "second", server.host_port, answers_http1=True)
    with pytest.raises(Exception, match=f"cannot listen on {server.host_port}"):
        await second.start()
    async with grpc.aio.insecure_channel(server.host_port) as channel:
        await asyncio.wait_for(channel.channel_ready(), PATIENCE_SECONDS)
