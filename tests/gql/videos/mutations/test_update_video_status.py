from typing import Any

import pytest

DOCUMENT = """
mutation ($input: UpdateVideoStatusInput!) {
  updateVideoStatus(input: $input) {
    __typename
    ... on UpdateVideoStatusSuccess { video { status completedAt failedAt errorMessage } }
    ... on InvalidStatusChange { message from to }
    ... on VideoNotFound { videoId }
  }
}
"""


@pytest.fixture
def update(query: Any, user_id: str) -> Any:
    async def update(status: str, **more: Any) -> Any:
        given = {"videoId": "v1", "userId": user_id, "status": status} | more
        return (await query(DOCUMENT, input=given))["updateVideoStatus"]

    return update


async def test_times_follow_the_status(create_video: Any, update: Any) -> None:
    """The times and the error message follow the status, and the message is cut at 1,000 characters."""
    await create_video()
    failed = (await update("FAILED", errorMessage="x" * 1200))["video"]
    assert failed["failedAt"]
    assert len(failed["errorMessage"]) == 1000
    assert (await update("PROCESSING"))["video"] == {
        "status": "PROCESSING",
        "completedAt": None,
        "failedAt": None,
        "errorMessage": None,
    }
    assert (await update("COMPLETED"))["video"]["completedAt"]


async def test_same_status_again_changes_nothing(create_video: Any, update: Any) -> None:
    """A repeated status gives the same answer."""
    await create_video()
    first = await update("COMPLETED")
    assert await update("COMPLETED") == first


async def test_step_that_is_not_in_the_table_is_refused(create_video: Any, update: Any) -> None:
    """COMPLETED to FAILED is InvalidStatusChange with both statuses, and the video stays."""
    await create_video()
    await update("COMPLETED")
    result = await update("FAILED")
    assert result["__typename"] == "InvalidStatusChange"
    assert (result["from"], result["to"]) == ("COMPLETED", "FAILED")
    assert (await update("COMPLETED"))["video"]["failedAt"] is None


async def test_unknown_video_is_refused(update: Any) -> None:
    """An unknown video is VideoNotFound."""
    assert (await update("COMPLETED"))["__typename"] == "VideoNotFound"
