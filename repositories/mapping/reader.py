"""Firestore's documents as models: every document can be read, and its odd fields are logged."""

from collections.abc import Mapping
from typing import Any, TypeVar

from repositories.firestore.paths import parse_clip_path, parse_path
from repositories.firestore.stored import StoredDocument
from repositories.mapping.fast_reader import CLIP_FIELDS, read_clip_fast
from repositories.mapping.odd_documents import odd_documents
from repositories.model.base import SOURCE, Document
from repositories.models import ClipMetadata, VideoMetadata
from repositories.tombstones import check_is_deleting

D = TypeVar("D", bound=Document)


def to_data(document: StoredDocument) -> dict[str, Any] | None:
    """The document's fields, or None where it is missing or being deleted.

    Ids come from its path, missing times from Firestore; `SOURCE` is the document itself.
    """
    if document.fields is None or check_is_deleting(document.fields):
        return None
    ids = parse_path(document.path)._asdict()
    return {**_without_nulls(document.fields), **_without_nulls(ids), SOURCE: document}


def read_video(data: dict[str, Any]) -> VideoMetadata:
    """The video that `to_data` has the fields of."""
    video = _read(VideoMetadata, data)
    source: StoredDocument | None = data.get(SOURCE)
    video.set_snapshot_time(None if source is None else source.read_time)
    return video


def read_clip(data: dict[str, Any]) -> ClipMetadata:
    """The clip that `to_data` has the fields of."""
    return _read(ClipMetadata, data)


def read_video_document(document: StoredDocument) -> VideoMetadata | None:
    """The document's video, which knows its version; None where it is missing or being deleted."""
    data = to_data(document)
    if data is None:
        return None
    video = read_video(data)
    video.set_version(document.update_time)
    return video


def read_clip_document(document: StoredDocument) -> ClipMetadata | None:
    """The document's clip; None where it is missing or being deleted."""
    clip = read_clip_document_fast(document)
    if clip is not None:
        return clip
    data = to_data(document)
    return None if data is None else read_clip(data)


def read_clip_document_fast(document: StoredDocument) -> ClipMetadata | None:
    """The document's clip, whose fields are all as this version writes them, or None."""
    if document.fields is None:
        return None
    values = document.select(CLIP_FIELDS)
    if (values["user_id"], values["video_id"], values["clip_id"]) != parse_clip_path(document.path):
        return None
    return read_clip_fast(values)


def _read(cls: type[D], data: dict[str, Any]) -> D:
    model = cls.from_document(data)
    source: StoredDocument | None = data.get(SOURCE)
    if model.mended and source is not None:
        odd_documents.tell(source.path, source.update_time, model.mended)
    return model


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}
