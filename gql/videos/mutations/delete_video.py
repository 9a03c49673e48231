"""`deleteVideo`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.permissions import resolve_user_id
from gql.user_errors import InvalidInput, VideoNotFound
from storage.keys import video_prefix


@strawberry.input(description="A video to delete, with its clips and all of their files.")
class DeleteVideoInput:
    """The video."""

    video_id: strawberry.ID = strawberry.field(description="The video to delete.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video, for workers and admins; everybody else deletes their own."
    )


@strawberry.type(description="The video is gone, with its clips and all of their files.")
class DeleteVideoSuccess:
    """What `deleteVideo` answers."""

    video_id: strawberry.ID = strawberry.field(description="The video that was deleted.")
    deleted_clips_count: int = strawberry.field(description="How many clips went with it.")
    deleted_files_count: int = strawberry.field(description="How many files went with it.")


DeleteVideoResult = Annotated[
    DeleteVideoSuccess | VideoNotFound | InvalidInput,
    strawberry.union("DeleteVideoResult", description="What `deleteVideo` can answer."),
]


@strawberry.mutation(description="Deletes a video, its clips and all of their files.")
async def delete_video(
    info: Info,
    input: Annotated[DeleteVideoInput, strawberry.argument(description="The video.")],  # noqa: A002
) -> DeleteVideoResult | None:
    """The documents are gone, then the files: a crash between leaves files without a document, never the reverse."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    deleted_clips_count = await info.context.services.videos(owner_id).delete_video(input.video_id)
    deleted_files_count = await info.context.services.storage.delete_prefix(video_prefix(owner_id, input.video_id))
    return DeleteVideoSuccess(
        video_id=input.video_id, deleted_clips_count=deleted_clips_count, deleted_files_count=deleted_files_count
    )
