"""Reading highlights.json as real files are: fields may be missing, numbers may be strings, some of it may be junk."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.timecodes import MAX_SECONDS, check_canonical, format_timecode, parse_tolerantly

MAX_LINE_BYTES = 1_500
"""Of a title: what Firestore's indexes see of a text."""

MAX_TEXT_BYTES = 10_000
"""More than any description has; a document in Firestore holds a million bytes in all."""

_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")

MAX_INTEGER = 2**31 - 1
"""What GraphQL's Int and the documents hold."""

_LONGEST_NUMBER = 40
"""Characters. Python refuses to parse integers of some thousand digits, and longer ones cost ever more."""


class HighlightsError(Exception):
    """The file is no highlights.json at all; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """One moment of a video that is worth a clip; what the file does not tell, and nothing else tells, is None."""

    id: int
    title: str
    description: str | None
    start_time: str | None
    end_time: str | None
    duration_seconds: float | None
    priority: int
    hook_category: str | None
    pad_before_seconds: float | None
    pad_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Highlights:
    """A whole highlights.json, its highlights in the file's order."""

    video_url: str | None
    video_title: str | None
    custom_prompt: str | None
    highlights: tuple[Highlight, ...]


def parse_highlights(content: bytes | str) -> tuple[Highlights, tuple[str, ...]]:
    """The file's content, and a plain sentence for each thing that had to be mended.

    Raises HighlightsError where the content is not a JSON object: corrupt, half-written, or something else.
    """
    document = _load_object(content)
    mended: list[str] = []
    reader = _Reader(document, "the file", mended)
    highlights = Highlights(
        video_url=reader.text("video_url", is_expected=True),
        video_title=reader.text("video_title", is_expected=True),
        custom_prompt=reader.text("custom_prompt", is_one_line=False),
        highlights=tuple(_read_highlights(document.get("highlights"), mended)),
    )
    return highlights, tuple(mended)


