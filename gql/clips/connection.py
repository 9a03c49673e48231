"""`Video.clips`, resolved through the loader of clips."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from gql.clips.enums import ClipOrder, ClipStatus
from gql.context import Info
from gql.cost.counts import get_count_allowance
from gql.loaders import ClipsGroup, ClipsKey
from gql.relay import Connection, connect
from gql.services import Services
from gql.versions import build_clips_scope, format_read_version
from repositories import models
from repositories.arguments import parse_style
from repositories.paging import orders
from repositories.paging.page import Page, PageRequest

T = TypeVar("T")
ToNode = Callable[[models.ClipMetadata], T]
"""Makes a clip's GraphQL object. `gql.videos.types` passes it, so that this module needs no import of the type."""


def find_clips(
    info: Info,
    videos: Sequence[models.VideoMetadata],
    to_node: ToNode[T],
    *,
    style: str | None,
    status: ClipStatus | None,
    order_by: ClipOrder,
    request: PageRequest,
) -> list[Connection[T]] | None:
    """The pages of clips of a user's videos, if all of them are cached; otherwise None."""
    parse_style(style)
    group = _make_group(videos[0].user_id, style, status, order_by, request)
    pages = info.context.loaders.find_clips(group, videos)
    if pages is None:
        return None
    return [_connect(info, video, page, group, to_node) for video, page in zip(videos, pages, strict=True)]


async def resolve_clips(
    info: Info,
    video: models.VideoMetadata,
    to_node: ToNode[T],
    *,
    style: str | None,
    status: ClipStatus | None,
    order_by: ClipOrder,
    request: PageRequest,
) -> Connection[T]:
    """A page of a video's clips, loaded in one batch with those of the other videos of the request."""
    parse_style(style)
    group = _make_group(video.user_id, style, status, order_by, request)
    page = await info.context.loaders.load_clips(ClipsKey.for_video(video, group))
    return _connect(info, video, page, group, to_node)


def _make_group(
    user_id: str, style: str | None, status: ClipStatus | None, order_by: ClipOrder, request: PageRequest
) -> ClipsGroup:
    return ClipsGroup(
        user_id=user_id,
        style=style,
        status=None if status is None else models.ClipStatus[status.name],
        order_by=orders.ClipOrder[order_by.name],
        request=request,
    )


def _connect(
    info: Info, video: models.VideoMetadata, page: Page[models.ClipMetadata], group: ClipsGroup, to_node: ToNode[T]
) -> Connection[T]:
    services = info.context.services
    count = partial(_count_clips, services, video, page, group)
    # The clips were read after the video, or are those of its version.
    scope = build_clips_scope(video.user_id, video.video_id)
    return connect(page, to_node, count, lambda: format_read_version(video.snapshot_time, scope), services.result_cache)


async def _count_clips(
    services: Services, video: models.VideoMetadata, page: Page[models.ClipMetadata], group: ClipsGroup
) -> int:
    completed = ClipsKey.for_video(video, group).completed_count
    if completed is not None:
        # The statistics also count clips that the list does not contain: those without the field of its order.
        return completed if page.has_next or page.has_previous else len(page)
    repository = services.clips(group.user_id, video.video_id)
    count = partial(repository.count_clips, status=group.status, style=group.style, order_by=group.order_by)
    return await get_count_allowance().count(lambda up_to: count(up_to=up_to))
