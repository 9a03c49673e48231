"""`Video.clips`, resolved through the loader of clips."""

from collections.abc import Awaitable, Callable

from gql.clips.enums import ClipOrder, ClipStatus
from gql.clips.types import Clip
from gql.context import Info
from gql.loaders import ClipsGroup, ClipsKey
from gql.relay import Connection, PageArguments, connect
from repositories import models, ordering
from repositories.base import assert_style


async def resolve_clips(
    info: Info,
    video: models.VideoMetadata,
    *,
    style: str | None,
    status: ClipStatus | None,
    order_by: ClipOrder,
    arguments: PageArguments,
) -> Connection[Clip]:
    """A page of a video's clips, loaded in one batch with those of the other videos of the request."""
    assert_style(style)
    group = ClipsGroup(
        user_id=video.user_id,
        style=style,
        status=None if status is None else models.ClipStatus[status.name],
        order_by=ordering.ClipOrder[order_by.name],
        arguments=arguments,
    )
    key = ClipsKey.for_video(video, group)
    page = await info.context.loaders.clips.load(key)
    return connect(page, Clip, _count_clips(info, key))


def _count_clips(info: Info, key: ClipsKey) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        if key.completed_count is not None:
            return key.completed_count
        clips = info.context.services.clips(key.group.user_id, key.video_id)
        return await clips.count_clips(status=key.group.status, style=key.group.style)

    return count
