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
        description="The id within the user's videos: at most 1,500 bytes, no `/`."
    )
    video_url: str = strawberry.field(
        description="Where the video can be watched: an `https://` or `http://` address, or `about:blank` where it is "
        "not known. YouTube's id is taken from it."
    )
    title: str = strawberry.field(
        description="The title, without characters that turn the direction of text: these are removed."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video; the caller's own unless it is said."
    )
    status: VideoStatus = strawberry.field(
        default=VideoStatus.PROCESSING, description="How far the work is; PROCESSING unless said otherwise."
    )
    highlights_count: int = strawberry.field(default=0, description="How many highlights were found.")
    highlights_summary: HighlightsSummaryInput | None = strawberry.field(
        default=None, description="What was found worth cutting, in short."
    )
    custom_prompt: str | None = strawberry.field(
        default=None, description="What the user asked for, in their own words."
    )
    styles_processed: list[str] = strawberry.field(
        default_factory=list, description="Styles that were cut: at most 200."
    )
    crop_mode: str | None = strawberry.field(default=strawberry.UNSET, description="How the picture is cropped.")
    target_aspect: str | None = strawberry.field(
        default=strawberry.UNSET, description="The clips' aspect ratio; 9:16 unless said otherwise."
    )


@strawberry.type(description="The video is there.")
class CreateVideoSuccess:
    """What `createVideo` answers."""

    video: Video = strawberry.field(description="The video.")
    created: bool = strawberry.field(description="Whether this call created it; false where the same was there before.")


CreateVideoResult = Annotated[
    CreateVideoSuccess | VideoAlreadyExists | InvalidInput,
    strawberry.union("CreateVideoResult", description="What `createVideo` can answer."),
]


@mutation(
    Action.WRITE, description="Creates a video. The same call again gives the same answer, with `created: false`."
)
async def create_video(
    info: Info,
    input: Annotated[CreateVideoInput, strawberry.argument(description="The video.")],  # noqa: A002
) -> CreateVideoResult | None:
    """The video is in Firestore; VideoAlreadyExists where its id holds other content."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    values = to_video_values(input) | {"user_id": owner_id, "created_by": info.context.principal.user_id}
    video = validate_model(VideoMetadata, values)
    stored, created = await info.context.services.videos(owner_id).create_video(video)
    return CreateVideoSuccess(video=Video(stored), created=created)
