"""The abuses of `benchmarks.abuse` that follow: much is opened and left, hoarded, and come back to."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from tests.abuse.subscribers import (
    EVENTS,
    VIDEOS,
    introduce,
    mint,
    read_events,
    subscribe,
    write_clips,
    write_videos,
)

CLIPS = 2_000
LEFT_VIDEOS = 6
# Longer than a target outlives its last subscriber.
LINGER_SECONDS = 6
RESUMES = 40
HOARDER = "hoarder"
RETURNER = "returner"


class Server(Protocol):
    """A user's token, as an attacker knows it."""

    port: int
    data_dir: Path


async def prepare(data_dir: Path, videos: int) -> None:
    """Stores the videos that the attackers follow."""
    for number in range(LEFT_VIDEOS):
        await write_clips(data_dir, f"left{number}", CLIPS)
    await write_clips(data_dir, "again", CLIPS, RETURNER)
    await write_videos(data_dir, videos, HOARDER)


async def open_and_leave(server: Any) -> None:
    """One video's 2,000 clips after the other, each again when it is forgotten."""
    token = mint(server.data_dir)
    for number in itertools.count():
        async with introduce(server.port, token) as socket:
            await subscribe(socket, EVENTS, videoId=f"left{number % LEFT_VIDEOS}")
            await read_events(socket, 32)
        await asyncio.sleep(LINGER_SECONDS / LEFT_VIDEOS)


async def hoard(server: Any) -> None:
    """All of a user's videos, again and again."""
    token = mint(server.data_dir, HOARDER)
    while True:
        async with introduce(server.port, token) as socket:
            await subscribe(socket, VIDEOS)
            await read_events(socket, 1_000)
        await asyncio.sleep(0.2)


async def come_back(server: Any) -> None:
    """Forty subscriptions at once, each from another version on, which only Firestore knows; and again."""
    token = mint(server.data_dir, RETURNER)
    async with introduce(server.port, token) as socket:
        await subscribe(socket, EVENTS, videoId="again")
        events = await read_events(socket, CLIPS)
        last = events[-1]["data"]["clipEvents"]["version"]
        for number in itertools.count():
            for nth in range(RESUMES):
                version = f"{int(last[:16], 16) - number * RESUMES - nth - 1:016x}{last[16:]}"
                await subscribe(socket, EVENTS, f"{number} {nth}", videoId="again", after=version)
            await asyncio.sleep(5)
            for nth in range(RESUMES):
                await socket.send(f'{{"type": "complete", "id": "{number} {nth}"}}')


SUBSCRIBERS: dict[str, Callable[[Any], Coroutine[Any, Any, None]]] = {
    "clips opened and left": open_and_leave,
    "videos hoarded": hoard,
    "40 resumes": come_back,
}
