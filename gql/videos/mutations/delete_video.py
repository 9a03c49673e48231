"""`deleteVideo`."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.relay import encode_global_id
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.payload import VideoPayload
from storage.r2 import R2Storage


@strawberry.input(description="A video to delete, with its clips and all files.")
class DeleteVideoInput:
    """The video."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video to delete.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video, for workers and admins; the caller by default."
    )


@strawberry.type(description="The video was deleted with its clips and all files.")
class DeleteVideoSuccess(VideoPayload):
    """The result of a successful `deleteVideo`."""

    deleted_video_id: strawberry.ID = strawberry.field(
        description="The global id of the deleted video, by which client caches evict it."
    )
    video_id: strawberry.ID = strawberry.field(
        description="The id of the deleted video, unique among the user's videos.",
        deprecation_reason="Use `deletedVideoId`, by which client caches evict the video.",
    )
    deleted_clips_count: int = strawberry.field(description="The number of clips that this call deleted.")
    deleted_files_count: int = strawberry.field(description="The number of files that this call deleted.")


DeleteVideoResult = Annotated[
    DeleteVideoSuccess | VideoNotFound | InvalidInput,
    strawberry.union("DeleteVideoResult", description="The result of `deleteVideo`."),
]


@mutation(
    Action.DELETE,
    description="Deletes a video, its clips and all files. If the call fails half-way, the same call "
    "again completes the delete.",
)
async def delete_video(
    info: Info,
    input: Annotated[DeleteVideoInput, strawberry.argument(description="The id of the video to delete.")],  # noqa: A002
) -> DeleteVideoResult | None:
    """The video is marked, its clips and files go, the video goes: whatever a crash leaves, the next call finishes."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    files = _CountedFiles(info.context.services.storage)
    deleted_clips_count = await info.context.services.videos(owner_id).delete_video(input.video_id, files)
    return DeleteVideoSuccess(
        owner_id=owner_id,
        of_video_id=input.video_id,
        deleted_video_id=encode_global_id("Video", owner_id, input.video_id),
        video_id=input.video_id,
        deleted_clips_count=deleted_clips_count,
        deleted_files_count=files.deleted_count,
    )


class _CountedFiles:
    """The storage, with a count of the deleted objects."""

    def __init__(self, storage: R2Storage) -> None:
        self._storage = storage
        self.deleted_count = 0

    async def delete(self, keys: Iterable[str]) -> None:
        """Deletes the objects."""
        await self._storage.delete(keys)

    async def delete_prefix(self, prefix: str) -> int:
        """Deletes the objects below the prefix, and counts them."""
        deleted = await self._storage.delete_prefix(prefix)
        self.deleted_count += deleted
        return deleted
