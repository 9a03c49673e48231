"""Reading highlights.json as real files are: fields may be missing, numbers may be strings, some of it may be junk."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from domain.timecodes import MAX_SECONDS, format_timecode
from storage.tolerant_json import FieldReader, NotAnObjectError, load_object

_OTHER_NAMES = {"start_time": "start", "end_time": "end", "duration_seconds": "duration"}
"""Other names that many clippers give the fields of a highlight."""


class HighlightsError(Exception):
    """The file is no highlights.json at all; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """One moment of a video that is worth a clip; a field that neither the file nor another field states is None."""

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


def parse_highlights(
    content: bytes | str, on_highlight: Callable[[], None] = lambda: None
) -> tuple[Highlights, tuple[str, ...]]:
    """The file's content, and a sentence for each thing that was mended.

    `on_highlight` is called before each highlight: its exception ends the reading. Raises HighlightsError where the
    content is not a JSON object: corrupt, half-written, or something else.
    """
    mended: list[str] = []
    try:
        document = load_object(content, mended)
    except NotAnObjectError as error:
        raise HighlightsError(str(error)) from error
    reader = FieldReader(document, "the file", mended)
    highlights = Highlights(
        video_url=reader.text("video_url", is_expected=True),
        video_title=reader.text("video_title", is_expected=True),
        custom_prompt=reader.text("custom_prompt", is_one_line=False),
        highlights=tuple(_read_highlights(document.get("highlights"), mended, on_highlight)),
    )
    return highlights, tuple(mended)


def separate_ids(highlights: Highlights, reserved: Collection[int]) -> tuple[Highlights, tuple[str, ...]]:
    """The same highlights with unique ids, and a sentence for each that got another.

    The first keeps the id. A free id is above all used ones, and above `reserved`.
    """
    free = count(max([0, *reserved, *(highlight.id for highlight in highlights.highlights)]) + 1)
    seen: set[int] = set()
    separate: list[Highlight] = []
    told: list[str] = []
    for position, highlight in enumerate(highlights.highlights, 1):
        found = highlight
        if highlight.id in seen:
            found = replace(highlight, id=next(free))
            told.append(f"Highlight {position} repeats the id {highlight.id}; {found.id} was used.")
        seen.add(found.id)
        separate.append(found)
    return replace(highlights, highlights=tuple(separate)), tuple(told)


def _read_highlights(entries: object, mended: list[str], on_highlight: Callable[[], None]) -> list[Highlight]:
    if not isinstance(entries, list):
        mended.append("The file has no list of highlights and counts as empty.")
        return []
    readers: dict[int, FieldReader] = {}
    for position, entry in enumerate(entries, 1):
        if isinstance(entry, dict):
            readers[position] = FieldReader(_rename_fields(entry), f"highlight {position}", mended)
        else:
            mended.append(f"Highlight {position} is not an object and was skipped.")
    ids = _read_ids(readers)
    highlights = []
    for position, reader in readers.items():
        on_highlight()
        highlights.append(_read_highlight(reader, position, ids[position]))
    return highlights


def _rename_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """The fields by their standard names, also where the file has other names only."""
    renamed = {own: entry[other] for other, own in _OTHER_NAMES.items() if other in entry}
    return renamed | {name: value for name, value in entry.items() if value is not None or name not in renamed}


def _read_ids(readers: dict[int, FieldReader]) -> dict[int, int]:
    """The id of each highlight, by position; a guessed one, which is the position, meets no real one."""
    ids = {position: found for position, reader in readers.items() if (found := reader.find_integer("id")) is not None}
    used = set(ids.values())
    for position, reader in readers.items():
        if position not in ids:
            ids[position] = position if position not in used else next(one for one in count(1) if one not in used)
            used.add(ids[position])
            reader.note(f"has no valid id; {ids[position]} was used")
    return ids


def _read_highlight(reader: FieldReader, position: int, highlight_id: int) -> Highlight:
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


def _read_span(reader: FieldReader) -> tuple[str | None, str | None, float | None]:
    """The start, end and duration that agree with each other, to the millisecond; any two of them give the third."""
    start, end, duration = reader.time("start"), reader.time("end"), reader.seconds("duration")
    if start is not None and end is not None and end <= start:
        reader.note("does not end after its start; the end was dropped")
        end = None
    if start is not None and end is None and duration and start + duration <= MAX_SECONDS:
        end = round(start + duration, 3)
        reader.note("has no valid end; it was computed from start and duration")
    if start is None and end is not None and duration and duration <= end:
        start = round(end - duration, 3)
        reader.note("has no valid start; it was computed from end and duration")
    if start is not None and end is not None:
        duration = _agreed_duration(reader, round(end - start, 3), duration)
    return _format(start), _format(end), duration


def _agreed_duration(reader: FieldReader, span_seconds: float, duration: float | None) -> float:
    """The time from start to end, by which clips are cut, whatever the file's own duration."""
    if duration is None:
        reader.note("has no valid duration; it was computed from start and end")
    elif abs(duration - span_seconds) > 1:
        reader.note(f"has a duration of {duration:g} seconds, but its times give {span_seconds:g}")
    return span_seconds


def _format(seconds: float | None) -> str | None:
    return None if seconds is None else format_timecode(seconds)
