"""Times within a video, `HH:MM:SS` or `HH:MM:SS.mmm`, at most 24 hours."""

import re

MAX_SECONDS = 24 * 3600
_TIMECODE = re.compile(r"([0-9]{2}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{3}))?")


def parse_timecode(text: str) -> float:
    """Seconds from the video's start, exact to the millisecond; ValueError for any other form."""
    matched = _TIMECODE.fullmatch(text)
    if matched is None:
        raise ValueError("A time has the form `HH:MM:SS` or `HH:MM:SS.mmm`.")
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in matched.groups())
    total = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    if total > MAX_SECONDS:
        raise ValueError("A time is at most 24 hours.")
    return total


def check_timecode(text: str) -> str:
    """`text`, which is a time; ValueError otherwise."""
    parse_timecode(text)
    return text


def compute_duration_seconds(start_time: str, end_time: str) -> float:
    """Seconds from start to end, rounded to milliseconds; negative where the end comes first."""
    return round(parse_timecode(end_time) - parse_timecode(start_time), 3)
