"""Subscribers that stay behind: told so and able to go on, or cut where they read nothing at all."""

import asyncio
import base64
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from gql.http.limits.uvicorn_protocols import WriteTimeout
from gql.services import Services
from repositories.listening.listener import Listener
from tests.gql.subscription.conftest import (
    CLIP_EVENTS,
    TRANSPORTS,
    take,
    wait_until,
)
from tests.patience import PATIENCE_SECONDS

# More than all buffers between a server and a client hold.
LONG = "x" * 19_900
CLIPS = 40


@asynccontextmanager
async def open_reluctant(
    address: str, transport: str, user_id: str, receive_bytes: int = 4096
) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that follows all clips, and whose client takes only what it is made to."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", urlsplit(address).port))
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    document = CLIP_EVENTS.replace("title style", "title description style")
    request = {"query": document, "variables": {"videoId": "v1", "userId": user_id}}
    try:
        if transport == "stream":
            writer.write(make_post(json.dumps(request).encode()))
        else:
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(make_frame({"type": "connection_init"}))
            writer.write(make_frame({"id": "1", "type": "subscribe", "payload": request}))
        yield reader
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def make_post(body: bytes) -> bytes:
    """A request for an event stream."""
    head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def make_frame(message: object) -> bytes:
    """A text frame as clients send it, with a mask of zeros."""
    text = json.dumps(message).encode()
    length = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2)
    return b"\x81" + bytes([length[0] | 0x80]) + length[1:] + bytes(4) + text


async def read_until(reader: asyncio.StreamReader, text: bytes) -> bytes:
    """All that comes until this text has come, or the end."""
    chunks = [b""]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while text not in b"".join(chunks[-2:]) and (chunk := await reader.read(65_536)):
            chunks.append(chunk)
    return b"".join(chunks)


@pytest.fixture
async def write_much(services: Services, create_video: Any, create_clips: Any, clip_input: Any, user_id: str) -> Any:
    """Changes all clips often enough to fill every buffer: megabytes."""
    await create_video()
    await create_clips(*(clip_input(number) for number in range(CLIPS)))

    async def write_much() -> None:
        clips = services.firestore.collection("users", user_id, "videos", "v1", "clips")
        for round_ in range(20):
            batch = services.firestore.batch()
            for number in range(CLIPS):
                name = clip_input(number)["filename"][:-4]
                batch.update(clips.document(name), {"scene_description": f"{round_} {LONG}"})
            await tell(batch.commit())

    async def tell(commit: Awaitable[object]) -> None:
        """Each change by itself: those that come together are told as what they come to, which may be little."""
        listener = services.listener
        told = listener.documents_read + CLIPS
        await commit
        await wait_until(lambda: listener.documents_read >= told or listener.targets_count == 0)

    return write_much


@pytest.mark.parametrize("transport", ["socket", "stream"])
async def test_who_reads_nothing_is_cut(
    address: str,
    services: Services,
    write_much: Any,
    user_id: str,
    monkeypatch: pytest.MonkeyPatch,
    transport: str,
) -> None:
    """A client that reads nothing is disconnected, and leaves no subscription behind."""
    monkeypatch.setattr(WriteTimeout, "write_seconds", 0.5)
    tasks_before = len(asyncio.all_tasks())
    async with open_reluctant(address, transport, user_id):
        await wait_until(lambda: services.listener.targets_count > 0)
        await write_much()
        await wait_until(lambda: services.listener.targets_count == services.listener.streams_count == 0)
        await wait_until(lambda: len(asyncio.all_tasks()) <= tasks_before)


@pytest.mark.parametrize("transport", ["socket", "stream"])
async def test_who_stays_behind_is_told_so_and_goes_on(
    address: str, services: Services, write_much: Any, user_id: str, transport: str
) -> None:
    """From the last version that they have."""
    vars(services)["listener"] = Listener(services.firestore, linger_seconds=0, max_waiting_changes=10)
    async with open_reluctant(address, transport, user_id, receive_bytes=1_000_000) as reader:
        # What is there when it begins to listen is told however much it is.
        text = await read_until(reader, b"ADDED")
        await write_much()
        text += await read_until(reader, b"TOO_SLOW")
    last = re.findall(rb'"version":"(\w{40})"', text)[-1].decode()
    async with TRANSPORTS[transport](address, CLIP_EVENTS, videoId="v1", userId=user_id, after=last) as events:
        missed = await take(events, 1)
    assert missed[0]["version"] > last
