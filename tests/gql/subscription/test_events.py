"""The events of subscriptions, over both transports: the present state first, then every change."""

import asyncio
from typing import Any

from gql.relay import encode_global_id
from gql.services import Services
from tests.gql.subscription.conftest import (
    CLIP_EVENTS,
    VIDEO_CHANGED,
    VIDEO_EVENTS,
    Follow,
    follow_socket,
    take,
    take_rest,
)

UPDATE = "mutation ($input: UpdateVideoInput!) { updateVideo(input: $input) { __typename } }"
UPDATE_CLIP = "mutation ($input: UpdateClipStatusInput!) { updateClipStatus(input: $input) { __typename } }"
DELETE_CLIP = "mutation ($input: DeleteClipInput!) { deleteClip(input: $input) { __typename } }"
DELETE_VIDEO = "mutation ($input: DeleteVideoInput!) { deleteVideo(input: $input) { __typename } }"


def kinds(events: list[Any], name: str) -> list[tuple[str, str]]:
    """Each event's kind, and its object's id."""
    return [(event["kind"], event[name]) for event in events]


def assert_ordered(events: list[Any]) -> None:
    versions = [event["version"] for event in events]
    assert versions == sorted(set(versions))


async def test_video_is_told_as_it_is_and_as_it_becomes(
    follow: Follow, address: str, create_video: Any, complete_clips: Any, clip_input: Any, user_id: str
) -> None:
    """Its counts and its cover are of the event's moment."""
    await create_video()
    async with follow(address, VIDEO_CHANGED, videoId="v1", userId=user_id) as events:
        (first,) = await take(events, 1)
        assert (first["kind"], first["videoId"]) == ("ADDED", "v1")
        assert first["deletedId"] is None
        assert first["video"] == {
            "title": "A video",
            "status": "PROCESSING",
            "clipsCount": 0,
            "clipsByStyle": [],
            "cover": None,
        }
        await complete_clips(clip_input(2), clip_input(1, "wide"))
        (second,) = await take(events, 1)
        assert second["kind"] == "MODIFIED"
        assert second["video"]["clipsCount"] == 2
        assert second["video"]["clipsByStyle"] == [{"style": "split", "count": 1}, {"style": "wide", "count": 1}]
        assert second["video"]["cover"] == {"clipId": "clip_01_01_a-title_wide"}
        assert_ordered([first, second])


async def test_video_is_awaited_where_there_is_none(
    follow: Follow, address: str, create_video: Any, user_id: str
) -> None:
    """`videoChanged` on a missing video sends ADDED once it is created."""
    async with follow(address, VIDEO_CHANGED, videoId="v1", userId=user_id) as events:
        await create_video()
        (first,) = await take(events, 1)
    assert (first["kind"], first["video"]["title"]) == ("ADDED", "A video")


async def test_all_videos_of_a_user_are_told_of(
    follow: Follow, address: str, create_video: Any, query: Any, user_id: str
) -> None:
    """`videoEvents` sends the present videos, then ADDED, MODIFIED and REMOVED."""
    await create_video("v1")
    await create_video("v2")
    async with follow(address, VIDEO_EVENTS, userId=user_id) as events:
        first = await take(events, 2)
        assert {event["videoId"] for event in first} == {"v1", "v2"}
        await create_video("v3")
        await query(UPDATE, input={"videoId": "v1", "userId": user_id, "title": "Another"})
        await query(DELETE_VIDEO, input={"videoId": "v2", "userId": user_id})
        later = await take(events, 3)
    assert kinds(later, "videoId") == [("ADDED", "v3"), ("MODIFIED", "v1"), ("REMOVED", "v2")]
    assert later[1]["video"]["title"] == "Another"
    assert later[2]["video"] is None
    assert [event["deletedId"] for event in later] == [None, None, encode_global_id("Video", user_id, "v2")]
    assert_ordered(first + later)


async def test_clips_of_every_status_are_told_of(
    follow: Follow, address: str, create_video: Any, create_clips: Any, query: Any, clip_input: Any, user_id: str
) -> None:
    """`clipEvents` sends clips of every status, and each of their changes."""
    await create_video()
    await create_clips(clip_input(1))
    one, two = (clip_input(number)["filename"].removesuffix(".mp4") for number in (1, 2))
    named = {"videoId": "v1", "userId": user_id, "clipId": one}
    async with follow(address, CLIP_EVENTS, videoId="v1", userId=user_id) as events:
        first = await take(events, 1)
        await create_clips(clip_input(2))
        await query(UPDATE_CLIP, input={**named, "status": "FAILED"})
        await query(DELETE_CLIP, input=named)
        later = await take(events, 3)
    assert kinds(first + later, "clipId") == [("ADDED", one), ("ADDED", two), ("MODIFIED", one), ("REMOVED", one)]
    assert [event["clip"] and event["clip"]["status"] for event in later] == ["PROCESSING", "FAILED", None]
    assert [event["deletedId"] for event in later] == [None, None, encode_global_id("Clip", user_id, "v1", one)]
    assert_ordered(first + later)


