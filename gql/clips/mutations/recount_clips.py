"""`recountClips`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.types import Video


@strawberry.input(description="A video whose clips to count.")
class RecountClipsInput:
    """The video."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The statistics were counted.")
class RecountClipsSuccess:
    """The result of a successful `recountClips`."""

    video: Video = strawberry.field(description="The video with its statistics.")


RecountClipsResult = Annotated[
    RecountClipsSuccess | VideoNotFound | InvalidInput,
    strawberry.union("RecountClipsResult", description="The result of `recountClips`."),
]


@mutation(
    Action.WRITE,
    description="Counts the completed clips of a video again. It is only needed after another program"
    " wrote clips without their video.",
)
async def recount_clips(
    info: Info,
    input: Annotated[RecountClipsInput, strawberry.argument(description="The video.")],  # noqa: A002
) -> RecountClipsResult | None:
    """The video's statistics equal a count of its clips, taken in the same transaction."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    stored = await info.context.services.videos(owner_id).update_clip_statistics(input.video_id)
    return RecountClipsSuccess(video=Video(stored))
