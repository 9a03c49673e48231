"""`createUploadPartUrls`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.inputs import Path
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import assert_expires_in, build_key, get_max_bytes
from gql.uploads.parts import assert_part_numbers, assert_upload_id
from gql.uploads.types import UploadFileInput, UploadPartUrl, to_headers
from gql.user_errors import InvalidInput
from gql.videos.payload import VideoPayload
from repositories.exceptions import ValidationError

MAX_PARTS_PER_CALL = 1_000


@strawberry.input(description="A part of a file, to upload.")
class UploadPartInput:
    """The part's place and size."""

    part_number: int = strawberry.field(description="The number of the part in the file, starting with 1.")
    size_bytes: float = strawberry.field(description="The size of the part in bytes, a whole number.")


@strawberry.input(description="Parts of an upload, to upload next.")
class CreateUploadPartUrlsInput:
    """The upload and its parts."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the file.")
    file: UploadFileInput = strawberry.field(
        description="The file, with the same kind and filename as in `createMultipartUpload`."
    )
    upload_id: strawberry.ID = strawberry.field(description="The id of the upload.")
    parts: list[UploadPartInput] = strawberry.field(description="The parts to sign: 1 to 1,000.")
    expires_in: int = strawberry.field(
        default=3600, description="The minimum validity of the URLs in seconds: 1 to 604,800 (7 days)."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The parts can be uploaded.")
class CreateUploadPartUrlsSuccess(VideoPayload):
    """The result of a successful `createUploadPartUrls`."""

    parts: list[UploadPartUrl] = strawberry.field(description="A signed PUT for each part, in the order of the input.")


CreateUploadPartUrlsResult = Annotated[
    CreateUploadPartUrlsSuccess | InvalidInput,
    strawberry.union("CreateUploadPartUrlsResult", description="The result of `createUploadPartUrls`."),
]


@mutation(
    Action.WRITE,
    description="Signs a PUT for each part, with its length. A part can be signed and uploaded again "
    "after a failure, or after its URL expired.",
)
async def create_upload_part_urls(
    info: Info,
    input: Annotated[CreateUploadPartUrlsInput, strawberry.argument(description="The upload and its parts.")],  # noqa: A002
) -> CreateUploadPartUrlsResult | None:
    """Signs the PUTs without a call to R2, so an unknown upload shows when a part is sent."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    assert_expires_in(input.expires_in)
    if not 1 <= len(input.parts) <= MAX_PARTS_PER_CALL:
        raise ValidationError(f"Pass 1 to {MAX_PARTS_PER_CALL:,} parts in one call.", ("parts",))
    assert_upload_id(input.upload_id)
    assert_part_numbers([part.part_number for part in input.parts])
    for index, part in enumerate(input.parts):
        _assert_size(part, get_max_bytes(info, input.file.kind), ("parts", index, "size_bytes"))
    info.context.services.clips(owner_id, input.video_id)  # refuses ids that lead elsewhere
    key = build_key(owner_id, input.video_id, input.file, ("file",))
    return CreateUploadPartUrlsSuccess(
        owner_id=owner_id, of_video_id=input.video_id, parts=[_sign(info, key, input, part) for part in input.parts]
    )


def _assert_size(part: UploadPartInput, max_bytes: int, path: Path) -> None:
    # All parts but the last have one size, so that its number tells how large the file is at least.
    if not 1 <= part.size_bytes <= max_bytes / part.part_number or part.size_bytes != int(part.size_bytes):
        raise ValidationError(f"A part must have at least 1 byte, and the file at most {max_bytes:,} bytes.", path)


def _sign(info: Info, key: str, data: CreateUploadPartUrlsInput, part: UploadPartInput) -> UploadPartUrl:
    upload = info.context.services.storage.presign_part(
        key,
        data.upload_id,
        part.part_number,
        int(part.size_bytes),
        data.expires_in,
        now=info.context.loaders.signed_at,
    )
    return UploadPartUrl(
        part_number=part.part_number,
        size_bytes=part.size_bytes,
        url=upload.url,
        headers=to_headers(upload),
        expires_at=upload.expires_at,
    )
