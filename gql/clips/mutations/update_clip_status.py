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
from gql.videos.payload import VideoPayload
from repositories import models
from repositories.arguments import parse_change
from repositories.model.statuses import ClipStatusChange


@strawberry.input(description="A status change of a clip.")
class UpdateClipStatusInput:
    """The clip and its next status."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the clip.")
    clip_id: strawberry.ID = strawberry.field(description="The id of the clip.")
    status: ClipStatus = strawberry.field(
        description="The new status. COMPLETED takes size and thumbnail from the files in R2."
    )
    error_message: str | None = strawberry.field(
        default=None, description="The reason of the failure, for FAILED; truncated to 1,000 characters."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the clip; the caller by default."
    )


@strawberry.type(description="The status was changed, or was already set.")
class UpdateClipStatusSuccess(VideoPayload):
    """The result of a successful `updateClipStatus`."""

    clip: Clip = strawberry.field(description="The clip after the change.")


UpdateClipStatusResult = Annotated[
    UpdateClipStatusSuccess | ClipNotFound | VideoNotFound | InvalidStatusChange | FileMissing | InvalidInput,
    strawberry.union("UpdateClipStatusResult", description="The result of `updateClipStatus`."),
]


@mutation(
    Action.WRITE,
    description="Changes the status of a clip, and the statistics of its video in the same commit. "
    "The present status again is not an error.",
)
async def update_clip_status(
    info: Info,
    input: Annotated[UpdateClipStatusInput, strawberry.argument(description="The status change.")],  # noqa: A002
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
    return UpdateClipStatusSuccess(owner_id=owner_id, of_video_id=input.video_id, clip=Clip(stored))
