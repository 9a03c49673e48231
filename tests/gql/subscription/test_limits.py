"""The limits of subscriptions: connections, operations, reads, and the time of each event."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from gql.app import create_app
from gql.http.limits.connection_limits import MAX_OPERATIONS
from gql.loaders import Loaders
from settings import Settings
from tests.clocks import MovedClock
from tests.gql.subscription.conftest import (
    VIDEO_EVENTS,
    Follow,
    open_socket,
    open_stream,
    read_stream,
    serve_app,
    subscribe,
    take,
    take_error,
    wait_until,
)
from tests.patience import PATIENCE_SECONDS

EVENT_SECONDS = 50

Mint = Callable[..., str]
WITH_VIDEO = """
subscription ($videoId: ID!, $userId: ID) {
  clipEvents(videoId: $videoId, userId: $userId) { clip { clipId video { title } } }
}
"""
# Without the video in its answer, which a loader would read.
CREATE_SILENTLY = "mutation ($input: CreateClipsInput!) { createClips(input: $input) { __typename } }"


async def test_streams_and_sockets_share_their_callers_seats(settings: Settings, mint: Mint, user_id: str) -> None:
    """Event streams and WebSockets of a caller share one limit; another caller has their own."""
    token, other = mint(user_id), mint("another")
    body = {"query": VIDEO_EVENTS}
    app = create_app(settings.model_copy(update={"max_sockets_per_caller": 2}))
    async with serve_app(app) as address:
        async with open_socket(address, token), open_stream(address, token, json=body) as first:
            assert first.status_code == 200
            async with open_stream(address, token, json=body) as refused:
                assert refused.status_code == 429
                (error,) = json.loads(await refused.aread())["errors"]
                assert error["extensions"] == {"code": "RATE_LIMITED"}
            async with open_stream(address, other, json=body) as stranger:
                assert stranger.status_code == 200
        async with asyncio.timeout(PATIENCE_SECONDS), open_socket(address, token):
            while (await _try_stream(address, token)) == 429:  # noqa: ASYNC110  a seat tells nobody
                await asyncio.sleep(0.05)


async def _try_stream(address: str, token: str) -> int:
    async with open_stream(address, token, json={"query": VIDEO_EVENTS}) as response:
        return response.status_code


async def test_subscriptions_count_among_a_sockets_operations(address: str, user_id: str) -> None:
    """One subscription beyond the WebSocket's limit is an error with RATE_LIMITED."""
    async with open_socket(address) as opened:
        for number in range(MAX_OPERATIONS + 1):
            await subscribe(opened, VIDEO_EVENTS, str(number), userId=user_id)
        answer = json.loads(await opened.recv())
    assert (answer["id"], answer["type"]) == (str(MAX_OPERATIONS), "error")
    assert answer["payload"][0]["extensions"] == {"code": "RATE_LIMITED"}


async def test_cost_is_an_events_own(
    follow: Follow, address: str, create_video: Any, create_clips: Any, clip_input: Any, user_id: str
) -> None:
    """It does not grow with the stream: the event's document, and what is read below it."""
    await create_video()
    await create_clips(*(clip_input(number) for number in range(1, 6)))
    async with follow(address, WITH_VIDEO, videoId="v1", userId=user_id) as events:
        async with asyncio.timeout(PATIENCE_SECONDS):
            costs = [(await anext(events))["extensions"]["cost"] for _ in range(5)]
    assert [cost["requested"]["documentReads"] for cost in costs] == [2] * 5
    # The first has what was read to begin, the clips and their video, as well; below each event its video is read.
    reads = [cost["actual"]["documentReads"] for cost in costs]
    assert reads == [6 + 1, 1, 1, 1, 1]
    assert [(cost["actual"]["documentWrites"], cost["actual"]["rpcs"]) for cost in costs] == [(0, 1)] * 5
    assert len({(cost["actual"]["fieldValues"], cost["actual"]["responseBytes"]) for cost in costs[1:]}) == 1
    left = [cost["throttle"]["currentlyAvailable"] for cost in costs]
    assert [before - after for before, after in pairwise(left)] == reads[1:]


