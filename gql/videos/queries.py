"""`video` and `videos`."""

from collections.abc import Awaitable
from typing import Annotated

import strawberry

from gql.context import Info
from gql.cost.counts import get_count_allowance
from gql.inputs import After, Before, First, Last, UserId, VideoId
from gql.permissions import resolve_user_id
from gql.relay import Connection, check_selects, connect, parse_page_request
from gql.versions import build_videos_scope, format_read_version
from gql.videos.enums import VideoOrder, VideoStatus
from gql.videos.types import Video
from repositories import models
from repositories.paging import orders


@strawberry.type
class VideoQueries:
    """The root fields about videos."""

    @strawberry.field(description="A video; null if it does not exist.")
    async def video(self, info: Info, video_id: VideoId, user_id: UserId = None) -> Video | None:
        """The video, or None."""
        owner_id = resolve_user_id(info.context.principal, user_id)
        model = await info.context.loaders.load_video(owner_id, video_id)
        return None if model is None else Video(model)

    @strawberry.field(description="The videos of a user.")
    async def videos(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: Annotated[
            VideoStatus | None, strawberry.argument(description="The status of the videos; all by default.")
        ] = None,
        order_by: Annotated[
            VideoOrder, strawberry.argument(description="The order of the list.")
        ] = VideoOrder.CREATED_AT_DESC,
        user_id: UserId = None,
    ) -> Connection[Video]:
        """A page of the user's videos."""
        request = parse_page_request(info, first=first, after=after, last=last, before=before)
        owner_id = resolve_user_id(info.context.principal, user_id)
        repository = info.context.services.videos(owner_id)
        model_status = None if status is None else models.VideoStatus[status.name]
        order = orders.VideoOrder[order_by.name]
        page = await repository.list_videos(
            status=model_status, order_by=order, is_timed=check_selects(info, "version"), **request.to_arguments()
        )

        def count(up_to: int) -> Awaitable[int]:
            return repository.count_videos(status=model_status, order_by=order, up_to=up_to)

        def make_version() -> str:
            return format_read_version(page.read_time, build_videos_scope(owner_id))

        return connect(page, Video, lambda: get_count_allowance().count(count), make_version)
