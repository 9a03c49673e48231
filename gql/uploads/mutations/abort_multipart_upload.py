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


@strawberry.input(description="An upload to give up.")
class AbortMultipartUploadInput:
    """The upload."""

    video_id: strawberry.ID = strawberry.field(description="The video that the file belongs to.")
    file: UploadFileInput = strawberry.field(description="The file, named as when the upload began.")
    upload_id: strawberry.ID = strawberry.field(description="The upload's id.")
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose video; the caller's own unless it is said."
    )


@strawberry.type(description="The upload is over and its parts are gone.")
class AbortMultipartUploadSuccess:
    """What `abortMultipartUpload` answers."""

    upload_id: strawberry.ID = strawberry.field(description="The upload that was given up.")


AbortMultipartUploadResult = Annotated[
    AbortMultipartUploadSuccess | InvalidInput,
    strawberry.union("AbortMultipartUploadResult", description="What `abortMultipartUpload` can answer."),
]


@mutation(Action.WRITE, description="Gives an upload up. One that is over already is no error.")
async def abort_multipart_upload(
    info: Info,
    input: Annotated[AbortMultipartUploadInput, strawberry.argument(description="The upload.")],  # noqa: A002
) -> AbortMultipartUploadResult | None:
    """Nothing of the upload is left in R2."""
    owner_id = resolve_user_id(info.context.principal, input.user_id)
    assert_upload_id(input.upload_id)
    info.context.services.clips(owner_id, input.video_id)  # refuses ids that lead elsewhere
    key = build_key(owner_id, input.video_id, input.file, ("file",))
    await info.context.services.storage.abort_multipart_upload(key, input.upload_id)
    return AbortMultipartUploadSuccess(upload_id=input.upload_id)
