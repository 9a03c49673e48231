"""Videos' GraphQL types."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from gql.arguments import After, Before, First, Last
from gql.clips.enums import ClipOrder, ClipStatus
from gql.context import Info
from gql.execution.field_metadata import batch_resolver
from gql.model_types import model_backed
from gql.relay import Connection, Node, encode_global_id, parse_page_arguments
from gql.videos.enums import VideoStatus
from repositories import models

if TYPE_CHECKING:
    from gql.clips.types import Clip


@strawberry.type(description="What was found worth cutting, in short.")
class HighlightsSummary:
    """Totals over a video's highlights."""

    total_duration: float = strawberry.field(description="Seconds of all highlights together.")
    categories: list[str] = strawberry.field(
        description="The highlights' categories, such as `question` or `surprise`, each once."
    )


@strawberry.type(description="A part of the video that was found worth cutting, as `highlights.json` tells it.")
class Highlight:
    """One entry of `highlights.json`."""

    id: strawberry.ID = strawberry.field(description="Its number within the video: the clips' `sceneId`.")
    title: str = strawberry.field(description="What it is about.")
    description: str | None = strawberry.field(description="More about it.")
    start: str | None = strawberry.field(description="Where it starts in the video, `HH:MM:SS(.mmm)`.")
    end: str | None = strawberry.field(description="Where it ends in the video, `HH:MM:SS(.mmm)`.")
    duration_seconds: float | None = strawberry.field(description="Its length in seconds.")
    priority: int = strawberry.field(description="Its rank: 1 is the best.")
    hook_category: str | None = strawberry.field(description="The kind of hook it opens with.")


@strawberry.type(description="How many completed clips a video has in a style.")
class StyleCount:
    """One entry of `Video.clipsByStyle`."""

    style: str = strawberry.field(description="The style.")
    count: int = strawberry.field(description="How many completed clips have it.")


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
    from gql.clips.connection import find_clips

    arguments = parse_page_arguments(info, first=first, after=after, last=last, before=before)
    return find_clips(info, [video.model for video in videos], arguments=arguments, **asked)


@model_backed(
    renamed={"title": "video_title"},
    computed={
        "id": lambda self: encode_global_id("Video", self.user_id, self.video_id),
        "status": lambda self: VideoStatus[self.model.status.name],
    },
)
@strawberry.type(description="A long video, out of which clips are cut.")
class Video(Node):
    """A video document; its attributes are read when they are selected."""

    model: strawberry.Private[models.VideoMetadata]
    video_id: strawberry.ID = strawberry.field(description="The id within the user's videos.")
    user_id: strawberry.ID = strawberry.field(description="Whose video it is.")
    video_url: str = strawberry.field(description="Where the video can be watched.")
    title: str = strawberry.field(description="The title.")
    youtube_id: str | None = strawberry.field(description="YouTube's id, where the address is one of YouTube's.")
    status: VideoStatus = strawberry.field(description="How far the work is.")
    created_at: datetime = strawberry.field(description="When the video was created here.")
    completed_at: datetime | None = strawberry.field(description="When the work was completed, if it is.")
    failed_at: datetime | None = strawberry.field(description="When the work failed, if it did.")
    error_message: str | None = strawberry.field(
        description="Why the work failed, if it did: at most 1,000 characters."
    )
    highlights_count: int = strawberry.field(description="How many highlights were found.")
    custom_prompt: str | None = strawberry.field(description="What the user asked for, in their own words.")
    styles_processed: list[str] = strawberry.field(description="Styles that were cut.")
    crop_mode: str = strawberry.field(description="How the picture is cropped.")
    target_aspect: str = strawberry.field(description="The clips' aspect ratio, such as `9:16`.")
    clips_count: int = strawberry.field(description="How many completed clips there are. Reads no clip.")
    updated_at: datetime = strawberry.field(description="When the video or one of its clips last changed.")
    created_by: str = strawberry.field(description="Who created it.")

    def __init__(self, model: models.VideoMetadata) -> None:
        self.model = model

    @strawberry.field(description="How many completed clips there are in each style. Reads no clip.")
    def clips_by_style(self) -> list[StyleCount]:
        """Counts in the styles' own order."""
        return [StyleCount(style=style, count=count) for style, count in sorted(self.model.clips_by_style.items())]

    @strawberry.field(description="What was found worth cutting, in short.")
    def highlights_summary(self) -> HighlightsSummary | None:
        """The summary, or None where no highlights were found yet."""
        summary = self.model.highlights_summary
        if summary is None:
            return None
        return HighlightsSummary(total_duration=summary.total_duration, categories=summary.categories)

    @strawberry.field(description="What was found worth cutting: read from R2, and only when asked for.")
    async def highlights(self, info: Info) -> list[Highlight] | None:
        """The entries of highlights.json, or None where there is no such file."""
        if not self.model.highlights_json_key:
            return None
        found = await info.context.loaders.highlights.load(self.model.highlights_json_key)
        if found is None:
            return None
        return [
            Highlight(
                id=strawberry.ID(str(highlight.id)),
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

    @strawberry.field(description="The best completed clip, to show the video by.")
    async def cover(self, info: Info) -> Annotated["Clip", strawberry.lazy("gql.clips.types")] | None:
        """The completed clip of the first priority; None where no clip is completed."""
        from gql.clips.types import Clip
        from gql.loaders import ClipsKey

        if self.clips_count == 0:
            return None
        page = await info.context.loaders.clips.load(ClipsKey.for_cover(self.model))
        return Clip(page.items[0]) if page.items else None

    @strawberry.field(description="The clips that were cut out of the video.", metadata=batch_resolver(_find_clips))
    async def clips(
        self,
        info: Info,
        style: Annotated[str | None, strawberry.argument(description="Only clips of this style.")] = None,
        status: Annotated[
            ClipStatus | None, strawberry.argument(description="Only clips of this status; null for clips of any.")
        ] = ClipStatus.COMPLETED,
        first: First = 100,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: Annotated[ClipOrder, strawberry.argument(description="The order.")] = ClipOrder.PRIORITY_ASC,
    ) -> Connection[Annotated["Clip", strawberry.lazy("gql.clips.types")]]:
        """A page of clips, loaded together with the pages of the other videos of this request."""
        from gql.clips.connection import resolve_clips

        arguments = parse_page_arguments(info, first=first, after=after, last=last, before=before)
        return await resolve_clips(info, self.model, style=style, status=status, order_by=order_by, arguments=arguments)
