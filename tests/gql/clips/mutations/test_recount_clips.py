from typing import Any

from gql.services import Services

DOCUMENT = """
mutation ($input: RecountClipsInput!) {
  recountClips(input: $input) {
    __typename
    ... on RecountClipsSuccess { video { clipsCount clipsByStyle { style count } status } }
  }
}
"""


async def test_statistics_that_others_spoiled_are_mended(
    query: Any, create_video: Any, complete_clips: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """Recounting repairs the counts after another program wrote to Firestore."""
    await create_video()
    await complete_clips(clip_input(1), clip_input(2, "left_focus"))
    document = services.firestore.document(f"users/{user_id}/videos/v1")
    await document.update({"clips_count": 7, "clips_by_style": {"ghost": 7}})
    answer = await query(DOCUMENT, input={"videoId": "v1", "userId": user_id})
    assert answer["recountClips"]["video"] == {
        "clipsCount": 2,
        "clipsByStyle": [{"style": "left_focus", "count": 1}, {"style": "split", "count": 1}],
        "status": "PROCESSING",
    }


async def test_unknown_video_is_refused(query: Any, user_id: str) -> None:
    """An unknown video is VideoNotFound."""
    answer = await query(DOCUMENT, input={"videoId": "v1", "userId": user_id})
    assert answer["recountClips"]["__typename"] == "VideoNotFound"


async def test_statistics_that_never_were_do_not_hide_the_video(
    query: Any, create_video: Any, services: Services, user_id: str
) -> None:
    """A clip of an older version is deleted from a video without statistics: the counts fall below zero."""
    await create_video()
    video = services.firestore.document(f"users/{user_id}/videos/v1")
    await video.update({"clips_count": -1, "clips_by_style": {"split": -1}})
    clips = {"ghost": {"status": "completed", "style": ""}, "whole": {"status": "completed", "style": "split"}}
    for clip_id, data in clips.items():
        await video.collection("clips").document(clip_id).set({"clip_id": clip_id, **data})
    look = await query('query ($u: ID) { video(videoId: "v1", userId: $u) { clipsCount } }', u=user_id)
    assert look == {"video": {"clipsCount": 0}}
    answer = await query(DOCUMENT, input={"videoId": "v1", "userId": user_id})
    assert answer["recountClips"]["video"]["clipsByStyle"] == [
        {"style": "split", "count": 1},
        {"style": "unknown", "count": 1},
    ]
