"""`abortMultipartUpload`."""

from typing import Annotated

import strawberry

from gql.context import Info
from gql.mutation import mutation
from gql.permissions import Action, resolve_user_id
from gql.uploads.files import build_key
from gql.uploads.parts import assert_upload_id
from gql.uploads.types import UploadFileInput
from gql.user_errors import InvalidInput
from gql.videos.payload import VideoPayload


@strawberry.input(description="An upload to abort.")
class AbortMultipartUploadInput:
    """The upload."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video of the file.")
    file: UploadFileInput = strawberry.field(
        description="The file, with the same kind and filename as in `createMultipartUpload`."
    )
    upload_id: strawberry.ID = strawberry.field(description="The id of the upload.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The owner of the video; the caller by default."
    )


@strawberry.type(description="The upload was aborted, and its parts were deleted.")
class AbortMultipartUploadSuccess(VideoPayload):
    """The result of a successful `abortMultipartUpload`."""

    upload_id: strawberry.ID = strawberry.field(description="The id of the aborted upload.")


AbortMultipartUploadResult = Annotated[
    AbortMultipartUploadSuccess | InvalidInput,
    strawberry.union("AbortMultipartUploadResult", description="The result of `abortMultipartUpload`."),
]


@mutation(
    Action.WRITE, description="Aborts an upload. It is not an error if the upload is already completed or aborted."
)
async def abort_multipart_upload(
    info: Info,
    input: Annotated[AbortMultipartUploadInput, strawberry.argument(description="The upload.")],  # noqa: A002
) -> AbortMultipartUploadResult | None:
    """Removes the upload and its parts from R2."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    assert_upload_id(input.upload_id)
    info.context.services.clips(owner_id, input.video_id)  # refuses ids that lead elsewhere
    key = build_key(owner_id, input.video_id, input.file, ("file",))
    await info.context.services.storage.abort_multipart_upload(key, input.upload_id)
    return AbortMultipartUploadSuccess(owner_id=owner_id, of_video_id=input.video_id, upload_id=input.upload_id)
