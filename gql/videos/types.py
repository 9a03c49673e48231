"""Videos' GraphQL types."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from gql.clips.connection import find_clips, resolve_clips
from gql.clips.enums import ClipOrder, ClipStatus
from gql.context import Info
from gql.execution.field_metadata import batch_resolver
from gql.inputs import After, Before, First, Last
from gql.model_types import model_backed
from gql.relay import Connection, Node, encode_global_id, parse_page_request
from gql.versions import build_video_scope, format_read_version
from gql.videos.enums import VideoStatus
from repositories import models

if TYPE_CHECKING:
    from gql.clips.types import Clip


@strawberry.type(description="The summary of the highlights of a video.")
class HighlightsSummary:
    """Totals over a video's highlights."""

    total_duration: float = strawberry.field(description="The total duration of all highlights in seconds.")
    categories: list[str] = strawberry.field(
        description="The unique hook categories of the highlights, such as `question` or `surprise`."
    )


@strawberry.type(description="A passage of a video that is worth cutting, from its `highlights.json`.")
class Highlight:
    """One entry of `highlights.json`."""

    scene_id: int = strawberry.field(
        description="The number of the highlight within its video, as in the `sceneId` of its clips."
    )
    title: str = strawberry.field(description="The title of the highlight.")
    description: str | None = strawberry.field(description="The description of the highlight.")
    start: str | None = strawberry.field(description="The start time in the video, as `HH:MM:SS` or `HH:MM:SS.mmm`.")
    end: str | None = strawberry.field(description="The end time in the video, as `HH:MM:SS` or `HH:MM:SS.mmm`.")
    duration_seconds: float | None = strawberry.field(description="The duration in seconds.")
    priority: int = strawberry.field(description="The rank of the highlight; 1 is the best.")
    hook_category: str | None = strawberry.field(description="The category of the hook with which the highlight opens.")


@strawberry.type(description="The number of completed clips of a video in one style.")
class StyleCount:
    """One entry of `Video.clipsByStyle`."""

    style: str = strawberry.field(description="The style of the clips.")
    count: int = strawberry.field(description="The number of completed clips with this style.")


def _find_clips(
    videos: "Sequence[Video]",
    *,
    info: Info,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    **asked: Any,
) -> "Sequence[Connection[Clip]] | None":
    """The pages of clips of all these videos, where they are kept in memory."""
    from gql.clips.types import Clip

    request = parse_page_request(info, first=first, after=after, last=last, before=before)
    return find_clips(info, [video.model for video in videos], Clip, request=request, **asked)


