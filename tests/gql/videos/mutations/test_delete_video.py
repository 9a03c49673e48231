from typing import Any

from gql.relay import encode_global_id
from gql.services import Services

DOCUMENT = """
mutation ($input: DeleteVideoInput!) {
  deleteVideo(input: $input) {
    __typename
    ... on DeleteVideoSuccess { video { id } deletedVideoId videoId deletedClipsCount deletedFilesCount }
    ... on VideoNotFound { videoId }
  }
}
"""


async def test_video_goes_with_its_clips_and_files_and_no_other(
    query: Any, create_video: Any, complete_clips: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """A deleted video's clips and files are gone, and a video whose id begins alike stays."""
    for video_id in ("v1", "v10"):
        await create_video(video_id)
        await complete_clips(clip_input(1), clip_input(2), video_id=video_id)
    answer = await query(DOCUMENT, input={"videoId": "v1", "userId": user_id})
    assert answer["deleteVideo"] == {
        "__typename": "DeleteVideoSuccess",
        "video": None,
        "deletedVideoId": encode_global_id("Video", user_id, "v1"),
        "videoId": "v1",
        "deletedClipsCount": 2,
        "deletedFilesCount": 4,
    }
    assert await services.videos(user_id).get_video("v1") is None
    assert await services.clips(user_id, "v1").count_clips() == 0
    assert await services.clips(user_id, "v10").count_clips() == 2
    assert len([found async for found in services.storage.list(f"{user_id}/")]) == 4


async def test_unknown_video_is_refused(query: Any, user_id: str) -> None:
    """An unknown video is VideoNotFound."""
    answer = await query(DOCUMENT, input={"videoId": "v1", "userId": user_id})
    assert answer["deleteVideo"]["__typename"] == "VideoNotFound"


async def test_video_whose_id_no_key_can_hold_is_deleted(query: Any, create_video: Any, user_id: str) -> None:
    """A video whose id is too long for an object key is deleted."""
    await create_video("x" * 1500)
    answer = await query(DOCUMENT, input={"videoId": "x" * 1500, "userId": user_id})
    assert answer["deleteVideo"]["__typename"] == "DeleteVideoSuccess"
