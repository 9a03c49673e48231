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
from tests.e2e.proxies import run_proxy
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

EVENTS = """
subscription ($userId: ID, $after: String) {
  videoEvents(userId: $userId, after: $after) { kind version videoId video { title } }
}
"""
CREATE = """
mutation ($userId: ID!, $videoId: ID! = "v1", $title: String!) {
  createVideo(input: {userId: $userId, videoId: $videoId, videoUrl: "https://example.com/v", title: $title}) {
    __typename
  }
}
"""
Start = Callable[..., Server]


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

        def start(**changes: str) -> Server:
            log_path = tmp_path / f"uvicorn-{time.monotonic_ns()}.log"
            log = cleanup.enter_context(log_path.open("wb"))
            process = subprocess.Popen(command, env=environment | changes, stdout=log, stderr=log)
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
async def follow_stream(address: str, user_id: str, after: str | None = None) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of an event stream on which the user's videos are followed."""
    request = {"query": EVENTS, "variables": {"userId": user_id, "after": after}}
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


def read_event(line: str) -> Any:
    """The event in a line of data."""
    return json.loads(line.removeprefix("data: "))["data"]["videoEvents"]


async def test_what_one_process_writes_the_other_tells(start_uvicorn: Start, user_id: str) -> None:
    """A video written through one process reaches a subscriber of the other."""
    first, second = start_uvicorn(), start_uvicorn()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        follow_socket(first.address, user_id) as opened,
        follow_stream(first.address, user_id) as lines,
    ):
        await asyncio.to_thread(second.query, CREATE, userId=user_id, title="Elsewhere")
        event = json.loads(await opened.recv())["payload"]["data"]["videoEvents"]
        assert (event["kind"], event["videoId"], event["video"]["title"]) == ("ADDED", "v1", "Elsewhere")
        assert read_event(await read_line(lines, "data: ")) == event


async def test_who_was_told_by_one_process_goes_on_at_another(start_uvicorn: Start, user_id: str) -> None:
    """A version means the same everywhere."""
    first, second = start_uvicorn(), start_uvicorn()
    await asyncio.to_thread(second.query, CREATE, userId=user_id, videoId="v1", title="One")
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with follow_stream(first.address, user_id) as lines:
            seen = read_event(await read_line(lines, "data: "))
        first.stop(signal.SIGTERM)
        await asyncio.to_thread(second.query, CREATE, userId=user_id, videoId="v2", title="Two")
        async with follow_stream(second.address, user_id, seen["version"]) as lines:
            missed = read_event(await read_line(lines, "data: "))
    assert (seen["videoId"], missed["videoId"]) == ("v1", "v2")
    assert missed["version"] > seen["version"]


async def test_broken_connection_to_firestore_is_a_delay_and_nothing_more(
    start_uvicorn: Start, settings: Settings, user_id: str
) -> None:
    """Subscribers of a process that is cut off again and again are told everything that another one writes."""
    writer = start_uvicorn()
    update = "mutation ($input: UpdateVideoInput!) { updateVideo(input: $input) { __typename } }"
    await asyncio.to_thread(writer.query, CREATE, userId=user_id, title="Title")
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        run_proxy(f"http://{settings.firestore_emulator_host}") as (proxy, address),
    ):
        reader = await asyncio.to_thread(start_uvicorn, FIRESTORE_EMULATOR_HOST=address.removeprefix("http://"))
        async with follow_stream(reader.address, user_id) as lines:
            told = [read_event(await read_line(lines, "data: "))]
            for number in range(20):
                given = {"videoId": "v1", "userId": user_id, "title": f"Title {number}"}
                await asyncio.to_thread(writer.query, update, input=given)
                if number % 5 == 0:
                    proxy.cut()
            while told[-1]["video"]["title"] != "Title 19":
                told.append(read_event(await read_line(lines, "data: ")))
    versions = [event["version"] for event in told]
    assert versions == sorted(set(versions))


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
