"""`deleteClip`."""

from typing import Annotated

import strawberry

from gql.clips.mutations.missing_video import reporting_missing_video
from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.relay import encode_global_id
from gql.user_errors import ClipNotFound, InvalidInput, VideoNotFound
from gql.videos.payload import VideoPayload


@strawberry.input(description="A clip to delete, with its files.")
class DeleteClipInput:
    """The clip to delete."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the clip.")
    clip_id: strawberry.ID = strawberry.field(description="The id of the clip to delete.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the clip, for workers and admins; the caller by default."
    )


@strawberry.type(description="The clip was deleted with its files.")
class DeleteClipSuccess(VideoPayload):
    """The result of a successful `deleteClip`."""

    deleted_clip_id: strawberry.ID = strawberry.field(
        description="The global id of the deleted clip, by which client caches evict it."
    )
    clip_id: strawberry.ID = strawberry.field(
        description="The id of the deleted clip within its video.",
        deprecation_reason="Use `deletedClipId`, by which client caches evict the clip.",
    )


DeleteClipResult = Annotated[
    DeleteClipSuccess | ClipNotFound | VideoNotFound | InvalidInput,
    strawberry.union("DeleteClipResult", description="The result of `deleteClip`."),
]


@mutation(
    Action.DELETE,
    description="Deletes a clip and its files, and subtracts it from the statistics of its video. If "
    "the call fails half-way, the same call again completes the delete.",
)
async def delete_clip(
    info: Info,
    input: Annotated[DeleteClipInput, strawberry.argument(description="The id of the clip to delete.")],  # noqa: A002
) -> DeleteClipResult | None:
    """The document is marked, the files go, the document goes: whatever a crash leaves, the next call finishes."""
    services = info.context.services
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    repository = services.clips(owner_id, input.video_id)
    async with reporting_missing_video(info, owner_id, input.video_id):
        await repository.delete_clip_with_files(input.clip_id, services.storage)
    return DeleteClipSuccess(
        owner_id=owner_id,
        of_video_id=input.video_id,
        deleted_clip_id=encode_global_id("Clip", owner_id, input.video_id, input.clip_id),
        clip_id=input.clip_id,
    )
