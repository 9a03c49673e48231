"""Subscribers who open much and leave, over WebSocket, and the documents that they do it with."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from cli.stack import EMBEDDED_PROJECT
from embedded.endpoints import read_endpoints
from gql.authentication.dev_tokens import mint_token
from gql.permissions import Role
from repositories.client import create_client
from repositories.models import ClipMetadata, VideoMetadata

ATTACKER = "attacker"
WRITES_PER_COMMIT = 500
EVENTS = """subscription ($videoId: ID!, $style: String, $after: String) {
  clipEvents(videoId: $videoId, style: $style, after: $after) { version clip { title } } }"""
VIDEOS = "subscription ($after: String) { videoEvents(after: $after) { version video { title } } }"


def mint(data_dir: Path, user_id: str = ATTACKER) -> str:
    """A token of a user without any other role."""
    return mint_token(data_dir, user_id, Role.USER, 3_600)


async def write_videos(data_dir: Path, count: int, user_id: str = ATTACKER) -> None:
    """Stores this number of the user's videos."""
    created_at = datetime.now(UTC)
    videos = (
        VideoMetadata(
            user_id=user_id,
            video_id=f"many{number:06}",
            video_url="https://www.youtube.com/watch?v=abcdefghijk",
            video_title=f"A video whose title is as long as most are, {number}",
            created_at=created_at,
        )
        for number in range(count)
    )
    await _write(data_dir, ((f"users/{user_id}/videos/{video.video_id}", video.to_document()) for video in videos))


async def write_clips(data_dir: Path, video_id: str, count: int, user_id: str = ATTACKER) -> None:
    """A video of the user with so many clips is stored."""
    video = VideoMetadata(user_id=user_id, video_id=video_id)
    path = f"users/{user_id}/videos/{video_id}"
    clips = (
        ClipMetadata(
            user_id=user_id,
            video_id=video_id,
            filename=f"clip_{number:05d}_01_title_split.mp4",
            scene_id=1,
            scene_title=f"A clip whose title is as long as most are, {number}",
            style="split",
            priority=number,
            start_time="00:00:01",
            end_time="00:00:02",
        )
        for number in range(count)
    )
    documents = ((f"{path}/clips/{clip.clip_id}", clip.to_document()) for clip in clips)
    await _write(data_dir, iter([(path, video.to_document()), *documents]))


async def _write(data_dir: Path, documents: Any) -> None:
    endpoints = read_endpoints(data_dir)
    assert endpoints is not None
    client = create_client(project=EMBEDDED_PROJECT, emulator_host=endpoints.firestore_host_port)
    batch = client.batch()
    for number, (path, fields) in enumerate(documents, 1):
        batch.set(client.document(path), fields)
        if number % WRITES_PER_COMMIT == 0:
            await batch.commit()
            batch = client.batch()
    await batch.commit()
    client.close()


@contextlib.asynccontextmanager
async def introduce(port: int, token: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket of the token's user."""
    protocols = [Subprotocol("graphql-transport-ws")]
    address = f"ws://127.0.0.1:{port}/graphql"
    async with connect(address, subprotocols=protocols, proxy=None, close_timeout=0.2, max_size=None) as socket:
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
        await socket.send(json.dumps(init))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


async def subscribe(socket: ClientConnection, document: str, operation_id: str = "1", **variables: Any) -> None:
    """Begins to follow."""
    payload = {"query": document, "variables": variables}
    await socket.send(json.dumps({"type": "subscribe", "id": operation_id, "payload": payload}))


async def read_events(socket: ClientConnection, count: int | None = None) -> list[dict[str, Any]]:
    """The payloads of the next so many results, or of all up to the end of an operation."""
    events: list[dict[str, Any]] = []
    while count is None or len(events) < count:
        message = json.loads(await socket.recv())
        if message["type"] != "next":
            break
        events.append(message["payload"])
    return events


async def read_left(port: int, token: str) -> int:
    """How many documents the caller may still have read within the minute."""
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"http://127.0.0.1:{port}/graphql",
            json={"query": "{ viewer { userId } }"},
            headers={"authorization": f"Bearer {token}"},
        )
    left: int = response.json()["extensions"]["cost"]["throttle"]["currentlyAvailable"]
    return left
