"""What subscriptions tell, over both transports: the present state first, then every change."""

from typing import Any

from gql.relay import encode_global_id
from tests.gql.live.conftest import CLIP_EVENTS, VIDEO_CHANGED, VIDEO_EVENTS, Follow, take, take_rest

UPDATE = "mutation ($input: UpdateVideoInput!) { updateVideo(input: $input) { __typename } }"
COMPLETE = "mutation ($input: UpdateClipStatusInput!) { updateClipStatus(input: $input) { __typename } }"
DELETE_CLIP = "mutation ($input: DeleteClipInput!) { deleteClip(input: $input) { __typename } }"
DELETE_VIDEO = "mutation ($input: DeleteVideoInput!) { deleteVideo(input: $input) { __typename } }"


async def test_video_is_told_as_it_is_and_as_it_becomes(
    follow: Follow,
    address: str,
    create_video: Any,
    create_clips: Any,
    complete_clips: Any,
    clip_input: Any,
    user_id: str,
) -> None:
    await create_video()
    async with follow(address, VIDEO_CHANGED, videoId="v1", userId=user_id) as events:
        (first,) = await take(events, 1)
        assert first["kind"] == "ADDED"
        assert first["id"] == encode_global_id("Video", user_id, "v1")
        assert first["video"]["clipsCount"] == 0
        assert first["video"]["cover"] is None
        await complete_clips(clip_input(1), clip_input(2))
        (second,) = await take(events, 1)
        assert second["kind"] == "MODIFIED"
        assert second["version"] > first["version"]
        assert second["video"]["clipsCount"] == 2
        assert second["video"]["clipsByStyle"] == [{"style": "split", "count": 2}]
        assert second["video"]["cover"] == {"clipId": "clip_01_01_a-title_split"}
