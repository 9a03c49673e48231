"""`updateVideo`."""

from typing import Annotated, Any

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.mutations.inputs import HighlightsSummaryInput, to_video_values
from gql.videos.types import Video


@strawberry.input(description="Changes to a video. Omitted fields keep their values.")
class UpdateVideoInput:
    """The fields a client may change; status and statistics have their own mutations."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video to change.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )
    video_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="The address of the video. The YouTube id is derived from it."
    )
    title: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The title of the video. Bidirectional control characters are removed.",
    )
    highlights_count: int | None = strawberry.field(
        default=strawberry.UNSET, description="The number of highlights in the video."
    )
    highlights_summary: HighlightsSummaryInput | None = strawberry.field(
        default=strawberry.UNSET, description="The summary of the highlights; null removes it."
    )
    custom_prompt: str | None = strawberry.field(
        default=strawberry.UNSET, description="The user's prompt for the selection of highlights; null removes it."
    )
    styles_processed: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="The styles of the clips that were cut: at most 200."
    )
    crop_mode: str | None = strawberry.field(default=strawberry.UNSET, description="The crop mode of the clips.")
    target_aspect: str | None = strawberry.field(default=strawberry.UNSET, description="The aspect ratio of the clips.")


@strawberry.type(description="The video was changed.")
class UpdateVideoSuccess:
    """The result of a successful `updateVideo`."""

    video: Video = strawberry.field(description="The video after the change.")


UpdateVideoResult = Annotated[
    UpdateVideoSuccess | VideoNotFound | InvalidInput,
    strawberry.union("UpdateVideoResult", description="The result of `updateVideo`."),
]


@mutation(Action.WRITE, description="Changes the metadata of a video.")
async def update_video(
    info: Info,
    input: Annotated[UpdateVideoInput, strawberry.argument(description="The video and its changes.")],  # noqa: A002
) -> UpdateVideoResult | None:
    """The changes are in Firestore, all of them or none."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    stored = await info.context.services.videos(owner_id).update_video(input.video_id, _to_changes(input))
    return UpdateVideoSuccess(video=Video(stored))


def _to_changes(data: UpdateVideoInput) -> dict[str, Any]:
    ids = {"video_id", "user_id"}
    return {name: value for name, value in to_video_values(data).items() if name not in ids}