async def test_clip_that_gets_another_style_leaves_and_enters(
    follow: Follow,
    address: str,
    services: Services,
    create_video: Any,
    create_clips: Any,
    clip_input: Any,
    user_id: str,
) -> None:
    """Workers that write Firestore themselves may do so."""
    await create_video()
    await create_clips(clip_input(1, "split"), clip_input(2, "wide"))
    one, two = (clip_input(1, "split")["filename"][:-4], clip_input(2, "wide")["filename"][:-4])
    clips = services.firestore.collection("users", user_id, "videos", "v1", "clips")
    async with follow(address, CLIP_EVENTS, videoId="v1", userId=user_id, style="split") as events:
        first = await take(events, 1)
        await clips.document(one).update({"style": "wide"})
        await clips.document(two).update({"style": "split"})
        later = await take(events, 2)
    assert kinds(first + later, "clipId") == [("ADDED", one), ("REMOVED", one), ("ADDED", two)]


async def test_video_that_is_deleted_ends_its_subscriptions(
    follow: Follow, address: str, create_video: Any, create_clips: Any, query: Any, clip_input: Any, user_id: str
) -> None:
    """The deletion of a video sends REMOVED for it and its clips, and ends both subscriptions."""
    await create_video()
    await create_clips(clip_input(1), clip_input(2))
    video = {"videoId": "v1", "userId": user_id}
    async with follow(address, VIDEO_CHANGED, **video) as told, follow(address, CLIP_EVENTS, **video) as clips_told:
        await take(told, 1)
        await take(clips_told, 2)
        await query(DELETE_VIDEO, input=video)
        (*_, last) = await take_rest(told)
        clips_last = await take_rest(clips_told)
    assert (last["kind"], last["video"]) == ("REMOVED", None)
    assert [event["kind"] for event in clips_last] == ["REMOVED", "REMOVED"]


async def test_what_is_below_an_event_is_read_for_this_event(
    follow: Follow, address: str, create_video: Any, query: Any, create_clips: Any, clip_input: Any, user_id: str
) -> None:
    """The fields below an event are read for it, and never shown from an earlier event."""
    document = """subscription ($videoId: ID!, $userId: ID) {
      clipEvents(videoId: $videoId, userId: $userId) { clip { video { title clips(status: null) { totalCount } } } }
    }"""
    await create_video()
    await create_clips(clip_input(1))
    async with follow(address, document, videoId="v1", userId=user_id) as events:
        (first,) = await take(events, 1)
        assert first["clip"]["video"] == {"title": "A video", "clips": {"totalCount": 1}}
        await query(UPDATE, input={"videoId": "v1", "userId": user_id, "title": "Another"})
        await create_clips(clip_input(2))
        (second,) = await take(events, 1)
    assert second["clip"]["video"] == {"title": "Another", "clips": {"totalCount": 2}}


async def test_who_is_told_much_leaves_others_their_turn(
    address: str, create_video: Any, create_clips: Any, clip_input: Any, user_id: str
) -> None:
    """Between any two events, also where all of them are there already."""
    await create_video()
    await create_clips(*(clip_input(number % 60, f"style{number}") for number in range(200)))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with follow_socket(address, CLIP_EVENTS, videoId="v1", userId=user_id) as events:
        await take(events, 1)
        others = asyncio.create_task(take_turns())
        await take(events, 199)
        others.cancel()
    assert turns > 150


async def test_clips_of_an_event_are_never_older_than_its_video(
    follow: Follow, address: str, create_video: Any, complete_clips: Any, clip_input: Any, user_id: str
) -> None:
    """Clips are only added here: so each event shows at least as many as its video counts."""
    document = """subscription ($videoId: ID!, $userId: ID) {
      videoChanged(videoId: $videoId, userId: $userId) { video { clipsCount clips { nodes { clipId } } } }
    }"""
    await create_video()
    told: list[tuple[int, int]] = []
    async with follow(address, document, videoId="v1", userId=user_id) as events, asyncio.TaskGroup() as group:
        for number in range(1, 13):
            group.create_task(complete_clips(clip_input(number)))
        while not told or told[-1][0] < 12:
            (event,) = await take(events, 1)
            told.append((event["video"]["clipsCount"], len(event["video"]["clips"]["nodes"])))
    assert [counted for counted, shown in told if shown < counted] == []
