"""`recountClips`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.types import Video


@strawberry.input(description="A video whose clips are to be counted.")
class RecountClipsInput:
    """The video."""

    video_id: strawberry.ID = strawberry.field(description="The video.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video; the caller's own unless it is said."
    )


@strawberry.type(description="The statistics say what is there.")
class RecountClipsSuccess:
    """What `recountClips` answers."""

    video: Video = strawberry.field(description="The video with its statistics.")


RecountClipsResult = Annotated[
    RecountClipsSuccess | VideoNotFound | InvalidInput,
    strawberry.union("RecountClipsResult", description="What `recountClips` can answer."),
]


@mutation(
    Action.WRITE,
    description="Counts a video's completed clips anew. Only needed after something else than this API wrote clips.",
)
async def recount_clips(
    info: Info,
    input: Annotated[RecountClipsInput, strawberry.argument(description="The video.")],  # noqa: A002
) -> RecountClipsResult | None:
    """The video's statistics equal a count of its clips, taken in the same transaction."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    stored = await info.context.services.videos(owner_id).update_clip_statistics(input.video_id)
    return RecountClipsSuccess(video=Video(stored))
