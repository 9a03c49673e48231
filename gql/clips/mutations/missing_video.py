"""Which refusal comes first, where several are true."""

import contextlib
from collections.abc import AsyncIterator

from gql.context import Info
from repositories.exceptions import ClipNotFoundError, VideoNotFoundError
from storage.exceptions import ObjectNotFoundError


@contextlib.asynccontextmanager
async def reporting_missing_video(info: Info, user_id: str, video_id: str) -> AsyncIterator[None]:
    """Raises VideoNotFoundError instead of a missing clip or file, if the video is missing too.

    The video is read only then: a call in which nothing is missing costs no read.
    """
    try:
        yield
    except (ClipNotFoundError, ObjectNotFoundError):
        if await info.context.services.videos(user_id).get_video(video_id) is None:
            raise VideoNotFoundError(user_id, video_id) from None
        raise
