"""The files of uploads: their keys, types and sizes."""

import re
from dataclasses import dataclass

from pydantic import TypeAdapter

from domain.keys import guess_content_type, highlights_key
from gql.context import Info
from gql.inputs import Path, build_file_keys
from gql.loaders import MAX_HIGHLIGHTS_BYTES
from gql.uploads.types import NewUploadInput, UploadFileInput, UploadKind
from repositories.exceptions import ValidationError, VideoNotFoundError
from repositories.model.fields import Filename
from repositories.model.validation import validate_value
from storage.r2 import MAX_EXPIRES_IN_SECONDS, MAX_PUT_BYTES

_FILENAME = TypeAdapter[str](Filename)
# Browsers run other types, such as text/html, under the address that a URL was signed for.
_CONTENT_TYPES = {
    UploadKind.CLIP: re.compile(r"video/[A-Za-z0-9.+-]{1,100}"),
    UploadKind.THUMBNAIL: re.compile(r"image/jpeg"),
    UploadKind.HIGHLIGHTS: re.compile(r"application/json"),
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
        raise ValidationError(
            f"The value must be between 1 and {MAX_EXPIRES_IN_SECONDS:,} seconds (7 days).", ("expires_in",)
        )


def build_key(user_id: str, video_id: str, file: UploadFileInput, path: Path) -> str:
    """The file's key; ValidationError below `path` where it cannot have one in the video's folder."""
    if file.kind is UploadKind.HIGHLIGHTS and file.filename is not None:
        raise ValidationError("A file of kind HIGHLIGHTS has no filename.", (*path, "filename"))
    if file.kind is UploadKind.HIGHLIGHTS:
        return _build_highlights_key(user_id, video_id)
    filename = validate_value(_FILENAME, file.filename or "", path=(*path, "filename"))
    clip, thumbnail = build_file_keys(user_id, video_id, filename, (*path, "filename"))
    return clip if file.kind is UploadKind.CLIP else thumbnail


def _build_highlights_key(user_id: str, video_id: str) -> str:
    try:
        return highlights_key(user_id, video_id)
    except ValueError as error:
        raise ValidationError(str(error), ("video_id",)) from None


def plan_upload(info: Info, user_id: str, video_id: str, file: NewUploadInput, path: Path) -> UploadFile:
    """The file to sign; ValidationError below `path`, with the limit, for a file that is not allowed."""
    key = build_key(user_id, video_id, file, path)
    known_type = guess_content_type(key)
    content_type = known_type if file.content_type is None else file.content_type
    if content_type != known_type and not _CONTENT_TYPES[file.kind].fullmatch(content_type):
        expected = _CONTENT_TYPES[file.kind].pattern.partition("[")[0]
        raise ValidationError(f"A file of this kind has the media type {expected}.", (*path, "content_type"))
    max_bytes = get_max_bytes(info, file.kind)
    if not 1 <= file.size_bytes <= max_bytes or file.size_bytes != int(file.size_bytes):
        raise ValidationError(f"A file of this kind must have 1 to {max_bytes:,} bytes.", (*path, "size_bytes"))
    return UploadFile(key, content_type, int(file.size_bytes))


def get_max_bytes(info: Info, kind: UploadKind) -> int:
    """How many bytes a file of this kind may have."""
    max_bytes = min(info.context.services.settings.max_upload_bytes, MAX_PUT_BYTES)
    return min(max_bytes, MAX_HIGHLIGHTS_BYTES) if kind is UploadKind.HIGHLIGHTS else max_bytes
