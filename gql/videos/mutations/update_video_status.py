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


@strawberry.input(description="A status change of a video.")
class UpdateVideoStatusInput:
    """The video and its next status."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video.")
    status: VideoStatus = strawberry.field(description="The new status.")
    error_message: str | None = strawberry.field(
        default=None, description="The reason of the failure, for FAILED; truncated to 1,000 characters."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The status was changed, or was already set.")
class UpdateVideoStatusSuccess:
    """The result of a successful `updateVideoStatus`."""

    video: Video = strawberry.field(description="The video after the change.")


UpdateVideoStatusResult = Annotated[
    UpdateVideoStatusSuccess | VideoNotFound | InvalidStatusChange | InvalidInput,
    strawberry.union("UpdateVideoStatusResult", description="The result of `updateVideoStatus`."),
]


@mutation(
    Action.WRITE,
    description="Changes the status of a video, and sets its times. The present status again is not an error.",
)
async def update_video_status(
    info: Info,
    input: Annotated[UpdateVideoStatusInput, strawberry.argument(description="The status change.")],  # noqa: A002
) -> UpdateVideoStatusResult | None:
    """The status and its times are in Firestore."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    stored = await info.context.services.videos(owner_id).update_video_status(
        input.video_id, models.VideoStatus[input.status.name], error_message=input.error_message
    )
    return UpdateVideoStatusSuccess(video=Video(stored))
