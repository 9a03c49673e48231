"""Repairs of stored values that a model cannot hold; docs/odd-documents.md has them as a table.

A repair is certain where the stored value can be read in one way only. Any other value is shown as the field's default,
or as a part of the text, and is left in the document for a person to judge.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain import timecodes
from domain.texts import mend_text
from repositories.model.fields import MAX_LONG_TEXT_CHARACTERS, MAX_TEXT_BYTES
from repositories.model.statuses import cut_error_message, find_status

NO_KEY = ""
"""In the place of a key that leads elsewhere: R2 has no object of this name, and no URL is signed for it."""

_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,9})?")
_LINES = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_NONCHARACTERS = re.compile(r"[\ufffe\uffff]")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Repair:
    """A value in the place of the stored one."""

    value: Any
    is_certain: bool = True


def find_repair(name: str, value: Any) -> Repair | None:
    """The repair of the field's value (`name` is dotted within a map or list); None where its default is shown."""
    repair = _REPAIRS.get(name) or _REPAIRS.get(name.partition(".")[0])
    return None if repair is None else repair(value)


def clean_title(text: str) -> str:
    """`text` in one line, as long as a title may be; empty where nothing of it can be shown."""
    line = _LINES.sub(" ", _NONCHARACTERS.sub("", mend_text(text)[0])).strip()
    return line.encode()[:MAX_TEXT_BYTES].decode(errors="ignore").strip()


def _repair_status(value: Any) -> Repair | None:
    status = find_status(value)
    return None if status is None else Repair(status)


def _repair_whole_number(value: Any) -> Repair | None:
    number = _read_number(value)
    return Repair(int(number)) if number is not None and number.is_integer() else None


def _repair_number(value: Any) -> Repair | None:
    number = _read_number(value)
    return None if number is None else Repair(number)


def _read_number(value: Any) -> float | None:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else None


def _repair_timecode(value: Any) -> Repair | None:
    seconds = timecodes.read_timecode(value) if isinstance(value, str) else _to_seconds(value)
    return None if seconds is None else Repair(timecodes.format_timecode(seconds))


def _to_seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= timecodes.MAX_SECONDS else None


def _repair_timestamp(value: Any) -> Repair | None:
    """A moment as text; one without a zone may be anybody's local time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return None if moment.tzinfo is None else Repair(moment)


def _repair_boolean(value: Any) -> Repair | None:
    if isinstance(value, str):
        found = _BOOLEANS.get(value.strip().lower())
        return None if found is None else Repair(found)
    return Repair(value == 1) if isinstance(value, int | float) and value in {0, 1} else None


def _repair_title(value: Any) -> Repair | None:
    """One line, cut where it is too long; certain where only space, line ends and what turns text went."""
    cleaned = clean_title(value) if isinstance(value, str) else ""
    return Repair(cleaned, _to_words(cleaned) == _to_words(mend_text(value)[0])) if cleaned else None


def _repair_long_text(value: Any) -> Repair | None:
    """The text without control characters and what turns text; certain where it is not too long, and so cut."""
    if not isinstance(value, str):
        return None
    cleaned = _CONTROLS.sub("", mend_text(value)[0])
    return Repair(cleaned[:MAX_LONG_TEXT_CHARACTERS], len(cleaned) <= MAX_LONG_TEXT_CHARACTERS)


def _repair_error_message(value: Any) -> Repair | None:
    return Repair(cut_error_message(value), is_certain=False) if isinstance(value, str) else None


def _repair_key(value: Any) -> Repair | None:
    """No key: a client must not be led to a file of another folder."""
    return Repair(NO_KEY, is_certain=False) if isinstance(value, str) else None


def _repair_categories(value: Any) -> Repair | None:
    """Each text once."""
    return Repair(list(dict.fromkeys(value))) if isinstance(value, list) else None


def _to_words(text: str) -> list[str]:
    return text.split()


_REPAIRS: dict[str, Callable[[Any], Repair | None]] = {
    "status": _repair_status,
    **dict.fromkeys(("scene_id", "priority", "file_size_bytes", "highlights_count"), _repair_whole_number),
    **dict.fromkeys(("clips_count", "clips_by_style"), _repair_whole_number),
    **dict.fromkeys(("duration_seconds", "highlights_summary.total_duration"), _repair_number),
    **dict.fromkeys(("start_time", "end_time"), _repair_timecode),
    **dict.fromkeys(("created_at", "updated_at", "completed_at", "failed_at"), _repair_timestamp),
    "has_thumbnail": _repair_boolean,
    **dict.fromkeys(("video_title", "scene_title", "crop_mode", "target_aspect", "created_by"), _repair_title),
    **dict.fromkeys(("scene_description", "custom_prompt"), _repair_long_text),
    "error_message": _repair_error_message,
    "highlights_summary.categories": _repair_categories,
    **dict.fromkeys(("r2_key", "thumbnail_r2_key", "highlights_json_key"), _repair_key),
}
