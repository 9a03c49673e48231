"""The charges of a subscription's first reads, and the refusals."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gql.app import create_app
from gql.services import Services
from repositories.listening.past_reader import PastReader
from settings import Settings
from tests.gql.subscription.conftest import (
    CLIP_EVENTS,
    VIDEO_EVENTS,
    Follow,
    follow_stream,
    open_socket,
    serve_app,
    subscribe,
    take,
    take_error,
)
from tests.patience import PATIENCE_SECONDS

CLIPS = 5
Mint = Callable[..., str]


@pytest.fixture
async def clips(create_video: Any, create_clips: Any, clip_input: Any) -> None:
    """A video with five clips."""
    await create_video()
    await create_clips(*(clip_input(number) for number in range(1, CLIPS + 1)))


class Left:
    """The reads that a caller has left."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token

    async def read(self) -> int:
        """The number of reads."""
        async with follow_stream(self._address, "{ viewer { userId } }", self._token) as events:
            answer = await anext(events)
        left: int = answer["extensions"]["cost"]["throttle"]["currentlyAvailable"]
        return left

    async def wait_for(self, left: int) -> None:
        """It is so much, and stays so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.read() != left:  # noqa: ASYNC110  a budget tells nobody
                await asyncio.sleep(0.05)
        assert await self.read() == left


@pytest.fixture
def left(address: str, mint: Mint, user_id: str) -> Left:
    """The reads that the user has left."""
    return Left(address, mint(user_id))


@pytest.mark.usefixtures("clips")
async def test_who_is_told_nothing_pays_for_what_was_read(
    follow: Follow, address: str, left: Left, mint: Mint, user_id: str
) -> None:
    """No clip has this style; all of them were looked at."""
    before = await left.read()
    async with follow(address, CLIP_EVENTS, mint(user_id), videoId="v1", style="other"):
        await left.wait_for(before - CLIPS - 1)


@pytest.mark.usefixtures("clips")
async def test_who_leaves_at_once_pays_for_what_was_read(address: str, left: Left, mint: Mint, user_id: str) -> None:
    """Each time; and who opens it while somebody else follows pays for what they are told only."""
    before = await left.read()
    for _ in range(2):
        async with open_socket(address, mint(user_id)) as opened:
            await subscribe(opened, CLIP_EVENTS, videoId="v1")
            await opened.recv()
        # Closed before the rest of it was taken.
    await left.wait_for(before - 2 * (CLIPS + 1))


@pytest.mark.usefixtures("clips")
async def test_who_joins_pays_for_its_events_only(
    follow: Follow, address: str, left: Left, mint: Mint, user_id: str
) -> None:
    """A subscriber that joins a known target pays one read for each event."""
    async with follow(address, CLIP_EVENTS, videoId="v1", userId=user_id) as opened:
        await take(opened, CLIPS)
        before = await left.read()
        async with follow(address, CLIP_EVENTS, mint(user_id), videoId="v1") as joined:
            costs = [(await anext(joined))["extensions"]["cost"] for _ in range(CLIPS)]
        assert [cost["actual"]["documentReads"] for cost in costs] == [1] * CLIPS
        await left.wait_for(before - CLIPS)


@pytest.mark.usefixtures("clips")
async def test_who_comes_back_pays_for_the_past(
    follow: Follow, address: str, services: Services, left: Left, mint: Mint, user_id: str, clip_input: Any
) -> None:
    """The cost of the first event has all that was read: the present once, and the past twice."""
    async with follow(address, CLIP_EVENTS, videoId="v1", userId=user_id) as events:
        *_, last = await take(events, CLIPS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while services.listener.targets_count:  # noqa: ASYNC110  a target tells nobody
            await asyncio.sleep(0.01)
    gone = clip_input(1)["filename"].removesuffix(".mp4")
    await services.firestore.document("users", user_id, "videos", "v1", "clips", gone).delete()
    before, read_before = await left.read(), services.listener.documents_read
    async with follow(address, CLIP_EVENTS, mint(user_id), videoId="v1", after=last["version"]) as events:
        result = await anext(events)
    read = services.listener.documents_read - read_before
    assert result["data"]["clipEvents"]["kind"] == "REMOVED"
    assert result["extensions"]["cost"]["actual"]["documentReads"] == read == CLIPS + 2 * (CLIPS + 1)
    await left.wait_for(before - read)


@pytest.mark.usefixtures("clips")
async def test_what_is_too_large_to_follow_says_so(
    settings: Settings, follow: Follow, mint: Mint, user_id: str
) -> None:
    """And is paid for, as far as it was read."""
    app = create_app(settings.model_copy(update={"max_followed_documents": CLIPS - 1}))
    async with serve_app(app) as address:
        left = Left(address, mint(user_id))
        before = await left.read()
        async with follow(address, CLIP_EVENTS, mint(user_id), videoId="v1") as events:
            error = await take_error(events)
        assert error["extensions"] == {"code": "TOO_MANY_DOCUMENTS", "limit": CLIPS - 1}
        assert before - await left.read() >= CLIPS
        async with follow(address, VIDEO_EVENTS, mint(user_id)) as events:
            assert len(await take(events, 1)) == 1


@pytest.mark.usefixtures("clips")
async def test_what_was_paid_for_is_told_where_nothing_is_left(
    settings: Settings, follow: Follow, mint: Mint, user_id: str
) -> None:
    """But it cannot be opened a second time, elsewhere or with another version."""
    app = create_app(settings.model_copy(update={"reads_per_minute_user": CLIPS + 1}))
    async with serve_app(app) as address, follow(address, CLIP_EVENTS, mint(user_id), videoId="v1") as events:
        assert len(await take(events, CLIPS)) == CLIPS
        read = app.state.services.listener.documents_read
        async with open_socket(address, mint(user_id)) as opened:
            await subscribe(opened, VIDEO_EVENTS)
            assert "RATE_LIMITED" in str(await opened.recv())
        assert app.state.services.listener.documents_read == read


@pytest.mark.usefixtures("clips")
async def test_beginnings_of_a_caller_have_a_bound_together(
    settings: Settings, mint: Mint, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subscriptions beyond a minute's budget wait until the first states before them are read."""
    held = asyncio.Event()
    begun: list[object] = []
    read = PastReader.read

    async def wait(self: PastReader, *arguments: Any) -> Any:
        begun.append(None)
        await held.wait()
        return await read(self, *arguments)

    monkeypatch.setattr(PastReader, "read", wait)
    limits = {"reads_per_minute_user": 7 * CLIPS, "max_followed_documents": CLIPS}
    app = create_app(settings.model_copy(update=limits))
    async with serve_app(app) as address:
        async with follow_stream(address, CLIP_EVENTS, videoId="v1", userId=user_id) as events:
            *_, last = await take(events, CLIPS)
        async with open_socket(address, mint(user_id)) as opened:
            for number in range(5):
                version = f"{int(last['version'][:16], 16) - number - 1:016x}{last['version'][16:]}"
                await subscribe(opened, CLIP_EVENTS, str(number), videoId="v1", after=version)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(begun) < 2:  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert len(begun) == 2
            held.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(begun) < 3:  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.01)
