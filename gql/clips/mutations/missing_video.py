"""Which refusal comes first, where several are true."""

import contextlib
from collections.abc import AsyncIterator

from gql.context import Info
from repositories.exceptions import ClipNotFoundError, VideoNotFoundError
from storage.exceptions import ObjectNotFoundError


@contextlib.asynccontextmanager
async def reporting_missing_video(info: Info, user_id: str, video_id: str) -> AsyncIterator[None]:
    """A clip or a file that is missing within is refused as the video, where that is missing too.

    The video is read only then: where nothing is missing, this asks nobody.
    """
    try:
        yield
    except (ClipNotFoundError, ObjectNotFoundError):
        if await info.context.services.videos(user_id).get_video(video_id) is None:
            raise VideoNotFoundError(user_id, video_id) from None
        raise
