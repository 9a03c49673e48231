"""Creating again what is being deleted: the refusal says what to do."""

from typing import Any

import pytest

from gql.services import Services


class BrokenFiles:
    """Files that cannot be deleted, so that a delete stays half-way."""

    async def delete(self, *_: object) -> None:
        """Always fails."""
        raise ConnectionError

    async def delete_prefix(self, *_: object) -> int:
        """Always fails."""
        raise ConnectionError


async def test_video_that_is_being_deleted_cannot_be_created(
    create_video: Any, services: Services, user_id: str
) -> None:
    """A video in deletion is VideoAlreadyExists, with a message to delete it again."""
    await create_video()
    with pytest.raises(ConnectionError):
        await services.videos(user_id).delete_video("v1", BrokenFiles())
    assert await create_video() == {
        "__typename": "VideoAlreadyExists",
        "message": "The video 'v1' is being deleted. Delete it again to complete that, then create it.",
        "videoId": "v1",
        "fields": [],
    }
    assert await services.videos(user_id).get_video("v1") is None


async def test_clip_that_is_being_deleted_cannot_be_created(
    create_video: Any, create_clips: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """A clip in deletion is ClipAlreadyExists, with a message to delete it again."""
    clip_id = "clip_01_01_a-title_split"
    await create_video()
    await create_clips(clip_input(1))
    with pytest.raises(ConnectionError):
        await services.clips(user_id, "v1").delete_clip_with_files(clip_id, BrokenFiles())
    assert await create_clips(clip_input(1)) == {
        "__typename": "ClipAlreadyExists",
        "message": f"The clip {clip_id!r} is being deleted. Delete it again to complete that, then create it.",
        "clipId": clip_id,
        "fields": [],
    }
    assert await services.clips(user_id, "v1").get_clip(clip_id) is None
