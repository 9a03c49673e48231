"""Uploads' GraphQL types."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from storage.r2 import PresignedUpload


@strawberry.enum(description="What a file of a video is, and so where it lies.")
class UploadKind(Enum):
    """The three kinds of files that a video's folder holds."""

    CLIP = strawberry.enum_value("clip", description="A clip's file, of a type `video/…`.")
    THUMBNAIL = strawberry.enum_value("thumbnail", description="A clip's thumbnail, `image/jpeg`.")
    HIGHLIGHTS = strawberry.enum_value("highlights", description="The video's `highlights.json`, `application/json`.")


@strawberry.input(description="A file of a video.")
class UploadFileInput:
    """What names a file within its video."""

    kind: UploadKind = strawberry.field(description="What it is.")
    filename: str | None = strawberry.field(
        default=None, description="The clip's filename, for CLIP and for THUMBNAIL; none for HIGHLIGHTS."
    )


@strawberry.input(description="A file of a video that will be uploaded.")
class NewUploadInput(UploadFileInput):
    """A file, and what will be signed of it."""

    size_bytes: float = strawberry.field(
        description="Its size in bytes: a whole number from 1 on. R2 refuses a body of another length."
    )
    content_type: str | None = strawberry.field(
        default=None,
        description="Its media type; unless said, that of its extension, such as `video/webm`, `image/jpeg` or "
        "`application/json`.",
    )


@strawberry.type(description="A header to send.")
class UploadHeader:
    """One header of a presigned request."""

    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="A PUT that anyone who has it may make until it expires, without a token.")
class UploadUrl:
    """A presigned PUT."""

    key: str = strawberry.field(description="The file's key in R2.")
    url: str = strawberry.field(description="Where to PUT the file.")
    headers: list[UploadHeader] = strawberry.field(description="The headers to send, exactly these: they are signed.")
    expires_at: datetime = strawberry.field(description="Until when the URL works.")

    @classmethod
    def from_presigned(cls, key: str, upload: PresignedUpload) -> Self:
        """The URL as storage signed it."""
        return cls(key=key, url=upload.url, headers=to_headers(upload), expires_at=upload.expires_at)


@strawberry.type(description="A PUT of one part of a file.")
class UploadPartUrl:
    """A presigned PUT of a part."""

    part_number: int = strawberry.field(description="Its place in the file, from 1 on.")
    size_bytes: float = strawberry.field(description="Its size in bytes: all but the last have the same.")
    url: str = strawberry.field(description="Where to PUT the part. Keep the `ETag` of the answer.")
    headers: list[UploadHeader] = strawberry.field(description="The headers to send, exactly these: they are signed.")
    expires_at: datetime = strawberry.field(description="Until when the URL works.")


def to_headers(upload: PresignedUpload) -> list[UploadHeader]:
    """The headers that the upload must have."""
    return [UploadHeader(name=name, value=value) for name, value in upload.headers.items()]
