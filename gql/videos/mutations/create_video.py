"""`createVideo`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import InvalidInput, VideoAlreadyExists
from gql.videos.enums import VideoStatus
from gql.videos.mutations.inputs import HighlightsSummaryInput, to_video_values
from gql.videos.types import Video
from repositories.model.validation import validate_model
from repositories.models import VideoMetadata


@strawberry.input(description="A new video.")
class CreateVideoInput:
    """The fields a video starts with; the rest is computed."""

    video_id: strawberry.ID = strawberry.field(
        description="The id of the video, unique among the user's videos: at most 1,500 bytes, no `/`."
    )
    video_url: str = strawberry.field(
        description="The address of the video: an `https://` or `http://` address, or `about:blank` if it"
        " is unknown. The YouTube id is derived from it."
    )
    title: str = strawberry.field(description="The title of the video. Bidirectional control characters are removed.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )
    status: VideoStatus = strawberry.field(
        default=VideoStatus.PROCESSING, description="The processing status of the video; PROCESSING by default."
    )
    highlights_count: int = strawberry.field(default=0, description="The number of highlights in the video.")
    highlights_summary: HighlightsSummaryInput | None = strawberry.field(
        default=None, description="The summary of the highlights of a video."
    )
    custom_prompt: str | None = strawberry.field(
        default=None, description="The user's prompt for the selection of highlights."
    )
    styles_processed: list[str] = strawberry.field(
        default_factory=list, description="The styles of the clips that were cut: at most 200."
    )
    crop_mode: str | None = strawberry.field(default=strawberry.UNSET, description="The crop mode of the clips.")
    target_aspect: str | None = strawberry.field(
        default=strawberry.UNSET, description="The aspect ratio of the clips; `9:16` by default."
    )


@strawberry.type(description="The video exists.")
class CreateVideoSuccess:
    """The result of a successful `createVideo`."""

    video: Video = strawberry.field(description="The video.")
    created: bool = strawberry.field(
        description="Whether this call created the object; false if it already existed with the same content."
    )


CreateVideoResult = Annotated[
    CreateVideoSuccess | VideoAlreadyExists | InvalidInput,
    strawberry.union("CreateVideoResult", description="The result of `createVideo`."),
]


@mutation(
    Action.WRITE, description="Creates a video. The same call again returns the same video, with `created: false`."
)
async def create_video(
    info: Info,
    input: Annotated[CreateVideoInput, strawberry.argument(description="The new video.")],  # noqa: A002
) -> CreateVideoResult | None:
    """The video is in Firestore; VideoAlreadyExists where its id holds other content."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    values = to_video_values(input) | {"user_id": owner_id, "created_by": info.context.principal.user_id}
    video = validate_model(VideoMetadata, values)
    stored, created = await info.context.services.videos(owner_id).create_video(video)
    return CreateVideoSuccess(video=Video(stored), created=created)
