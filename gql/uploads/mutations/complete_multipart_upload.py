"""`completeMultipartUpload`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import assert_video, build_key
from gql.uploads.types import UploadFileInput
from gql.user_errors import InvalidInput, UploadNotFound, VideoNotFound
from repositories.exceptions import ValidationError
from storage.exceptions import InvalidPartsError, UploadNotFoundError
from storage.r2 import MAX_PARTS


@strawberry.input(description="A part that was uploaded.")
class UploadedPartInput:
    """The part, as R2 answered its PUT."""

    part_number: int = strawberry.field(description="Its place in the file, from 1 on.")
    etag: str = strawberry.field(description="The `ETag` that R2 answered.")


@strawberry.input(description="An upload whose parts are all there.")
class CompleteMultipartUploadInput:
    """The upload and its parts."""

    video_id: strawberry.ID = strawberry.field(description="The video that the file belongs to.")
    file: UploadFileInput = strawberry.field(description="The file, named as when the upload began.")
    upload_id: strawberry.ID = strawberry.field(description="The upload's id.")
    parts: list[UploadedPartInput] = strawberry.field(description="All of the parts.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video, for workers and admins; everybody else uploads to their own."
    )


@strawberry.type(description="The file is there.")
class CompleteMultipartUploadSuccess:
    """What `completeMultipartUpload` answers."""

    key: str = strawberry.field(description="The file's key in R2.")
    size_bytes: float = strawberry.field(description="Its size in bytes.")


CompleteMultipartUploadResult = Annotated[
    CompleteMultipartUploadSuccess | UploadNotFound | VideoNotFound | InvalidInput,
    strawberry.union("CompleteMultipartUploadResult", description="What `completeMultipartUpload` can answer."),
]


@mutation(
    Action.WRITE,
    description="Puts the parts together: from now on the file is there. The same call again gives the same answer.",
)
async def complete_multipart_upload(
    info: Info,
    input: Annotated[CompleteMultipartUploadInput, strawberry.argument(description="The upload.")],  # noqa: A002
) -> CompleteMultipartUploadResult | None:
    """The file is in R2."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    storage = info.context.services.storage
    etags = {part.part_number: part.etag for part in input.parts}
    if not 1 <= len(input.parts) <= MAX_PARTS or len(etags) != len(input.parts):
        raise ValidationError(f"Pass each of the 1 to {MAX_PARTS:,} parts once.", ("parts",))
    await assert_video(info, owner_id, input.video_id)
    key = build_key(owner_id, input.video_id, input.file, ("file",))
    missing: UploadNotFoundError | None = None
    try:
        await storage.complete_multipart_upload(key, input.upload_id, etags)
    except InvalidPartsError:
        raise ValidationError("These are not the parts that were uploaded.", ("parts",)) from None
    except UploadNotFoundError as error:
        missing = error
    stored = await storage.head(key)
    # An upload that is over, and a file: this call was done before, and its answer was lost.
    if stored is None:
        raise missing or UploadNotFoundError(key, input.upload_id)
    return CompleteMultipartUploadSuccess(key=key, size_bytes=stored.size_bytes)
