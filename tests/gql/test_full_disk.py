"""The embedded Firestore's disk is full: writes are UNAVAILABLE, reads go on, and the log says why."""

import contextlib
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from gql.app import create_app
from settings import Settings
from tests.embedded.firestore.process import ServerProcess

CREATE = """mutation ($id: ID!, $prompt: String) {
  createVideo(input: {videoId: $id, videoUrl: "https://youtu.be/dQw4w9WgXcQ", title: "t", customPrompt: $prompt}) {
    ... on CreateVideoSuccess { video { videoId } }
  }
}"""
READ = "{ videos { nodes { videoId } } }"
LONG = "x" * 20_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A Firestore as a process, whose files can be kept from growing."""
    with ServerProcess(tmp_path) as server:
        yield server


@contextlib.asynccontextmanager
async def open_app(server: ServerProcess, settings: Settings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app over that Firestore."""
    app = create_app(settings.model_copy(update={"firestore_emulator_host": server.host_port, **changes}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client
    await app.state.services.close()


@pytest.fixture
async def client(server: ServerProcess, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that waits as long as a slow machine needs."""
    async with open_app(server, settings) as client:
        yield client


@pytest.fixture
async def impatient(server: ServerProcess, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose app gives up a refused write after some tries."""
    async with open_app(server, settings, firestore_timeout_seconds=3) as client:
        yield client


async def test_writes_are_unavailable_until_there_is_room(
    client: httpx.AsyncClient, impatient: httpx.AsyncClient, server: ServerProcess
) -> None:
    """A write on a full disk is UNAVAILABLE and leaves nothing; the same write succeeds once there is room."""

    async def create(client: httpx.AsyncClient, video_id: str) -> httpx.Response:
        variables = {"id": video_id, "prompt": LONG}
        return await client.post("/graphql", json={"query": CREATE, "variables": variables})

    assert (await create(client, "before")).json()["data"]["createVideo"]["video"] == {"videoId": "before"}
    await server.fill_disk()
    with structlog.testing.capture_logs() as lines:
        (error,) = (await create(impatient, "lost")).json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "disk" not in error["message"]
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert "disk is full" in "".join(traceback.format_exception(line["exc_info"]))
    read = (await client.post("/graphql", json={"query": READ})).json()
    assert read["data"]["videos"]["nodes"] == [{"videoId": "before"}]
    server.free_disk()
    assert (await create(client, "lost")).json()["data"]["createVideo"]["video"] == {"videoId": "lost"}
    assert "cannot write: its disk is full" in server.stop()
