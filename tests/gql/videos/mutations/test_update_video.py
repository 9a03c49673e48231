from typing import Any

import pytest

DOCUMENT = """
mutation ($input: UpdateVideoInput!) {
  updateVideo(input: $input) {
    __typename
    ... on UpdateVideoSuccess {
      video { title youtubeId customPrompt highlightsSummary { totalDuration } }
    }
    ... on UserError { message }
    ... on InvalidInput { path }
    ... on VideoNotFound { videoId }
  }
}
"""


@pytest.fixture
def update(query: Any, user_id: str) -> Any:
    async def update(**changes: Any) -> Any:
        return (await query(DOCUMENT, input={"videoId": "v1", "userId": user_id} | changes))["updateVideo"]

    return update


async def test_given_fields_change_and_others_stay(create_video: Any, update: Any) -> None:
    """Given fields change, and omitted ones stay."""
    await create_video(customPrompt="funny ones")
    result = await update(title="New", highlightsSummary={"totalDuration": 12.5})
    assert result["video"]["title"] == "New"
    assert result["video"]["customPrompt"] == "funny ones"
    assert result["video"]["highlightsSummary"] == {"totalDuration": 12.5}


async def test_null_removes_what_may_be_missing(create_video: Any, update: Any) -> None:
    """Null removes an optional field."""
    await create_video(customPrompt="funny ones")
    assert (await update(customPrompt=None))["video"]["customPrompt"] is None


async def test_youtube_id_follows_the_address(create_video: Any, update: Any) -> None:
    """A new video URL changes the YouTube id."""
    await create_video()
    result = await update(videoUrl="https://www.youtube.com/watch?v=abcdefghijk")
    assert result["video"]["youtubeId"] == "abcdefghijk"


async def test_unknown_video_is_refused(update: Any) -> None:
    """An unknown video is VideoNotFound."""
    result = await update(title="New")
    assert (result["__typename"], result["videoId"]) == ("VideoNotFound", "v1")


@pytest.mark.parametrize(
    ("changes", "path"), [({"title": None}, ["title"]), ({"highlightsCount": -1}, ["highlightsCount"])]
)
async def test_bad_value_is_named_and_nothing_changes(
    create_video: Any, update: Any, changes: dict[str, Any], path: list[str]
) -> None:
    """A bad value is InvalidInput with its path, and the title stays."""
    await create_video(title="First")
    result = await update(**changes)
    assert (result["__typename"], result["path"]) == ("InvalidInput", path)
    assert (await update(customPrompt="x"))["video"]["title"] == "First"
