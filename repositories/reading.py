"""From Firestore's documents to models; what cannot be read is logged with its path, and never fails a page."""

from collections.abc import Mapping
from typing import Any

import pydantic
import structlog

from repositories.deleting import check_is_deleting
from repositories.exceptions import FirestoreError, RepositoryError
from repositories.models import ClipMetadata, VideoMetadata
from repositories.plain_clips import CLIP_FIELDS, read_plain_clip
from repositories.stored import StoredDocument

log = structlog.get_logger(__name__)


def to_data(document: StoredDocument) -> dict[str, Any] | None:
    """The document's fields, or None where it is missing or being deleted.

    Ids come from its path, missing times from Firestore.
    """
    if document.fields is None or check_is_deleting(document.fields):
        return None
    _, user_id, _, video_id, *rest = document.path.split("/")
    ids = {"user_id": user_id, "video_id": video_id} | ({"clip_id": rest[1]} if rest else {})
    return (
        {"created_at": document.create_time, "updated_at": document.update_time} | _without_nulls(document.fields) | ids
    )


def read_video(data: dict[str, Any]) -> VideoMetadata:
    """The video; `RepositoryError` where its document cannot be read."""
    try:
        return VideoMetadata.from_document(data)
    except pydantic.ValidationError as error:
        raise _to_unreadable(error, data) from None


def read_clip(data: dict[str, Any]) -> ClipMetadata:
    """The clip; `RepositoryError` where its document cannot be read."""
    try:
        return ClipMetadata.from_document(data)
    except pydantic.ValidationError as error:
        raise _to_unreadable(error, data) from None


def try_read_video_document(document: StoredDocument) -> VideoMetadata | None:
    """The document's video, which knows its version; None where there is none, or none that can be read."""
    video = try_read_video(to_data(document))
    if video is not None:
        video.set_version(document.update_time)
    return video


def try_read_clip_document(document: StoredDocument) -> ClipMetadata | None:
    """The document's clip, or None where there is none, or none that can be read."""
    return try_read_plain_clip_document(document) or try_read_clip(to_data(document))


def try_read_plain_clip_document(document: StoredDocument) -> ClipMetadata | None:
    """The document's clip, whose fields are all as this version writes them, or None."""
    if document.fields is None:
        return None
    values = document.select(CLIP_FIELDS)
    _, values["user_id"], _, values["video_id"], _, values["clip_id"] = document.path.split("/")
    return read_plain_clip(values)


def try_read_video(data: dict[str, Any] | None) -> VideoMetadata | None:
    """The video, or None where there is none, or none that can be read."""
    try:
        return None if data is None else read_video(data)
    except RepositoryError:
        return None


def try_read_clip(data: dict[str, Any] | None) -> ClipMetadata | None:
    """The clip, or None where there is none, or none that can be read."""
    try:
        return None if data is None else read_clip(data)
    except RepositoryError:
        return None


def _to_unreadable(error: pydantic.ValidationError, data: dict[str, Any]) -> RepositoryError:
    path = "/".join(["users", data["user_id"], "videos", data["video_id"]])
    if "clip_id" in data:
        path += f"/clips/{data['clip_id']}"
    details = error.errors(include_url=False, include_context=False, include_input=False)
    reasons = [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details]
    log.warning("document_unreadable", path=path, reasons=reasons)
    return FirestoreError(f"The document {path} cannot be read: {'; '.join(reasons)}")


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}
