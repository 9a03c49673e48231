from typing import Any

from gql.relay import encode_global_id
from gql.services import Services

DOCUMENT = """
mutation ($input: DeleteClipInput!) {
  deleteClip(input: $input) {
    __typename
    ... on DeleteClipSuccess { deletedClipId clipId video { id clipsCount clipsByStyle { style count } } }
    ... on ClipNotFound { clipId }
  }
}
"""
CLIP_ID = "clip_01_01_a-title_split"


async def test_clip_goes_with_its_files_and_is_counted_out(
    query: Any, create_video: Any, complete_clips: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """A deleted clip's files are gone, the statistics are one less, and other clips stay."""
    await create_video()
    await complete_clips(clip_input(1), clip_input(2))
    given = {"videoId": "v1", "clipId": CLIP_ID, "userId": user_id}
    assert (await query(DOCUMENT, input=given))["deleteClip"] == {
        "__typename": "DeleteClipSuccess",
        "deletedClipId": encode_global_id("Clip", user_id, "v1", CLIP_ID),
        "clipId": CLIP_ID,
        "video": {
            "id": encode_global_id("Video", user_id, "v1"),
            "clipsCount": 1,
            "clipsByStyle": [{"style": "split", "count": 1}],
        },
    }
    video = await services.videos(user_id).get_video("v1")
    assert video is not None
    assert (video.clips_count, video.clips_by_style) == (1, {"split": 1})
    left = [found.key async for found in services.storage.list(f"{user_id}/")]
    assert len(left) == 2
    assert all("clip_02" in key for key in left)
    assert (await query(DOCUMENT, input=given))["deleteClip"]["__typename"] == "ClipNotFound"
