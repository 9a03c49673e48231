"""Subscribers who make us read much: each pays for it, none holds more than is allowed, and others hardly notice."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.abuse.conftest import NORMAL_QUERY, Target, start_target
from tests.abuse.subscribers import (
    EVENTS,
    VIDEOS,
    introduce,
    mint,
    read_events,
    read_left,
    subscribe,
    write_clips,
    write_videos,
)
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

CLIPS = 300
BUDGET = 100_000
MOST_FOLLOWED = 1_000
# All is read within the minute of one budget, also by a slow machine.
RESUMES = 12
RESUMES_LEFT = 40
# Of medians of the server's own processor time; one that is kept busy does a hundred times as much before it answers.
MAX_RATIO = 8.0
MAX_GROWTH_BYTES = 40 * 1024 * 1024


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server of their own: what is charged is counted."""
    folder = tmp_path_factory.mktemp("subscribers")
    with start_target(folder, CLIPGRAPH_MAX_FOLLOWED_DOCUMENTS=str(MOST_FOLLOWED)) as target:
        yield target


class Neighbour:
    """A well-behaved caller, who asks for the same again and again: how much the server does before it answers."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.calm: list[float] = []
        self.attacked: list[float] = []

    async def ask(self, seconds: list[float]) -> None:
        """One query more, and the processor time that the server took until its answer, whatever for."""
        async with httpx.AsyncClient(
            base_url=self._target.address, trust_env=False, timeout=PATIENCE_SECONDS
        ) as client:
            before = self._target.read_cpu_seconds()
            response = await client.post("/graphql", json={"query": NORMAL_QUERY})
            seconds.append(self._target.read_cpu_seconds() - before)
        assert "errors" not in response.json()

    async def live_beside(self, attack: Awaitable[Any]) -> None:
        """Asks while nothing goes on, during the attack, and after it."""
        for _ in range(20):
            await self.ask(self.calm)
        attacking = asyncio.ensure_future(attack)
        while not attacking.done() or len(self.attacked) < 5:
            await self.ask(self.attacked)
        await attacking
        for _ in range(20):
            await self.ask(self.calm)

    @property
    def ratio(self) -> float:
        """How much more was done before a query's answer during the attack."""
        return statistics.median(self.attacked) / statistics.median(self.calm)


async def wait_until(check: Callable[[], Awaitable[bool]]) -> None:
    """It is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await check():  # noqa: ASYNC110  a server tells nobody
            await asyncio.sleep(0.1)


async def open_and_leave(target: Target, token: str, video_id: str, events: int) -> list[dict[str, Any]]:
    """The first results of a video's clips."""
    async with introduce(target.port, token) as socket:
        await subscribe(socket, EVENTS, videoId=video_id)
        return await read_events(socket, events)


async def test_who_opens_and_leaves_pays_for_all_that_was_read(target: Target) -> None:
    """Each time, also where nobody waited for the first event; others hardly notice."""
    user_id, videos = "leaver", [f"left{number}" for number in range(4)]
    for video_id in videos:
        await write_clips(target.data_dir, video_id, CLIPS, user_id)
    token, neighbour = mint(target.data_dir, user_id), Neighbour(target)
    before = await read_left(target.port, token)

    async def attack() -> None:
        for number, video_id in enumerate(videos):
            events = await open_and_leave(target, token, video_id, number)
            costs = [event["extensions"]["cost"]["actual"]["documentReads"] for event in events]
            # The event's own document was read with the others.
            assert costs == [CLIPS + 1, 0, 0][:number]

    await neighbour.live_beside(attack())

    async def check_charged() -> bool:
        return before - await read_left(target.port, token) == len(videos) * (CLIPS + 1)

    await wait_until(check_charged)
    assert neighbour.ratio < MAX_RATIO


