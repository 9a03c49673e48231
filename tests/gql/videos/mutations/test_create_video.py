from typing import Any

import pytest

from gql.services import Services


async def test_video_is_stored_with_what_is_computed(create_video: Any, services: Services, user_id: str) -> None:
    """The answer and the repository agree, and the YouTube id and defaults are filled in."""
    result = await create_video(title="Who, me?")
    assert result["__typename"] == "CreateVideoSuccess"
    assert result["created"] is True
    assert result["video"]["youtubeId"] == "dQw4w9WgXcQ"
    assert result["video"]["status"] == "PROCESSING"
    assert result["video"]["createdBy"] == "demo"
    stored = await services.videos(user_id).get_video("v1")
    assert stored is not None
    assert (stored.video_title, stored.clips_count, stored.target_aspect) == ("Who, me?", 0, "9:16")


async def test_same_call_again_gives_the_same_answer(create_video: Any) -> None:
    """A repeated call answers the same video with `created: false`."""
    first = await create_video()
    again = await create_video()
    assert again["created"] is False
    assert again["video"] == first["video"]


async def test_same_id_with_other_content_is_refused_and_nothing_changes(
    create_video: Any, services: Services, user_id: str
) -> None:
    """An existing video with another title is VideoAlreadyExists, and keeps its title."""
    await create_video(title="First")
    result = await create_video(title="Second")
    assert result["__typename"] == "VideoAlreadyExists"
    assert result["fields"] == ["title"]
    stored = await services.videos(user_id).get_video("v1")
    assert stored is not None
    assert stored.video_title == "First"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"videoId": "a/b"}, ["videoId"]),
        ({"videoId": ".."}, ["videoId"]),
        ({"videoId": "__x__"}, ["videoId"]),
        ({"videoId": "x" * 1501}, ["videoId"]),
        ({"videoId": ""}, ["videoId"]),
        ({"userId": "u" * 129}, ["userId"]),
        ({"title": ""}, ["title"]),
        ({"highlightsCount": -1}, ["highlightsCount"]),
        ({"highlightsSummary": {"totalDuration": -1}}, ["highlightsSummary", "totalDuration"]),
        ({"stylesProcessed": ["split", ""]}, ["stylesProcessed", "1"]),
    ],
    ids=str,
)
async def test_bad_value_is_named_and_nothing_is_written(
    create_video: Any, services: Services, user_id: str, changes: dict[str, Any], path: list[str]
) -> None:
    """A bad value is InvalidInput with its path, and no video is written."""
    result = await create_video(**changes)
    assert result["__typename"] == "InvalidInput"
    assert result["path"] == path
    assert await services.videos(user_id).count_videos() == 0