@model_backed(
    renamed={"title": "video_title"},
    computed={
        "id": lambda self: encode_global_id("Video", self.user_id, self.video_id),
        "status": lambda self: VideoStatus[self.model.status.name],
        "version": lambda self: format_read_version(
            self.model.snapshot_time, build_video_scope(self.user_id, self.video_id)
        ),
    },
)
@strawberry.type(description="A source video, out of which clips are cut.")
class Video(Node):
    """A video document; its attributes are read when they are selected."""

    model: strawberry.Private[models.VideoMetadata]
    video_id: strawberry.ID = strawberry.field(description="The id of the video, unique among the user's videos.")
    user_id: strawberry.ID = strawberry.field(description="The id of the user who owns the video.")
    video_url: str = strawberry.field(description="The address of the video; `about:blank` if it is unknown.")
    title: str = strawberry.field(description="The title of the video.")
    youtube_id: str | None = strawberry.field(
        description="The YouTube id of the video; null if the address is not on YouTube."
    )
    status: VideoStatus = strawberry.field(description="The processing status of the video.")
    created_at: datetime = strawberry.field(description="The time at which the video was created.")
    completed_at: datetime | None = strawberry.field(
        description="The time at which processing completed; null unless the video is COMPLETED."
    )
    failed_at: datetime | None = strawberry.field(
        description="The time at which processing failed; null unless the video is FAILED."
    )
    error_message: str | None = strawberry.field(
        description="The reason of the failure, at most 1,000 characters; null unless the video is FAILED."
    )
    highlights_count: int = strawberry.field(description="The number of highlights in the video.")
    custom_prompt: str | None = strawberry.field(description="The user's prompt for the selection of highlights.")
    styles_processed: list[str] = strawberry.field(description="The styles of the clips that were cut.")
    crop_mode: str = strawberry.field(description="The crop mode of the clips.")
    target_aspect: str = strawberry.field(description="The aspect ratio of the clips, such as `9:16`.")
    clips_count: int = strawberry.field(description="The number of completed clips. It reads no clip.")
    updated_at: datetime = strawberry.field(description="The time of the last change to the video or one of its clips.")
    created_by: str = strawberry.field(description="The id of the caller who created the object.")
    version: str = strawberry.field(
        description="The position of the video's read among all changes. Pass it as `after` of `videoChanged` or"
        " `clipEvents` to get the changes since then. In an event, pass the event's `version` instead."
    )

    def __init__(self, model: models.VideoMetadata) -> None:
        self.model = model

    @strawberry.field(description="The number of completed clips in each style. It reads no clip.")
    def clips_by_style(self) -> list[StyleCount]:
        """Counts in the styles' own order."""
        return [StyleCount(style=style, count=count) for style, count in sorted(self.model.clips_by_style.items())]

    @strawberry.field(description="The summary of the highlights of a video.")
    def highlights_summary(self) -> HighlightsSummary | None:
        """The summary, or None where no highlights were found yet."""
        summary = self.model.highlights_summary
        if summary is None:
            return None
        return HighlightsSummary(total_duration=summary.total_duration, categories=summary.categories)

    @strawberry.field(
        description="The highlights of the video, read from R2 if they are selected; null without a `highlights.json`."
    )
    async def highlights(self, info: Info) -> list[Highlight] | None:
        """The entries of highlights.json, or None where there is no such file."""
        if not self.model.highlights_json_key:
            return None
        found = await info.context.loaders.highlights.load(self.model.highlights_json_key)
        if found is None:
            return None
        return [
            Highlight(
                scene_id=highlight.id,
                title=highlight.title,
                description=highlight.description,
                start=highlight.start_time,
                end=highlight.end_time,
                duration_seconds=highlight.duration_seconds,
                priority=highlight.priority,
                hook_category=highlight.hook_category,
            )
            for highlight in found.highlights
        ]

    @strawberry.field(description="The completed clip with the best priority; null without one.")
    async def cover(self, info: Info) -> Annotated["Clip", strawberry.lazy("gql.clips.types")] | None:
        """The completed clip of the first priority; None where no clip is completed."""
        from gql.clips.types import Clip
        from gql.loaders import ClipsKey

        if self.clips_count == 0:
            return None
        page = await info.context.loaders.clips.load(ClipsKey.for_cover(self.model))
        return Clip(page.items[0]) if page.items else None

    @strawberry.field(description="The clips of the video.", metadata=batch_resolver(_find_clips))
    async def clips(
        self,
        info: Info,
        style: Annotated[str | None, strawberry.argument(description="The style of the clips; all by default.")] = None,
        status: Annotated[
            ClipStatus | None, strawberry.argument(description="The status of the clips; null for any status.")
        ] = ClipStatus.COMPLETED,
        first: First = 100,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Annotated[
            ClipOrder, strawberry.argument(description="The order of the list.")
        ] = ClipOrder.PRIORITY_ASC,
    ) -> Connection[Annotated["Clip", strawberry.lazy("gql.clips.types")]]:
        """A page of clips, loaded together with the pages of the other videos of this request."""
        from gql.clips.types import Clip

        request = parse_page_request(info, first=first, after=after, last=last, before=before)
        return await resolve_clips(
            info, self.model, Clip, style=style, status=status, order_by=order_by, request=request
        )