async def test_who_has_used_up_their_reads_opens_nothing(tmp_path: Any) -> None:
    """Firestore is not read for them."""
    with start_target(tmp_path, CLIPGRAPH_READS_PER_MINUTE_USER=str(2 * CLIPS)) as target:
        for number in range(3):
            await write_clips(target.data_dir, f"v{number}", CLIPS)
        token = mint(target.data_dir)
        for number in range(2):
            assert "errors" not in (await open_and_leave(target, token, f"v{number}", 1))[0]
        assert await read_left_or_none(target, token) is None
        async with introduce(target.port, token) as socket:
            await subscribe(socket, EVENTS, videoId="v2")
            refusal = await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)
        assert "RATE_LIMITED" in str(refusal)


async def read_left_or_none(target: Target, token: str) -> int | None:
    """The remaining reads; None where there are none."""
    try:
        return await read_left(target.port, token)
    except KeyError:  # the request was refused
        return None


async def test_what_is_too_large_is_refused_and_not_kept(target: Target) -> None:
    """With a code of its own; what was read until then is paid for, and read once."""
    user_id = "hoarder"
    await write_videos(target.data_dir, 3 * MOST_FOLLOWED, user_id)
    token, neighbour = mint(target.data_dir, user_id), Neighbour(target)
    await neighbour.ask([])
    memory, before = target.read_memory_bytes(), await read_left(target.port, token)

    async def attack() -> None:
        for _ in range(20):
            async with introduce(target.port, token) as socket:
                await subscribe(socket, VIDEOS)
                (result,) = await read_events(socket, 1)
                (error,) = result["errors"]
                assert error["extensions"] == {"code": "TOO_MANY_DOCUMENTS", "limit": MOST_FOLLOWED}

    await neighbour.live_beside(attack())
    charged = before - await read_left(target.port, token)
    assert MOST_FOLLOWED < charged <= 3 * MOST_FOLLOWED
    assert target.read_memory_bytes() - memory < MAX_GROWTH_BYTES
    assert neighbour.ratio < MAX_RATIO


async def list_versions(target: Target, token: str, video_id: str, count: int) -> list[str]:
    """Versions of which only Firestore knows: all just before the server began to listen."""
    events = await open_and_leave(target, token, video_id, CLIPS)
    last = events[-1]["data"]["clipEvents"]["version"]
    return [f"{int(last[:16], 16) - number:016x}{last[16:]}" for number in range(1, count + 1)]


async def resume(target: Target, token: str, video_id: str, stack: AsyncExitStack, count: int = RESUMES) -> None:
    """The video's clips are followed from each of many versions on."""
    versions = await list_versions(target, token, video_id, count)
    socket = await stack.enter_async_context(introduce(target.port, token))
    for number, version in enumerate(versions):
        await subscribe(socket, EVENTS, str(number), videoId=video_id, after=version)


async def test_resumes_are_paid_for_in_turn(target: Target) -> None:
    """Each reads all of a past twice; meanwhile others are answered."""
    user_id = "returner"
    await write_clips(target.data_dir, "v", CLIPS, user_id)
    token, neighbour = mint(target.data_dir, user_id), Neighbour(target)
    before = await read_left(target.port, token)
    expected = (CLIPS + 1) * (1 + 2 * RESUMES)

    async def check_charged() -> bool:
        return before - await read_left(target.port, token) == expected

    async with AsyncExitStack() as stack:

        async def attack() -> None:
            await resume(target, token, "v", stack)
            await wait_until(check_charged)

        await neighbour.live_beside(attack())
    assert neighbour.ratio < MAX_RATIO


async def test_resumes_that_were_left_are_read_no_further(target: Target) -> None:
    """Resumes whose clients have left stop reading documents."""
    user_id = "waverer"
    await write_clips(target.data_dir, "v", CLIPS, user_id)
    token = mint(target.data_dir, user_id)
    before = await read_left(target.port, token)
    async with AsyncExitStack() as stack:
        await resume(target, token, "v", stack, RESUMES_LEFT)
    left: list[int] = []

    async def check_rests() -> bool:
        left.append(await read_left(target.port, token))
        await asyncio.sleep(1)
        return await read_left(target.port, token) == left[-1]

    await wait_until(check_rests)
    assert before - left[-1] < (CLIPS + 1) * (1 + 2 * RESUMES_LEFT) / 2
