"""Times within a video, `HH:MM:SS` or `HH:MM:SS.mmm`, at most 24 hours: one strict parser and one tolerant one."""

import math
import re

MAX_SECONDS = 24 * 3600

_TIMECODE = re.compile(r"([0-9]{2}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{3}))?")
_TOLERATED = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:[.,][0-9]{1,9})?)")


def parse_timecode(text: str) -> float:
    """Seconds from the video's start, exact to the millisecond; ValueError for any other form."""
    matched = _TIMECODE.fullmatch(text)
    if matched is None:
        raise ValueError("A time must have the form `HH:MM:SS` or `HH:MM:SS.mmm`.")
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in matched.groups())
    total = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    if total > MAX_SECONDS:
        raise ValueError("A time must be at most 24:00:00.")
    return total


def read_timecode(text: str) -> float | None:
    """Seconds from the video's start, or None; `MM:SS`, bare seconds and a comma for the point are read too."""
    matched = _TOLERATED.fullmatch(text.strip())
    if matched is None:
        return None
    hours, minutes, seconds = matched.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return total if total <= MAX_SECONDS else None


def check_canonical(text: str) -> bool:
    """Whether the text has the form `HH:MM:SS` or `HH:MM:SS.mmm`."""
    return _TIMECODE.fullmatch(text) is not None


def parse_timecode_text(text: str) -> str:
    """`text`, which is a time; ValueError otherwise."""
    parse_timecode(text)
    return text


def format_timecode(seconds: float) -> str:
    """`HH:MM:SS`, with `.mmm` for a fraction of a second.

    ValueError for seconds that are negative, not finite or over a day.
    """
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"The time {seconds} seconds is not valid in a video.")
    whole, fraction = divmod(round(seconds * 1000), 1000)
    text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{text}.{fraction:03d}" if fraction else text


def compute_duration_seconds(start_time: str, end_time: str) -> float:
    """Seconds from start to end, rounded to milliseconds; negative where the end comes first."""
    return round(parse_timecode(end_time) - parse_timecode(start_time), 3)
