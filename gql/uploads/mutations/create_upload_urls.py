"""`createUploadUrls`."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import assert_expires_in, assert_video, plan_upload
from gql.uploads.types import NewUploadInput, UploadUrl
from gql.user_errors import InvalidInput, VideoNotFound
from repositories.exceptions import ValidationError

# 200 clips with their thumbnails, and highlights.json.
MAX_FILES_PER_CALL = 401


@strawberry.input(description="Files of one video that will be uploaded, each with one PUT.")
class CreateUploadUrlsInput:
    """The video and its files."""

    video_id: strawberry.ID = strawberry.field(description="The video they belong to.")
    files: list[NewUploadInput] = strawberry.field(description="The files: 1 to 401.")
    expires_in: int = strawberry.field(
        default=3600, description="Seconds for which the URLs work at least: 1 to 604,800 (7 days)."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video; the caller's own unless it is said."
    )


@strawberry.type(description="The files can be uploaded.")
class CreateUploadUrlsSuccess:
    """What `createUploadUrls` answers."""

    uploads: list[UploadUrl] = strawberry.field(description="A PUT for each file, in the input's order.")


CreateUploadUrlsResult = Annotated[
    CreateUploadUrlsSuccess | VideoNotFound | InvalidInput,
    strawberry.union("CreateUploadUrlsResult", description="What `createUploadUrls` can answer."),
]


@mutation(
    Action.WRITE,
    description="Signs a PUT for each file, straight to R2: type and length are signed, and nothing else is accepted. "
    "For files over 100 MB prefer `createMultipartUpload`, which a broken connection does not throw back to the start.",
)
async def create_upload_urls(
    info: Info,
    input: Annotated[CreateUploadUrlsInput, strawberry.argument(description="The files.")],  # noqa: A002
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
    sign = info.context.services.storage.presign_put
    return CreateUploadUrlsSuccess(
        uploads=[
            UploadUrl.from_presigned(file.key, sign(file.key, file.content_type, file.size_bytes, input.expires_in))
            for file in files
        ]
    )


def _assert_distinct(keys: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key in seen:
            raise ValidationError("This file is in the list twice.", ("files", index, "filename"))
        seen.add(key)
