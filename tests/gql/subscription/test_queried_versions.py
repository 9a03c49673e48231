"""Queries say where live goes on: their versions, passed as `after`, replay nothing and leave out nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.gql.subscription.conftest import (
    CLIP_EVENTS,
    VIDEO_CHANGED,
    VIDEO_EVENTS,
    Follow,
    take,
    take_error,
)

Execute = Callable[..., Awaitable[Any]]
PAGE = """query ($u: ID) {
  videos(userId: $u) { ...Versions }
  video(videoId: "v1", userId: $u) { version clips(status: null) { version nodes { clipId } } }
}
fragment Versions on VideoConnection { version nodes { videoId version } }"""
UPDATE = """mutation ($input: UpdateVideoInput!) {
  updateVideo(input: $input) { ... on UpdateVideoSuccess { video { version title } } }
}"""
STATUS = "mutation ($input: UpdateClipStatusInput!) { updateClipStatus(input: $input) { __typename } }"
CLIP_ID = "clip_01_01_a-title_split"


@pytest.fixture
async def page(create_video: Any, complete_clips: Any, clip_input: Any, query: Execute, user_id: str) -> Any:
    """A page of two videos with three clips each, of which the clips are in the cache."""
    for video_id in ("v1", "v2"):
        await create_video(video_id)
        await complete_clips(clip_input(1), clip_input(2), clip_input(3), video_id=video_id)
    await query(PAGE, u=user_id)
    return await query(PAGE, u=user_id)


async def test_a_page_is_told_only_changes_after_its_query(
    follow: Follow, address: str, page: Any, query: Execute, user_id: str
) -> None:
    """Each subscription with the version of its query begins with the first change after it."""
    video = {"videoId": "v1", "userId": user_id}
    versions = {
        VIDEO_EVENTS: page["videos"]["version"],
        VIDEO_CHANGED: page["video"]["version"],
        CLIP_EVENTS: page["video"]["clips"]["version"],
    }
    await query(STATUS, input={**video, "clipId": CLIP_ID, "status": "PROCESSING"})
    for document, version in versions.items():
        asked = {"userId": user_id} if document is VIDEO_EVENTS else video
        async with follow(address, document, **asked, after=version) as events:
            (event,) = await take(events, 1)
        assert (event["kind"], event["version"] > version) == ("MODIFIED", True)
        assert event.get("videoId", "v1") == "v1"
        assert event.get("clipId", CLIP_ID) == CLIP_ID


async def test_a_videos_version_also_begins_its_clips(
    follow: Follow, address: str, page: Any, create_clips: Any, clip_input: Any, user_id: str
) -> None:
    """`clipEvents` takes the version of the video, with which a page's clips came; the list's videos have it, too."""
    (version,) = (node["version"] for node in page["videos"]["nodes"] if node["videoId"] == "v1")
    await create_clips(clip_input(4))
    async with follow(address, CLIP_EVENTS, videoId="v1", userId=user_id, after=version) as events:
        (event,) = await take(events, 1)
    assert (event["kind"], event["clipId"]) == ("ADDED", clip_input(4)["filename"][:-4])


async def test_an_empty_page_has_a_version(
    follow: Follow, address: str, query: Execute, create_video: Any, user_id: str
) -> None:
    """The first video that comes after an empty list is told."""
    empty = await query("query ($u: ID) { videos(userId: $u) { version nodes { id } } }", u=user_id)
    await create_video()
    async with follow(address, VIDEO_EVENTS, userId=user_id, after=empty["videos"]["version"]) as events:
        (event,) = await take(events, 1)
    assert (empty["videos"]["nodes"], event["kind"], event["videoId"]) == ([], "ADDED", "v1")


async def test_the_version_of_a_mutations_answer_is_after_its_write(
    follow: Follow, address: str, page: Any, query: Execute, user_id: str
) -> None:
    """A client that wrote is told later changes only, not its own; the same call again has a later version."""
    del page
    named = {"videoId": "v1", "userId": user_id}
    mine, again = [
        (await query(UPDATE, input={**named, "title": "Mine"}))["updateVideo"]["video"]["version"] for _ in range(2)
    ]
    await query(UPDATE, input={**named, "title": "Another's"})
    assert mine < again
    for version in (mine, again):
        async with follow(address, VIDEO_CHANGED, **named, after=version) as events:
            (event,) = await take(events, 1)
        assert event["video"]["title"] == "Another's"


async def test_a_version_of_other_objects_is_bad_input(
    follow: Follow, address: str, page: Any, query: Execute, create_video: Any, user_id: str
) -> None:
    """A version of another list, video or user is BAD_USER_INPUT with the path: that client has not seen these."""
    del create_video
    other = (await query('{ videos(userId: "somebody-else") { version } }'))["videos"]["version"]
    of_v2 = next(node["version"] for node in page["videos"]["nodes"] if node["videoId"] == "v2")
    videos, video, clips = page["videos"]["version"], page["video"]["version"], page["video"]["clips"]["version"]
    refused = {
        VIDEO_EVENTS: (other, video, clips),
        VIDEO_CHANGED: (of_v2, videos, clips),
        CLIP_EVENTS: (of_v2, videos, other),
    }
    for document, versions in refused.items():
        asked = {"userId": user_id} | ({} if document is VIDEO_EVENTS else {"videoId": "v1"})
        for version in versions:
            async with follow(address, document, **asked, after=version) as events:
                error = await take_error(events)
            assert error["extensions"] == {"code": "BAD_USER_INPUT", "argumentPath": ["after"]}


async def test_events_of_clips_carry_the_counts_of_their_video(
    follow: Follow, address: str, page: Any, query: Execute, user_id: str
) -> None:
    """A clip's event has its video with the counts that its commit left, also when the clip is gone."""
    document = """subscription ($userId: ID, $after: String) {
      clipEvents(videoId: "v1", userId: $userId, after: $after) { kind video { clipsCount } }
    }"""
    named = {"videoId": "v1", "userId": user_id, "clipId": CLIP_ID}
    delete = "mutation ($input: DeleteClipInput!) { deleteClip(input: $input) { __typename } }"
    async with follow(address, document, userId=user_id, after=page["video"]["version"]) as events:
        await query(STATUS, input={**named, "status": "PROCESSING"})
        (changed,) = await take(events, 1)
        await query(STATUS, input={**named, "status": "COMPLETED"})
        (completed,) = await take(events, 1)
        await query(delete, input=named)
        (gone,) = await take(events, 1)
    counts = [event["video"]["clipsCount"] for event in (changed, completed, gone)]
    assert (counts, gone["kind"]) == ([2, 3, 2], "REMOVED")
