"""`updateClipStatuses`."""

from typing import Annotated

import strawberry

from gql.clips.enums import ClipStatus
from gql.clips.mutations.missing_video import reporting_missing_video
from gql.clips.object_checks import add_files
from gql.clips.types import Clip
from gql.context import Info
from gql.execution.inputs import compiled_input
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import ClipNotFound, FileMissing, InvalidInput, InvalidStatusChange, VideoNotFound
from gql.videos.payload import VideoPayload
from repositories import models
from repositories.clips import MAX_CLIPS_PER_BATCH
from repositories.exceptions import ValidationError
from repositories.model.statuses import ClipStatusChange


@compiled_input
@strawberry.input(description="A status change of one of several clips.")
class ClipStatusInput:
    """The clip and its next status."""

    clip_id: strawberry.ID = strawberry.field(description="The id of the clip.")
    status: ClipStatus = strawberry.field(
        description="The new status. COMPLETED takes size and thumbnail from the files in R2."
    )
    error_message: str | None = strawberry.field(
        default=None, description="The reason of the failure, for FAILED; truncated to 1,000 characters."
    )


@compiled_input
@strawberry.input(description="Status changes of clips of one video, all or none.")
class UpdateClipStatusesInput:
    """The video, and its clips with their next statuses."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the clips.")
    clips: list[ClipStatusInput] = strawberry.field(description="The status changes: 1 to 200, one for each clip.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the clips; the caller by default."
    )


@strawberry.type(description="All statuses were changed, or were already set.")
class UpdateClipStatusesSuccess(VideoPayload):
    """The result of a successful `updateClipStatuses`."""

    clips: list[Clip] = strawberry.field(description="The clips after the change, in the order of the input.")


UpdateClipStatusesResult = Annotated[
    UpdateClipStatusesSuccess | ClipNotFound | VideoNotFound | InvalidStatusChange | FileMissing | InvalidInput,
    strawberry.union("UpdateClipStatusesResult", description="The result of `updateClipStatuses`."),
]


@mutation(
    Action.WRITE,
    description="Changes the statuses of up to 200 clips of a video in one commit, which writes the "
    "video once. The same call again returns the same clips.",
)
async def update_clip_statuses(
    info: Info,
    input: Annotated[UpdateClipStatusesInput, strawberry.argument(description="The status changes.")],  # noqa: A002
) -> UpdateClipStatusesResult | None:
    """The statuses and the video's statistics are in Firestore, all or nothing."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    services = info.context.services
    if not 1 <= len(input.clips) <= MAX_CLIPS_PER_BATCH:
        raise ValidationError(f"Pass 1 to {MAX_CLIPS_PER_BATCH} clips in one call.", path=("clips",))
    repository = services.clips(owner_id, input.video_id)
    changes = [
        ClipStatusChange(clip.clip_id, models.ClipStatus[clip.status.name], clip.error_message) for clip in input.clips
    ]
    repository.parse_changes(changes)
    async with reporting_missing_video(info, owner_id, input.video_id):
        with_files = await add_files(services.storage, repository, changes)
    stored = await repository.update_clip_statuses(with_files)
    return UpdateClipStatusesSuccess(
        owner_id=owner_id, of_video_id=input.video_id, clips=[Clip(clip) for clip in stored]
    )
