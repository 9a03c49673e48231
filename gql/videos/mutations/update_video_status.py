"""`updateVideoStatus`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import InvalidInput, InvalidStatusChange, VideoNotFound
from gql.videos.enums import VideoStatus
from gql.videos.types import Video
from repositories import models


@strawberry.input(description="A step in the work on a video.")
class UpdateVideoStatusInput:
    """The video and its next status."""

    video_id: strawberry.ID = strawberry.field(description="The video.")
    status: VideoStatus = strawberry.field(description="Its status from now on.")
    error_message: str | None = strawberry.field(
        default=None, description="Why the work failed, with FAILED; cut at 1,000 characters."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video; the caller's own unless it is said."
    )


@strawberry.type(description="The status is set.")
class UpdateVideoStatusSuccess:
    """What `updateVideoStatus` answers."""

    video: Video = strawberry.field(description="The video as it is now.")


UpdateVideoStatusResult = Annotated[
    UpdateVideoStatusSuccess | VideoNotFound | InvalidStatusChange | InvalidInput,
    strawberry.union("UpdateVideoStatusResult", description="What `updateVideoStatus` can answer."),
]


@mutation(
    Action.WRITE, description="Moves a video to its next status; its times follow. The same status again is no error."
)
async def update_video_status(
    info: Info,
    input: Annotated[UpdateVideoStatusInput, strawberry.argument(description="The step.")],  # noqa: A002
) -> UpdateVideoStatusResult | None:
    """The status and its times are in Firestore."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    stored = await info.context.services.videos(owner_id).update_video_status(
        input.video_id, models.VideoStatus[input.status.name], error_message=input.error_message
    )
    return UpdateVideoStatusSuccess(video=Video(stored))
