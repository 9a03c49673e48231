"""`completeMultipartUpload`."""

from collections.abc import Mapping
from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import assert_video, build_key
from gql.uploads.parts import assert_etag, assert_part_numbers, assert_upload_id, check_assembled
from gql.uploads.types import UploadFileInput
from gql.user_errors import InvalidInput, UploadNotFound, VideoNotFound
from gql.videos.payload import VideoPayload
from repositories.exceptions import ValidationError
from storage.exceptions import InvalidPartsError, UploadNotFoundError
from storage.r2 import MAX_PARTS, R2Storage, StoredObject


@strawberry.input(description="An uploaded part.")
class UploadedPartInput:
    """The part, as R2 answered its PUT."""

    part_number: int = strawberry.field(description="The number of the part in the file, starting with 1.")
    etag: str = strawberry.field(description="The `ETag` of the response to the PUT.")


@strawberry.input(description="An upload whose parts are all in R2.")
class CompleteMultipartUploadInput:
    """The upload and its parts."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the file.")
    file: UploadFileInput = strawberry.field(
        description="The file, with the same kind and filename as in `createMultipartUpload`."
    )
    upload_id: strawberry.ID = strawberry.field(description="The id of the upload.")
    parts: list[UploadedPartInput] = strawberry.field(description="All parts of the file: 1 to 10,000.")
    size_bytes: float | None = strawberry.field(
        default=None,
        description="The size of the file in bytes. If the upload was completed before, the call succeeds"
        " only for a file of this size.",
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The file is in R2.")
class CompleteMultipartUploadSuccess(VideoPayload):
    """The result of a successful `completeMultipartUpload`."""

    key: str = strawberry.field(description="The key of the file in R2.")
    size_bytes: float = strawberry.field(description="The size of the file in bytes.")


CompleteMultipartUploadResult = Annotated[
    CompleteMultipartUploadSuccess | UploadNotFound | VideoNotFound | InvalidInput,
    strawberry.union("CompleteMultipartUploadResult", description="The result of `completeMultipartUpload`."),
]


@mutation(
    Action.WRITE,
    description="Joins the parts, which creates the file. The same call again returns the same result.",
)
async def complete_multipart_upload(
    info: Info,
    input: Annotated[CompleteMultipartUploadInput, strawberry.argument(description="The upload.")],  # noqa: A002
) -> CompleteMultipartUploadResult | None:
    """The file is in R2."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    etags = _to_etags(input)
    await assert_video(info, owner_id, input.video_id)
    key = build_key(owner_id, input.video_id, input.file, ("file",))
    stored = await _put_together(info.context.services.storage, key, input, etags)
    return CompleteMultipartUploadSuccess(
        owner_id=owner_id, of_video_id=input.video_id, key=key, size_bytes=stored.size_bytes
    )


def _to_etags(data: CompleteMultipartUploadInput) -> dict[int, str]:
    """The parts' ETags by their numbers; ValidationError for invalid parts."""
    if not 1 <= len(data.parts) <= MAX_PARTS:
        raise ValidationError(f"Pass all parts: 1 to {MAX_PARTS:,}.", ("parts",))
    assert_upload_id(data.upload_id)
    assert_part_numbers([part.part_number for part in data.parts])
    for index, part in enumerate(data.parts):
        assert_etag(part.etag, ("parts", index, "etag"))
    return {part.part_number: part.etag for part in data.parts}


async def _put_together(
    storage: R2Storage, key: str, data: CompleteMultipartUploadInput, etags: Mapping[int, str]
) -> StoredObject:
    """The object of these parts, from this call or from an earlier one whose answer was lost."""
    missing = UploadNotFoundError(key, data.upload_id)
    is_over = False
    try:
        await storage.complete_multipart_upload(key, data.upload_id, etags)
    except InvalidPartsError:
        raise ValidationError("The parts are not the uploaded ones.", ("parts",)) from None
    except UploadNotFoundError:
        is_over = True
    stored = await storage.head(key)
    if stored is None or (is_over and not check_assembled(stored, etags, data.size_bytes)):
        raise missing
    return stored