async def test_subscription_of_which_an_event_could_read_too_much_does_not_begin(
    settings: Settings, follow: Follow
) -> None:
    """A subscription whose events could exceed the limit of reads is QUERY_TOO_EXPENSIVE."""
    document = 'subscription { videoChanged(videoId: "v1") { video { clips(first: 100) { nodes { title } } } } }'
    async with (
        serve_app(create_app(settings.model_copy(update={"max_document_reads": 50}))) as address,
        follow(address, document) as events,
    ):
        error = await take_error(events)
    assert error["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


async def test_who_has_read_all_they_may_is_told_and_goes_on_later(
    settings: Settings, follow: Follow, create_video: Any, create_clips: Any, clip_input: Any, mint: Mint, user_id: str
) -> None:
    """The events that came are good: `after` goes on from the last."""
    await create_video()
    await create_clips(*(clip_input(number) for number in range(1, 6)))
    app = create_app(settings.model_copy(update={"reads_per_minute_user": 6 + 3}))
    async with serve_app(app) as address, follow(address, WITH_VIDEO, mint(user_id), videoId="v1") as events:
        async with asyncio.timeout(PATIENCE_SECONDS):
            *told, last = [result async for result in events]
    assert len({result["data"]["clipEvents"]["clip"]["clipId"] for result in told}) == len(told) == 3
    (error,) = last["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 0 < error["extensions"]["retryAfter"] <= 60


async def test_events_wait_for_each_other_where_all_of_them_could_read_too_much(
    settings: Settings, create_video: Any, mint: Mint, user_id: str
) -> None:
    """None is refused for that, though a request would be: a page's subscriptions are told all at once."""
    await create_video()
    document = 'subscription { videoChanged(videoId: "v1") { video { clips(first: 100) { nodes { title } } } } }'
    app = create_app(settings.model_copy(update={"reads_per_minute_user": 1_000}))
    async with serve_app(app) as address, open_socket(address, mint(user_id)) as opened:
        for number in range(20):
            await subscribe(opened, document, str(number))
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = [json.loads(await opened.recv()) for _ in range(20)]
    assert {answer["id"] for answer in answers} == {str(number) for number in range(20)}
    assert [answer["payload"] for answer in answers if "errors" in answer["payload"]] == []


async def test_each_event_has_its_time(
    settings: Settings,
    follow: Follow,
    create_video: Any,
    create_clips: Any,
    clip_input: Any,
    query: Any,
    user_id: str,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stream lasts as long as it likes; an event that is not made in time is told as TIMEOUT, and is the last."""
    await create_video()
    await create_clips(clip_input(1))
    app = create_app(settings.model_copy(update={"request_timeout_seconds": EVENT_SECONDS}))
    async with serve_app(app) as address, follow(address, WITH_VIDEO, videoId="v1", userId=user_id) as events:
        await take(events, 1)
        clock.advance(EVENT_SECONDS + 1)
        await create_clips(clip_input(2))
        await take(events, 1)
        has_begun = asyncio.Event()

        async def load_for_ever(*_: object) -> None:
            has_begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(Loaders, "_load_videos_of", load_for_ever)
        await query(CREATE_SILENTLY, input={"videoId": "v1", "userId": user_id, "clips": [clip_input(3)]})
        await has_begun.wait()
        clock.advance(EVENT_SECONDS)
        error = await take_error(events)
    assert error["extensions"] == {"code": "TIMEOUT"}


async def test_stream_is_one_line_of_the_log(
    address: str, capsys: pytest.CaptureFixture[str], create_video: Any, user_id: str
) -> None:
    """When it ends."""
    await create_video()
    capsys.readouterr()
    body = {"query": VIDEO_EVENTS, "variables": {"userId": user_id}}
    async with open_stream(address, json=body) as response:
        await take(read_stream(response), 1)
        assert "path=/graphql" not in capsys.readouterr().out
    logged: list[str] = []
    await wait_until(lambda: _count_lines(logged, capsys) > 0)
    assert _count_lines(logged, capsys) == 1


def _count_lines(logged: list[str], capsys: pytest.CaptureFixture[str]) -> int:
    logged.append(capsys.readouterr().out)
    return "".join(logged).count("path=/graphql")
