"""Subscriptions of real processes: two of them on one Firestore, and how they end."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from settings import Settings
from tests.e2e.conftest import Server

PATIENCE_SECONDS = 30
EVENTS = "subscription ($userId: ID) { videoEvents(userId: $userId) { kind videoId video { title } } }"
CREATE = """
mutation ($userId: ID!, $title: String!) {
  createVideo(input: {userId: $userId, videoId: "v1", videoUrl: "https://example.com/v", title: $title}) { __typename }
}
"""
Start = Callable[[], Server]


@pytest.fixture
def start_uvicorn(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts the app as production runs it, by uvicorn's own command line, on the session's Firestore and S3."""
    r2 = settings.resolve_r2()
    environment = {
        **os.environ,
        "GOOGLE_CLOUD_PROJECT": settings.google_cloud_project or "",
        "FIRESTORE_EMULATOR_HOST": settings.firestore_emulator_host or "",
        "CLIPGRAPH_R2_ENDPOINT_URL": r2.endpoint_url,
        "CLIPGRAPH_R2_BUCKET": r2.bucket,
        "CLIPGRAPH_R2_ACCESS_KEY_ID": r2.access_key_id,
        "CLIPGRAPH_R2_SECRET_ACCESS_KEY": r2.secret_access_key,
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "gql.app:create_app", "--port", "0"]
    with contextlib.ExitStack() as cleanup:

        def start() -> Server:
            log_path = tmp_path / f"uvicorn-{time.monotonic_ns()}.log"
            log = cleanup.enter_context(log_path.open("wb"))
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            cleanup.callback(_kill, process)
            return Server(process, _wait_for_address(process, log_path), "")

        yield start


def _wait_for_address(process: subprocess.Popen[bytes], log_path: Path) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log_path.read_text())):
        assert process.poll() is None, log_path.read_text()
        assert time.monotonic() < until
        time.sleep(0.05)
    return found.group(1)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextlib.asynccontextmanager
async def follow_socket(address: str, user_id: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket on which the user's videos are followed."""
    url = address.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as opened:
        payload = {"query": EVENTS, "variables": {"userId": user_id}}
        await opened.send(json.dumps({"type": "connection_init"}))
        await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        assert json.loads(await opened.recv())["type"] == "connection_ack"
        yield opened


@contextlib.asynccontextmanager
async def follow_stream(address: str, user_id: str) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of an event stream on which the user's videos are followed."""
    request = {"query": EVENTS, "variables": {"userId": user_id}}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream("POST", f"{address}/graphql", json=request, headers={"accept": "text/event-stream"}) as response,
    ):
        assert response.status_code == 200
        yield response.aiter_lines()


async def read_line(lines: AsyncIterator[str], beginning: str) -> str:
    """The next line that begins so."""
    async for line in lines:
        if line.startswith(beginning):
            return line
    raise EOFError


async def test_what_one_process_writes_the_other_tells(start_uvicorn: Start, user_id: str) -> None:
    first, second = start_uvicorn(), start_uvicorn()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        follow_socket(first.address, user_id) as opened,
        follow_stream(first.address, user_id) as lines,
    ):
        await asyncio.to_thread(second.query, CREATE, userId=user_id, title="Elsewhere")
        event = {"kind": "ADDED", "videoId": "v1", "video": {"title": "Elsewhere"}}
        assert json.loads(await opened.recv())["payload"]["data"] == {"videoEvents": event}
        line = await read_line(lines, "data: ")
        assert json.loads(line.removeprefix("data: "))["data"] == {"videoEvents": event}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("how", ["uvicorn", "serve"])
async def test_process_that_ends_tells_its_subscribers_to_come_again(
    start_uvicorn: Start, serve: Any, tmp_path: Path, user_id: str, how: str, sent: signal.Signals
) -> None:
    """And is gone at once, however long they would have stayed."""
    server: Server = await asyncio.to_thread(
        start_uvicorn if how == "uvicorn" else partial(serve, tmp_path / "data", "--no-demo")
    )
    await asyncio.to_thread(server.query, CREATE, userId=user_id, title="Here")
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        follow_socket(server.address, user_id) as opened,
        follow_stream(server.address, user_id) as lines,
    ):
        await opened.recv()
        await read_line(lines, "data: ")
        server.process.send_signal(sent)
        with pytest.raises(ConnectionClosed):
            await opened.recv()
        assert opened.close_code == 1012
        rest = [line async for line in lines]
        assert "event: complete" not in rest
        exit_code = await asyncio.to_thread(server.process.wait, 5)
    assert exit_code in {0, -sent}
