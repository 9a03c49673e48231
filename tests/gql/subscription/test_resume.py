"""`after`: what comes after a version, without a gap."""

from typing import Any

import pytest

from gql.versions import build_videos_scope, format_version
from tests.gql.subscription.conftest import CLIP_EVENTS, VIDEO_EVENTS, Follow, take, take_error

DELETE_CLIP = "mutation ($input: DeleteClipInput!) { deleteClip(input: $input) { __typename } }"


async def test_nothing_is_lost_between_a_broken_connection_and_the_next(
    follow: Follow, address: str, create_video: Any, create_clips: Any, query: Any, clip_input: Any, user_id: str
) -> None:
    """A client that resumes with `after` gets each change that it missed, then the new ones."""
    await create_video()
    await create_clips(clip_input(1), clip_input(2))
    one, two, three = (clip_input(number)["filename"][:-4] for number in (1, 2, 3))
    video = {"videoId": "v1", "userId": user_id}
    async with follow(address, CLIP_EVENTS, **video) as events:
        *_, seen = await take(events, 2)
    await create_clips(clip_input(3))
    await query(DELETE_CLIP, input={**video, "clipId": one})
    async with follow(address, CLIP_EVENTS, **video, after=seen["version"]) as events:
        missed = await take(events, 2)
        await query(DELETE_CLIP, input={**video, "clipId": two})
        missed += await take(events, 1)
    told = [(event["kind"], event["clipId"]) for event in missed]
    # When it went is not known to who was away: that it has gone is told first.
    assert told == [("REMOVED", one), ("ADDED", three), ("REMOVED", two)]
    versions = [seen["version"], *(event["version"] for event in missed)]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("after", ["", "x", "0" * 31, "f" * 32, "f" * 40], ids=str)
async def test_version_that_nobody_gave_out_is_bad_input(
    follow: Follow, address: str, after: str, user_id: str
) -> None:
    """An `after` that this API did not issue is BAD_USER_INPUT, as a whole or with the digest of its scope."""
    for given in (after, format_version(after, build_videos_scope(user_id))):
        await assert_no_version(follow, address, given, user_id)


async def assert_no_version(follow: Follow, address: str, after: str, user_id: str) -> None:
    async with follow(address, VIDEO_EVENTS, after=after, userId=user_id) as events:
        error = await take_error(events)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argumentPath": ["after"]}
    assert (error["path"], len(error["locations"])) == (["videoEvents"], 1)


async def test_version_of_long_ago_is_too_old(follow: Follow, address: str, create_video: Any, user_id: str) -> None:
    """Firestore keeps the past for an hour."""
    await create_video()
    async with follow(
        address, VIDEO_EVENTS, after=format_version(f"{1:032x}", build_videos_scope(user_id)), userId=user_id
    ) as events:
        error = await take_error(events)
    assert error["extensions"] == {"code": "VERSION_TOO_OLD"}
    assert error["path"] == ["videoEvents"]
    assert "without `after`" in error["message"]
