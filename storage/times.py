"""Times of a video as highlights.json writes them: `HH:MM:SS` or `HH:MM:SS.mmm`."""

import math
import re

MAX_SECONDS = 24 * 3600
"""No video is longer; the documents hold no later moment."""

_CANONICAL = re.compile(r"[0-9]{2}:[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?")
_CLOCK = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:[.,][0-9]{1,9})?)")


def check_canonical(text: str) -> bool:
    """Whether the text is a time in exactly the form that this module writes."""
    return _CANONICAL.fullmatch(text) is not None


def parse_time(text: str) -> float | None:
    """Seconds from the start of the video, or None; `MM:SS`, bare seconds and a comma for the point are read too."""
    matched = _CLOCK.fullmatch(text.strip())
    if matched is None:
        return None
    hours, minutes, seconds = matched.groups()
    total_seconds = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return total_seconds if total_seconds <= MAX_SECONDS else None


def format_time(seconds: float) -> str:
    """`HH:MM:SS`, with `.mmm` where there is a fraction of a second; ValueError for what has no such form."""
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"No time of a video: {seconds} seconds.")
    milliseconds = round(seconds * 1000)
    whole, fraction = divmod(milliseconds, 1000)
    text = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{text}.{fraction:03d}" if fraction else text
