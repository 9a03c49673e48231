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
from gql.videos.types import Video
from repositories import models
from repositories.clips import MAX_CLIPS_PER_BATCH
from repositories.exceptions import ValidationError
from repositories.model.statuses import ClipStatusChange


@compiled_input
@strawberry.input(description="A step in the work on one of several clips.")
class ClipStatusInput:
    """The clip and its next status."""

    clip_id: strawberry.ID = strawberry.field(description="The clip.")
    status: ClipStatus = strawberry.field(
        description="Its status from now on. COMPLETED takes size and thumbnail from the file in R2."
    )
    error_message: str | None = strawberry.field(
        default=None, description="With FAILED, what went wrong; cut at 1,000 characters."
    )


@compiled_input
@strawberry.input(description="Steps in the work on clips of one video: all of them are done, or none.")
class UpdateClipStatusesInput:
    """The video, and its clips with their next statuses."""

    video_id: strawberry.ID = strawberry.field(description="The clips' video.")
    clips: list[ClipStatusInput] = strawberry.field(description="The steps: 1 to 200, each of another clip.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose clips; the caller's own unless it is said."
    )


@strawberry.type(description="All of the statuses are set.")
class UpdateClipStatusesSuccess:
    """What `updateClipStatuses` answers."""

    clips: list[Clip] = strawberry.field(description="The clips as they are now, in the input's order.")
    video: Video | None = strawberry.field(description="The video with its new statistics.")


UpdateClipStatusesResult = Annotated[
    UpdateClipStatusesSuccess | ClipNotFound | VideoNotFound | InvalidStatusChange | FileMissing | InvalidInput,
    strawberry.union("UpdateClipStatusesResult", description="What `updateClipStatuses` can answer."),
]


@mutation(
    Action.WRITE,
    description="Moves up to 200 clips of a video to their next statuses in one commit, which writes the video once. "
    "The same call again gives the same answer.",
)
async def update_clip_statuses(
    info: Info,
    input: Annotated[UpdateClipStatusesInput, strawberry.argument(description="The steps.")],  # noqa: A002
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
    video = await services.videos(owner_id).get_video(input.video_id)
    return UpdateClipStatusesSuccess(
        clips=[Clip(clip) for clip in stored],
        video=None if video is None else Video(video),
    )
