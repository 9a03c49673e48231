"""The fast path for stored clips: builds clips that this version wrote, without pydantic.

Validation costs 40 µs a clip, this 7. Other documents (an older version's, another program's, a name with marks) are
left to the model; tests/repositories/mapping/test_fast_reader.py holds both to the same answer.
"""

import re
from datetime import UTC, datetime
from typing import Any

from domain.keys import CLIPS_FOLDER, THUMBNAIL_SUFFIX, folder_prefix
from repositories.model.fields import MAX_FILE_SIZE_BYTES, MAX_INTEGER
from repositories.model.statuses import ClipStatus
from repositories.models import ClipMetadata

CLIP_FIELDS = tuple(ClipMetadata.model_fields)
_STATUSES = {str(status): status for status in ClipStatus}

# Below every limit of names, also that of a key, which holds a user's id, a video's and a filename.
_MAX_NAME_CHARACTERS = 100
_MAX_TEXT_CHARACTERS = 300
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FILENAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)\.mp4")
_TIMECODE = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?")
# Latin letters and signs, dashes and quotes: nothing that turns text or is no character.
_TEXT = re.compile(r"[!-~\xa1-\u167f\u2013-\u2026](?:[ -~\xa1-\u167f\u2013-\u2026]*[!-~\xa1-\u167f\u2013-\u2026])?")


def read_clip_fast(values: dict[str, Any]) -> ClipMetadata | None:
    """The clip that `ClipMetadata.from_document` makes of the values, or None where that is for it to judge.

    The clip takes the dictionary: it has all `CLIP_FIELDS` in their order, and None where there is no value.
    """
    if not (_check_names(values) and _check_texts(values) and _check_numbers(values) and _check_moments(values)):
        return None
    values["status"] = _STATUSES[values["status"]]
    return _construct(values, {name for name, value in values.items() if value is not None})


def _construct(values: dict[str, Any], given: set[str]) -> ClipMetadata:
    """The clip as `model_construct` makes it, which asks each field for its aliases and its default first."""
    clip = ClipMetadata.__new__(ClipMetadata)
    object.__setattr__(clip, "__dict__", values)
    object.__setattr__(clip, "__pydantic_fields_set__", given)
    object.__setattr__(clip, "__pydantic_extra__", None)
    object.__setattr__(clip, "__pydantic_private__", None)
    return clip


def _check_names(values: dict[str, Any]) -> bool:
    """Whether ids and keys are simple, and the keys follow from the ids."""
    user_id, video_id, filename = values["user_id"], values["video_id"], values["filename"]
    for name in (user_id, video_id, values["style"], values["created_by"]):
        if type(name) is not str or len(name) > _MAX_NAME_CHARACTERS or not _NAME.fullmatch(name):
            return False
    if (
        type(filename) is not str
        or len(filename) > _MAX_NAME_CHARACTERS
        or not (found := _FILENAME.fullmatch(filename))
    ):
        return False
    stem = found[1]
    folder = folder_prefix(user_id, video_id, CLIPS_FOLDER)
    if values["clip_id"] != stem or values["r2_key"] != folder + filename:
        return False
    return bool(
        values["thumbnail_r2_key"] == (f"{folder}{stem}{THUMBNAIL_SUFFIX}" if values["has_thumbnail"] else None)
    )


def _check_texts(values: dict[str, Any]) -> bool:
    for name in ("scene_title", "scene_description"):
        text = values[name]
        if text is None and name == "scene_description":
            continue
        if type(text) is not str or len(text) > _MAX_TEXT_CHARACTERS or not _TEXT.fullmatch(text):
            return False
    for text in (values["start_time"], values["end_time"]):
        if type(text) is not str or not _TIMECODE.fullmatch(text):
            return False
    return values["error_message"] is None


def _check_numbers(values: dict[str, Any]) -> bool:
    scene_id, priority, size = values["scene_id"], values["priority"], values["file_size_bytes"]
    if not (type(scene_id) is int and type(priority) is int and type(size) is int):
        return False
    if not (0 <= scene_id <= MAX_INTEGER and 0 <= priority <= MAX_INTEGER and 0 <= size <= MAX_FILE_SIZE_BYTES):
        return False
    duration = values["duration_seconds"]
    return type(duration) is float and 0 <= duration < MAX_INTEGER and type(values["has_thumbnail"]) is bool


def _check_moments(values: dict[str, Any]) -> bool:
    """Whether the status exists and its times fit it: in UTC, as documents are decoded."""
    status = values["status"]
    if type(status) is not str or status not in _STATUSES or not _check_moment(values["created_at"]):
        return False
    for name, of_status in (("completed_at", "completed"), ("failed_at", "failed")):
        moment = values[name]
        if moment is not None and (status != of_status or not _check_moment(moment)):
            return False
    return True


def _check_moment(moment: object) -> bool:
    return type(moment) is datetime and moment.tzinfo is UTC