def _load_object(content: bytes | str) -> dict[str, Any]:
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        document = json.loads(text, parse_int=_parse_integer, parse_float=_parse_float)
    except UnicodeDecodeError as error:
        raise HighlightsError(f"It is not UTF-8 text (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        what = "It is empty" if not text.strip() else "It is not whole JSON"
        raise HighlightsError(f"{what}: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise HighlightsError("It is nested too deeply.") from error
    if not isinstance(document, dict):
        raise HighlightsError("It is JSON, but not an object with highlights.")
    return document


def _parse_integer(digits: str) -> float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else math.inf


def _parse_float(digits: str) -> float:
    return float(digits) if len(digits) <= _LONGEST_NUMBER * 10 else math.nan


def _read_highlights(entries: object, mended: list[str]) -> list[Highlight]:
    if not isinstance(entries, list):
        mended.append("The file has no list of highlights; it counts as empty.")
        return []
    highlights: list[Highlight] = []
    for position, entry in enumerate(entries, 1):
        if isinstance(entry, dict):
            highlights.append(_read_highlight(_Reader(entry, f"highlight {position}", mended), position))
        else:
            mended.append(f"Highlight {position} is not an object and was left out.")
    return highlights


def _read_highlight(reader: "_Reader", position: int) -> Highlight:
    highlight_id = reader.integer("id", default=position)
    start_time, end_time, duration_seconds = _read_span(reader)
    return Highlight(
        id=highlight_id,
        title=reader.text("title", is_expected=True) or f"Highlight {highlight_id}",
        description=reader.text("description", is_one_line=False),
        start_time=start_time,
        end_time=end_time,
        duration_seconds=duration_seconds,
        priority=reader.integer("priority", default=position),
        hook_category=reader.text("hook_category"),
        pad_before_seconds=reader.seconds("pad_before_seconds"),
        pad_after_seconds=reader.seconds("pad_after_seconds"),
    )


def _read_span(reader: "_Reader") -> tuple[str | None, str | None, float | None]:
    """Start, end and duration that agree with each other; any two of them give the third."""
    start, end, duration = reader.time("start"), reader.time("end"), reader.seconds("duration")
    if start is not None and end is not None and end <= start:
        reader.note("ends before it starts; its end was left out")
        end = None
    if start is not None and end is None and duration and start + duration <= MAX_SECONDS:
        end = start + duration
        reader.note("has no usable end; it was taken from start and duration")
    if start is None and end is not None and duration and duration <= end:
        start = end - duration
        reader.note("has no usable start; it was taken from end and duration")
    if start is not None and end is not None:
        duration = _agreed_duration(reader, round(end - start, 3), duration)
    return _format(start), _format(end), duration


def _agreed_duration(reader: "_Reader", span_seconds: float, duration: float | None) -> float:
    """The time from start to end: what clips are cut by, whatever the file's own duration says."""
    if duration is None:
        reader.note("has no usable duration; it was taken from start and end")
    elif abs(duration - span_seconds) > 1:
        reader.note(f"says it lasts {duration:g} seconds, but its times say {span_seconds:g}")
    return span_seconds


def _format(seconds: float | None) -> str | None:
    return None if seconds is None else format_timecode(seconds)


class _Reader:
    """Reads the fields of one JSON object, and notes what it had to mend."""

    def __init__(self, fields: Mapping[str, Any], where: str, mended: list[str]) -> None:
        self._fields = fields
        self._where = where
        self._mended = mended

    def note(self, what: str) -> None:
        self._mended.append(f"{self._where[0].upper()}{self._where[1:]} {what}.")

    def text(self, name: str, *, is_expected: bool = False, is_one_line: bool = True) -> str | None:
        """The text without what no database takes; None for an empty or missing one."""
        value = self._fields.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self.note(f"has a number as {name}; it was read as text")
            value = str(value)
        if value is not None and not isinstance(value, str):
            self.note(f"has no text as {name}; it was left out")
            return None
        text = self._clean(name, value or "", is_one_line=is_one_line)
        if is_expected and not text:
            self.note(f"has no {name}")
        return text or None

    def _clean(self, name: str, text: str, *, is_one_line: bool) -> str:
        # Lone surrogates are legal in JSON and illegal in UTF-8; NUL is refused by much that reads text.
        valid = text.encode("utf-8", "replace").decode()
        clean = (_NO_LINE if is_one_line else _NO_TEXT).sub(" ", valid).strip()
        max_bytes = MAX_LINE_BYTES if is_one_line else MAX_TEXT_BYTES
        cut = clean.encode()[:max_bytes].decode("utf-8", "ignore")
        if cut != clean:
            self.note(f"has a {name} of {len(clean)} characters; it was cut at {max_bytes:,} bytes")
        return cut

    def integer(self, name: str, *, default: int) -> int:
        """A number that is not negative; `default` where there is none."""
        number = self._number(name)
        if number is None or not 0 <= number <= MAX_INTEGER:
            self.note(f"has no usable {name}; {default} was taken")
            return default
        if number != int(number):
            self.note(f"has a {name} that is no whole number; {int(number)} was taken")
        return int(number)

    def seconds(self, name: str) -> float | None:
        """Seconds that a video can last; durations in clock form are read too."""
        value = self._fields.get(name)
        if value is None:
            return None
        number = parse_tolerantly(value) if isinstance(value, str) and ":" in value else self._number(name)
        if number is None or not 0 <= number <= MAX_SECONDS:
            self.note(f"has no usable {name}; it was left out")
            return None
        return float(number)

    def time(self, name: str) -> float | None:
        """Seconds from the start of the video."""
        value = self._fields.get(name)
        if isinstance(value, str):
            seconds = parse_tolerantly(value)
            if seconds is not None and not check_canonical(value):
                self.note(f"has the {name} {value[:40]!r}; it was read as {format_timecode(seconds)}")
        else:
            seconds = self.seconds(name)
        if seconds is None:
            self.note(f"has no usable {name}")
        return seconds

    def _number(self, name: str) -> float | None:
        """The finite number, also where it is written as a string."""
        value = self._fields.get(name)
        if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
            value = _read_number(value)
            if value is not None:
                self.note(f"has the {name} as a string; it was read as a number")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return None
        return value


def _read_number(text: str) -> float | None:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
