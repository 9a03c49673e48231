from typing import Any

import pytest

from gql.services import Services

DOCUMENT = """
mutation ($input: UpdateClipStatusInput!) {
  updateClipStatus(input: $input) {
    __typename
    ... on UpdateClipStatusSuccess {
      video { clipsCount } clip { status completedAt fileSizeBytes hasThumbnail video { clipsCount } }
    }
    ... on InvalidStatusChange { from to }
    ... on FileMissing { key }
    ... on ClipNotFound { clipId }
    ... on VideoNotFound { videoId }
  }
}
"""
CLIP_ID = "clip_01_01_a-title_split"


@pytest.fixture
def update(query: Any, user_id: str) -> Any:
    async def update(status: str, clip_id: str = CLIP_ID) -> Any:
        given = {"videoId": "v1", "userId": user_id, "clipId": clip_id, "status": status}
        return (await query(DOCUMENT, input=given))["updateClipStatus"]

    return update


async def test_completed_asks_r2_and_counts_in_the_same_commit(
    create_video: Any, create_clips: Any, clip_input: Any, upload: Any, update: Any
) -> None:
    """COMPLETED takes the size from R2 and counts the clip, repeats without a change, and PROCESSING counts it out."""
    await create_video()
    await create_clips(clip_input(1))
    await upload(f"{CLIP_ID}.mp4")
    completed = await update("COMPLETED")
    clip = completed["clip"]
    assert (completed["video"], bool(clip["completedAt"])) == ({"clipsCount": 1}, True)
    assert (clip["fileSizeBytes"], clip["hasThumbnail"], clip["video"]["clipsCount"]) == (10.0, True, 1)
    assert (await update("COMPLETED"))["clip"] == clip
    assert (await update("PROCESSING"))["clip"]["video"]["clipsCount"] == 0


async def test_completed_without_a_file_is_refused_and_nothing_changes(
    create_video: Any, create_clips: Any, clip_input: Any, update: Any, services: Services, user_id: str
) -> None:
    """COMPLETED without a file is FileMissing with its key, and the status stays."""
    await create_video()
    await create_clips(clip_input(1))
    result = await update("COMPLETED")
    assert (result["__typename"], result["key"]) == ("FileMissing", f"{user_id}/v1/clips/{CLIP_ID}.mp4")
    stored = await services.clips(user_id, "v1").get_clip(CLIP_ID)
    assert stored is not None
    assert stored.status == "processing"


async def test_step_that_is_not_in_the_table_is_refused(
    create_video: Any, complete_clips: Any, clip_input: Any, update: Any
) -> None:
    """COMPLETED to FAILED is InvalidStatusChange with both statuses."""
    await create_video()
    await complete_clips(clip_input(1))
    result = await update("FAILED")
    assert (result["__typename"], result["from"], result["to"]) == ("InvalidStatusChange", "COMPLETED", "FAILED")


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
async def test_unknown_clip_is_refused(create_video: Any, update: Any, status: str) -> None:
    """An unknown clip is ClipNotFound."""
    await create_video()
    assert await update(status) == {"__typename": "ClipNotFound", "clipId": CLIP_ID}


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "PROCESSING"])
async def test_unknown_video_is_refused_before_its_clip(update: Any, status: str) -> None:
    """An unknown video is VideoNotFound, not ClipNotFound."""
    assert await update(status) == {"__typename": "VideoNotFound", "videoId": "v1"}


FAILURE = """
mutation ($input: UpdateClipStatusInput!) {
  updateClipStatus(input: $input) {
    ... on UpdateClipStatusSuccess { clip { status completedAt failedAt errorMessage } }
  }
}
"""


async def test_times_and_the_error_follow_the_status(
    query: Any, create_video: Any, create_clips: Any, clip_input: Any, upload: Any, user_id: str
) -> None:
    """`failedAt` and `errorMessage` are there while FAILED, `completedAt` while COMPLETED."""

    async def move(status: str, error_message: str | None = None) -> Any:
        given = {"videoId": "v1", "userId": user_id, "clipId": CLIP_ID, "status": status, "errorMessage": error_message}
        return (await query(FAILURE, input=given))["updateClipStatus"]["clip"]

    await create_video()
    await create_clips(clip_input(1))
    await upload(f"{CLIP_ID}.mp4")
    failed = await move("FAILED", "Out of memory" + "!" * 2_000)
    assert failed["failedAt"]
    assert failed["errorMessage"] == "Out of memory" + "!" * 987
    assert failed["completedAt"] is None
    assert await move("FAILED", "Again") == failed
    nothing = {"completedAt": None, "failedAt": None, "errorMessage": None}
    assert await move("PROCESSING", "Not said") == {"status": "PROCESSING", **nothing}
    completed = await move("COMPLETED", "Not said")
    assert completed.pop("completedAt")
    assert completed == {"status": "COMPLETED", "failedAt": None, "errorMessage": None}
