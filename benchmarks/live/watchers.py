"""Watchers: clients with a WebSocket and a subscription each, and clients that ask every two seconds."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.api.client import Connection

_EVENTS = """subscription($userId: ID!, $videoId: ID!) {
  clipEvents(videoId: $videoId, userId: $userId) { kind version clip { clipId title style status thumbnailUrl } }
}"""
_POLL = """query($userId: ID!, $videoId: ID!) {
  video(videoId: $videoId, userId: $userId) {
    clips(status: null) { nodes { clipId title style status completedAt thumbnailUrl } }
  }
}"""
CONNECTING_AT_ONCE = 50
ARRIVE_WITHIN_SECONDS = 60


@dataclass
class Seen:
    """The changes that the watchers have seen: how old each change was when it reached them, in milliseconds."""

    ages_ms: list[float] = field(default_factory=list)
    documents_read: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _expected: int = 0

    def add(self, age_ms: float) -> None:
        """One more has seen a change."""
        self.ages_ms.append(age_ms)
        if len(self.ages_ms) == self._expected:
            self._more.set()

    async def wait_for(self, count: int) -> None:
        """Waits until so many have seen the change, beside those that saw the one before; TimeoutError otherwise."""
        self._expected += count
        self._more.clear()
        if len(self.ages_ms) < self._expected:
            async with asyncio.timeout(ARRIVE_WITHIN_SECONDS):
                await self._more.wait()


class Subscriber:
    """One WebSocket with one subscription to a video's clips."""

    def __init__(self, port: int, user_id: str, video_id: str, seen: Seen) -> None:
        self._port = port
        self._variables = {"userId": user_id, "videoId": video_id}
        self._seen = seen
        self._reading: asyncio.Task[None] | None = None

    async def start(self, shown: int) -> None:
        """It is connected, and has been told the `shown` clips that there are."""
        url = f"ws://127.0.0.1:{self._port}/graphql"
        socket = await connect(url, subprotocols=["graphql-transport-ws"], compression=None, ping_interval=None)  # type: ignore[list-item]  # a NewType of str
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        payload = {"query": _EVENTS, "variables": self._variables}
        await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
        for _ in range(shown):
            _read_version(await socket.recv())
        self._reading = asyncio.create_task(self._read(socket))

    async def stop(self) -> None:
        """It is gone."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self, socket: ClientConnection) -> None:
        async with socket:
            async for message in socket:
                arrived_at = time.time()
                if version := _read_version(message):
                    self._seen.add((arrived_at - int(version[:16], 16) / 1e6) * 1000)


class Poller:
    """A client that asks for a video's clips again and again."""

    def __init__(self, port: int, user_id: str, video_id: str, seen: Seen, every_seconds: float) -> None:
        self._port = port
        variables = {"userId": user_id, "videoId": video_id}
        self._body = orjson.dumps({"query": _POLL, "variables": variables})
        self._seen = seen
        self._every_seconds = every_seconds
        self._known: set[str] = set()

    async def run(self, begin_after_seconds: float, done: asyncio.Event) -> None:
        """Asks until all is done, and once more; what it finds completed the second time and later counts as seen."""
        await asyncio.sleep(begin_after_seconds)
        async with Connection(self._port) as connection:
            asked = 0
            is_last = False
            while not is_last:
                is_last, asked_at = done.is_set(), time.monotonic()
                self._take(orjson.loads(await connection.post(self._body)), is_first=asked == 0)
                asked += 1
                await asyncio.sleep(max(0.0, asked_at + self._every_seconds - time.monotonic()))

    def _take(self, answer: dict[str, object], *, is_first: bool) -> None:
        arrived_at = time.time()
        data: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = answer["data"]  # type: ignore[assignment]  # as asked
        extensions: dict[str, dict[str, dict[str, int]]] = answer["extensions"]  # type: ignore[assignment]
        self._seen.documents_read += extensions["cost"]["actual"]["documentReads"]
        for clip in data["video"]["clips"]["nodes"]:
            if clip["status"] == "COMPLETED" and clip["clipId"] not in self._known:
                self._known.add(clip["clipId"])
                if not is_first:
                    self._seen.add((arrived_at - _to_seconds(clip["completedAt"])) * 1000)


def _to_seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _read_version(message: str | bytes) -> str | None:
    """The version of an event; None for a ping. AssertionError for an error."""
    content = orjson.loads(message)
    if content["type"] != "next":
        assert content["type"] == "ping", content
        return None
    version: str = content["payload"]["data"]["clipEvents"]["version"]
    return version


async def start_all(subscribers: list[Subscriber], shown: int) -> None:
    """All of them are told what there is, some at a time."""
    free = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def start(subscriber: Subscriber) -> None:
        async with free:
            await subscriber.start(shown)

    await asyncio.gather(*map(start, subscribers))
