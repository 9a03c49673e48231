"""`createMultipartUpload`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import assert_video, plan_upload
from gql.uploads.parts import split_into_parts
from gql.uploads.types import NewUploadInput
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.payload import VideoPayload
from repositories.exceptions import ValidationError
from storage.r2 import MAX_PARTS, MAX_PUT_BYTES, MIN_PART_BYTES

# A part that breaks is sent again: small enough for that, large enough that 5 GiB are 80 of them.
DEFAULT_PART_SIZE_BYTES = 64 * 1024**2


@strawberry.input(description="A large file of a video, to upload in parts.")
class CreateMultipartUploadInput:
    """The video, its file, and how it is cut into parts."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the file.")
    file: NewUploadInput = strawberry.field(description="The file to upload.")
    part_size_bytes: int = strawberry.field(
        default=DEFAULT_PART_SIZE_BYTES, description="The size of each part except the last: at least 5,242,880 bytes."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The upload has begun. Its parts are invisible until it is completed.")
class CreateMultipartUploadSuccess(VideoPayload):
    """The result of a successful `createMultipartUpload`."""

    upload_id: strawberry.ID = strawberry.field(description="The id of the upload, for the following calls.")
    key: str = strawberry.field(description="The key of the file in R2.")
    part_size_bytes: int = strawberry.field(description="The size of each part except the last, in bytes.")
    parts_count: int = strawberry.field(description="The number of parts.")


CreateMultipartUploadResult = Annotated[
    CreateMultipartUploadSuccess | VideoNotFound | InvalidInput,
    strawberry.union("CreateMultipartUploadResult", description="The result of `createMultipartUpload`."),
]


@mutation(
    Action.WRITE,
    description="Begins an upload in parts, for files above 100 MB. Next steps: "
    "`createUploadPartUrls`, a PUT for each part, `completeMultipartUpload`. `clipgraph "
    "reconcile` removes abandoned uploads.",
)
async def create_multipart_upload(
    info: Info,
    input: Annotated[CreateMultipartUploadInput, strawberry.argument(description="The file to upload.")],  # noqa: A002
) -> CreateMultipartUploadResult | None:
    """R2 takes parts of the file under the upload's id."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    await assert_video(info, owner_id, input.video_id)
    file = plan_upload(info, owner_id, input.video_id, input.file, ("file",))
    if not MIN_PART_BYTES <= input.part_size_bytes <= MAX_PUT_BYTES:
        raise ValidationError(f"A part must have at least {MIN_PART_BYTES:,} bytes.", ("part_size_bytes",))
    parts_count = sum(1 for _ in split_into_parts(file.size_bytes, input.part_size_bytes))
    if parts_count > MAX_PARTS:
        raise ValidationError(
            f"The file would have more than {MAX_PARTS:,} parts. Use larger parts.", ("part_size_bytes",)
        )
    upload_id = await info.context.services.storage.create_multipart_upload(file.key, file.content_type)
    return CreateMultipartUploadSuccess(
        owner_id=owner_id,
        of_video_id=input.video_id,
        upload_id=strawberry.ID(upload_id),
        key=file.key,
        part_size_bytes=input.part_size_bytes,
        parts_count=parts_count,
    )
