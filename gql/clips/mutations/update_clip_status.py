"""`updateClipStatus`."""

from typing import Annotated

import strawberry

from gql.clips.enums import ClipStatus
from gql.clips.mutations.missing_video import reporting_missing_video
from gql.clips.object_checks import add_files
from gql.clips.types import Clip
from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import ClipNotFound, FileMissing, InvalidInput, InvalidStatusChange, VideoNotFound
from repositories import models
from repositories.arguments import parse_change
from repositories.model.statuses import ClipStatusChange


@strawberry.input(description="A step in the work on a clip.")
class UpdateClipStatusInput:
    """The clip and its next status."""

    video_id: strawberry.ID = strawberry.field(description="The clip's video.")
    clip_id: strawberry.ID = strawberry.field(description="The clip.")
    status: ClipStatus = strawberry.field(
        description="Its status from now on. COMPLETED takes size and thumbnail from the file in R2."
    )
    error_message: str | None = strawberry.field(
        default=None, description="With FAILED, what went wrong; cut at 1,000 characters."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose clip; the caller's own unless it is said."
    )


@strawberry.type(description="The status is set.")
class UpdateClipStatusSuccess:
    """What `updateClipStatus` answers."""

    clip: Clip = strawberry.field(description="The clip as it is now.")


UpdateClipStatusResult = Annotated[
    UpdateClipStatusSuccess | ClipNotFound | VideoNotFound | InvalidStatusChange | FileMissing | InvalidInput,
    strawberry.union("UpdateClipStatusResult", description="What `updateClipStatus` can answer."),
]


@mutation(
    Action.WRITE,
    description="Moves a clip to its next status, and the video's statistics with it. "
    "The same status again is no error.",
)
async def update_clip_status(
    info: Info,
    input: Annotated[UpdateClipStatusInput, strawberry.argument(description="The step.")],  # noqa: A002
) -> UpdateClipStatusResult | None:
    """The status and the video's statistics are in Firestore, in one commit, with others that came just then."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    services = info.context.services
    repository = services.clips(owner_id, input.video_id)
    change = ClipStatusChange(input.clip_id, models.ClipStatus[input.status.name], input.error_message)
    parse_change(change)
    async with reporting_missing_video(info, owner_id, input.video_id):
        (with_files,) = await add_files(services.storage, repository, [change])
    stored = await services.status_batcher.update(repository, with_files)
    return UpdateClipStatusSuccess(clip=Clip(stored))
