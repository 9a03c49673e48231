"""Uploads' GraphQL types."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from storage.r2 import PresignedUpload


@strawberry.enum(description="The kind of a file of a video, which determines its key in R2.")
class UploadKind(Enum):
    """The three kinds of files that a video's folder holds."""

    CLIP = strawberry.enum_value("clip", description="The file of a clip, with a media type `video/…`.")
    THUMBNAIL = strawberry.enum_value(
        "thumbnail", description="The thumbnail of a clip, with the media type `image/jpeg`."
    )
    HIGHLIGHTS = strawberry.enum_value(
        "highlights", description="The `highlights.json` of the video, with the media type `application/json`."
    )


@strawberry.input(description="A file of a video.")
class UploadFileInput:
    """The kind and the name of a file within its video."""

    kind: UploadKind = strawberry.field(description="The kind of the file.")
    filename: str | None = strawberry.field(
        default=None, description="The filename of the clip, for CLIP and for THUMBNAIL; none for HIGHLIGHTS."
    )


@strawberry.input(description="A file of a video, to upload.")
class NewUploadInput(UploadFileInput):
    """A file with the values that will be signed."""

    size_bytes: float = strawberry.field(
        description="The size of the file in bytes: a whole number of at least 1. R2 refuses a body of another length."
    )
    content_type: str | None = strawberry.field(
        default=None,
        description="The media type of the file, such as `video/webm`, `image/jpeg` or "
        "`application/json`; by default that of its extension.",
    )


HEADERS_DESCRIPTION = (
    "The headers to send with the PUT, unchanged: they are signed. The length is signed, too; HTTP clients send it"
    " themselves."
)


@strawberry.type(description="An HTTP header to send.")
class UploadHeader:
    """One header of a presigned request."""

    name: str = strawberry.field(description="The name of the header.")
    value: str = strawberry.field(description="The value of the header.")


@strawberry.type(description="A signed PUT, which needs no token until it expires.")
class UploadUrl:
    """A presigned PUT."""

    key: str = strawberry.field(description="The key of the file in R2.")
    url: str = strawberry.field(description="The URL for the PUT.")
    headers: list[UploadHeader] = strawberry.field(description=HEADERS_DESCRIPTION)
    expires_at: datetime = strawberry.field(description="The time at which the URL expires.")

    @classmethod
    def from_presigned(cls, key: str, upload: PresignedUpload) -> Self:
        """The URL as storage signed it."""
        return cls(key=key, url=upload.url, headers=to_headers(upload), expires_at=upload.expires_at)


@strawberry.type(description="A signed PUT for one part of a file.")
class UploadPartUrl:
    """A presigned PUT of a part."""

    part_number: int = strawberry.field(description="The number of the part in the file, starting with 1.")
    size_bytes: float = strawberry.field(
        description="The size of the part in bytes; all parts except the last have the same."
    )
    url: str = strawberry.field(description="The URL for the PUT. Keep the `ETag` of the response.")
    headers: list[UploadHeader] = strawberry.field(description=HEADERS_DESCRIPTION)
    expires_at: datetime = strawberry.field(description="The time at which the URL expires.")


def to_headers(upload: PresignedUpload) -> list[UploadHeader]:
    """The headers that the upload must have."""
    return [UploadHeader(name=name, value=value) for name, value in upload.headers.items()]
