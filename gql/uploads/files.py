"""Where the files of uploads lie, and what they may be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter

from gql.context import Info
from gql.loaders import MAX_HIGHLIGHTS_BYTES
from gql.uploads.types import NewUploadInput, UploadFileInput, UploadKind
from repositories.exceptions import ValidationError, VideoNotFoundError
from repositories.fields import Filename
from repositories.identifiers import check_key_size
from repositories.validation import validate_value
from storage.keys import clip_key, highlights_key, thumbnail_key
from storage.r2 import MAX_EXPIRES_IN_SECONDS, MAX_PUT_BYTES

Path = tuple[str | int, ...]

_FILENAME = TypeAdapter[str](Filename)
# Browsers run other types, such as text/html, under the address that a URL was signed for.
_CONTENT_TYPES = {
    UploadKind.CLIP: re.compile(r"video/[A-Za-z0-9.+-]{1,100}"),
    UploadKind.THUMBNAIL: re.compile(r"image/jpeg"),
    UploadKind.HIGHLIGHTS: re.compile(r"application/json"),
}
_DEFAULT_CONTENT_TYPES = {
    UploadKind.CLIP: "video/mp4",
    UploadKind.THUMBNAIL: "image/jpeg",
    UploadKind.HIGHLIGHTS: "application/json",
}


@dataclass(frozen=True)
class UploadFile:
    """A file that may be uploaded."""

    key: str
    content_type: str
    size_bytes: int


async def assert_video(info: Info, user_id: str, video_id: str) -> None:
    """Raises `VideoNotFoundError` where there is no video to upload for."""
    if await info.context.services.videos(user_id).get_video(video_id) is None:
        raise VideoNotFoundError(user_id, video_id)


def assert_expires_in(seconds: int) -> None:
    """Raises ValidationError for a time that no URL can be signed for."""
    if not 1 <= seconds <= MAX_EXPIRES_IN_SECONDS:
        raise ValidationError(f"From 1 to {MAX_EXPIRES_IN_SECONDS:,} seconds (7 days).", ("expires_in",))


def build_key(user_id: str, video_id: str, file: UploadFileInput, path: Path) -> str:
    """The file's key; ValidationError below `path` where it cannot have one in the video's folder."""
    if file.kind is UploadKind.HIGHLIGHTS and file.filename is not None:
        raise ValidationError("highlights.json has its own name.", (*path, "filename"))
    try:
        if file.kind is UploadKind.HIGHLIGHTS:
            return highlights_key(user_id, video_id)
        filename = validate_value(_FILENAME, file.filename or "", path=(*path, "filename"))
        build = clip_key if file.kind is UploadKind.CLIP else thumbnail_key
        return check_key_size(build(user_id, video_id, filename))
    except ValueError as error:
        raise ValidationError(str(error), (*path, "filename")) from None


def plan_upload(info: Info, user_id: str, video_id: str, file: NewUploadInput, path: Path) -> UploadFile:
    """The file as it will be signed; ValidationError below `path` for what is not allowed, with the limit."""
    key = build_key(user_id, video_id, file, path)
    content_type = file.content_type or _DEFAULT_CONTENT_TYPES[file.kind]
    if not _CONTENT_TYPES[file.kind].fullmatch(content_type):
        expected = _CONTENT_TYPES[file.kind].pattern.partition("[")[0]
        raise ValidationError(f"A file of this kind is of the type {expected}.", (*path, "content_type"))
    max_bytes = min(info.context.services.settings.max_upload_bytes, MAX_PUT_BYTES)
    if file.kind is UploadKind.HIGHLIGHTS:
        max_bytes = min(max_bytes, MAX_HIGHLIGHTS_BYTES)
    if not 1 <= file.size_bytes <= max_bytes or file.size_bytes != int(file.size_bytes):
        raise ValidationError(f"A file of this kind has 1 to {max_bytes:,} bytes.", (*path, "size_bytes"))
    return UploadFile(key, content_type, int(file.size_bytes))


def cut_into_parts(size_bytes: int, part_size_bytes: int) -> Iterator[tuple[int, int]]:
    """The number, from 1 on, and the size of each part."""
    for start in range(0, size_bytes, part_size_bytes):
        yield start // part_size_bytes + 1, min(part_size_bytes, size_bytes - start)
