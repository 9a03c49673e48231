"""`createUploadUrls`."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import assert_expires_in, assert_video, plan_upload
from gql.uploads.types import NewUploadInput, UploadUrl
from gql.user_errors import InvalidInput, VideoNotFound
from gql.videos.payload import VideoPayload
from repositories.exceptions import ValidationError

# 200 clips with their thumbnails, and highlights.json.
MAX_FILES_PER_CALL = 401


@strawberry.input(description="Files of one video, to upload with one PUT each.")
class CreateUploadUrlsInput:
    """The video and its files."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the files.")
    files: list[NewUploadInput] = strawberry.field(description="The files to upload: 1 to 401.")
    expires_in: int = strawberry.field(
        default=3600, description="The minimum validity of the URLs in seconds: 1 to 604,800 (7 days)."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The files can be uploaded.")
class CreateUploadUrlsSuccess(VideoPayload):
    """The result of a successful `createUploadUrls`."""

    uploads: list[UploadUrl] = strawberry.field(description="A signed PUT for each file, in the order of the input.")


CreateUploadUrlsResult = Annotated[
    CreateUploadUrlsSuccess | VideoNotFound | InvalidInput,
    strawberry.union("CreateUploadUrlsResult", description="The result of `createUploadUrls`."),
]


@mutation(
    Action.WRITE,
    description="Signs a PUT to R2 for each file. R2 accepts only the signed type and length. For "
    "files above 100 MB prefer `createMultipartUpload`, which can resume after a broken "
    "connection.",
)
async def create_upload_urls(
    info: Info,
    input: Annotated[CreateUploadUrlsInput, strawberry.argument(description="The video and its files.")],  # noqa: A002
) -> CreateUploadUrlsResult | None:
    """The PUTs are signed; nothing is written."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    if not 1 <= len(input.files) <= MAX_FILES_PER_CALL:
        raise ValidationError(f"Pass 1 to {MAX_FILES_PER_CALL} files in one call.", path=("files",))
    assert_expires_in(input.expires_in)
    await assert_video(info, owner_id, input.video_id)
    files = [
        plan_upload(info, owner_id, input.video_id, file, ("files", index)) for index, file in enumerate(input.files)
    ]
    _assert_distinct([file.key for file in files])
    sign = partial(info.context.services.storage.presign_put, now=info.context.loaders.signed_at)
    return CreateUploadUrlsSuccess(
        owner_id=owner_id,
        of_video_id=input.video_id,
        uploads=[
            UploadUrl.from_presigned(file.key, sign(file.key, file.content_type, file.size_bytes, input.expires_in))
            for file in files
        ],
    )


def _assert_distinct(keys: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key in seen:
            raise ValidationError("The list contains this file twice.", ("files", index, "filename"))
        seen.add(key)
