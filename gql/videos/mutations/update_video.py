"""`updateVideo`."""

from typing import Annotated, Any

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.mutations.inputs import HighlightsSummaryInput, to_video_values
from gql.videos.types import Video


@strawberry.input(description="Changes to a video. Fields that are left out stay as they are.")
class UpdateVideoInput:
    """The fields a client may change; status and statistics have their own mutations."""

    video_id: strawberry.ID = strawberry.field(description="The video to change.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video; the caller's own unless it is said."
    )
    video_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="Where the video can be watched. YouTube's id follows it."
    )
    title: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The title, without characters that turn the direction of text: these are removed.",
    )
    highlights_count: int | None = strawberry.field(
        default=strawberry.UNSET, description="How many highlights were found."
    )
    highlights_summary: HighlightsSummaryInput | None = strawberry.field(
        default=strawberry.UNSET, description="What was found worth cutting, in short; null removes it."
    )
    custom_prompt: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the user asked for, in their own words; null removes it."
    )
    styles_processed: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Styles that were cut: at most 200."
    )
    crop_mode: str | None = strawberry.field(default=strawberry.UNSET, description="How the picture is cropped.")
    target_aspect: str | None = strawberry.field(default=strawberry.UNSET, description="The clips' aspect ratio.")


@strawberry.type(description="The video is changed.")
class UpdateVideoSuccess:
    """What `updateVideo` answers."""

    video: Video = strawberry.field(description="The video as it is now.")


UpdateVideoResult = Annotated[
    UpdateVideoSuccess | VideoNotFound | InvalidInput,
    strawberry.union("UpdateVideoResult", description="What `updateVideo` can answer."),
]


@mutation(Action.WRITE, description="Changes what a video says of itself.")
async def update_video(
    info: Info,
    input: Annotated[UpdateVideoInput, strawberry.argument(description="The changes.")],  # noqa: A002
) -> UpdateVideoResult | None:
    """The changes are in Firestore, all of them or none."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    stored = await info.context.services.videos(owner_id).update_video(input.video_id, _to_changes(input))
    return UpdateVideoSuccess(video=Video(stored))


def _to_changes(data: UpdateVideoInput) -> dict[str, Any]:
    ids = {"video_id", "user_id"}
    return {name: value for name, value in to_video_values(data).items() if name not in ids}
