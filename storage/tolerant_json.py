"""A tolerant reader of JSON that people, programs and language models wrote; it reports each thing that it mends."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from domain.texts import mend_text
from domain.timecodes import MAX_SECONDS, check_canonical, format_timecode, read_timecode

MAX_LINE_BYTES = 1_500
"""The part of a title that Firestore's indexes see."""

MAX_TEXT_BYTES = 10_000
"""More than any description has; a document in Firestore holds a million bytes in all."""

MAX_INTEGER = 2**31 - 1
"""The largest integer of GraphQL's Int and of the documents."""

_LONGEST_NUMBER = 40
"""Characters. Python refuses to parse integers of some thousand digits, and longer ones cost ever more."""

_SHOWN_CHARACTERS = 40

_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
# Language models wrap the JSON that they are asked for, and often explain it before and after.
# Some write it all in one line, and no line of JSON ends with a fence. A fence has at most 16 signs: each is compared.
_FENCE = re.compile(
    r"^[ \t]*(`{3,16}|~{3,16})(?:\{\.[^\n`]*\n|[^\n`{\[]*)(?P<content>.*?)(?:\1[ \t\r]*$|\Z)", re.DOTALL | re.MULTILINE
)


class _Doubled(NamedTuple):
    """An object of which some names stand in the text more than once."""

    fields: dict[str, Any]
    names: list[str]


class NotAnObjectError(Exception):
    """The content is not one JSON object; the text is one line that says why."""


def load_object(content: bytes | str, mended: list[str]) -> dict[str, Any]:
    """The JSON object that is the content, or stands in its first Markdown fence, which `mended` then reports.

    NotAnObjectError where there is none.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise NotAnObjectError(f"The file is not UTF-8 (byte {error.start}).") from error
    fenced = None if text.lstrip()[:1] in {"{", "["} else _FENCE.search(text)
    if fenced is not None:
        mended.append("The JSON is in a Markdown fence; the text around it was ignored.")
        text = fenced["content"]
    return _parse_object(text, mended)


def _parse_object(text: str, mended: list[str]) -> dict[str, Any]:
    doubled: list[_Doubled] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            counted = Counter(name for name, _ in pairs)
            doubled.append(_Doubled(built, [name for name, count in counted.items() if count > 1]))
        return built

    try:
        document = json.loads(text, parse_int=_parse_integer, parse_float=_parse_float, object_pairs_hook=build)
    except json.JSONDecodeError as error:
        what = "The file is empty" if not text.strip() else "The file is not valid JSON"
        raise NotAnObjectError(f"{what}: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise NotAnObjectError("The JSON is nested too deeply.") from error
    if not isinstance(document, dict):
        raise NotAnObjectError("The JSON is not an object with highlights.")
    mended.extend(_describe_doubled(document, doubled))
    return document


def _describe_doubled(document: dict[str, Any], doubled: list[_Doubled]) -> Iterator[str]:
    """A sentence for each name that an object of the document has more than once; the last value is the one read."""
    names = {id(one.fields): one.names for one in doubled}
    waiting: list[tuple[str, Any]] = [("The file", document)] if names else []
    while waiting:
        where, value = waiting.pop()
        for name in names.get(id(value), ()):
            yield f"{where} has {name[:_SHOWN_CHARACTERS]!r} more than once; the last one was used."
        waiting.extend(reversed(list(_list_inner(where, value, is_top=value is document))))


def _list_inner(where: str, value: Any, *, is_top: bool) -> Iterator[tuple[str, Any]]:
    """The values in an object or list, and the words by which a remark names them."""
    if isinstance(value, list):
        yield from ((where, item) for item in value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if is_top and name == "highlights" and isinstance(inner, list):
                yield from ((f"Highlight {position}", item) for position, item in enumerate(inner, 1))
            else:
                yield where, inner


def _parse_integer(digits: str) -> float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else math.inf


def _parse_float(digits: str) -> float:
    return float(digits) if len(digits) <= _LONGEST_NUMBER * 10 else math.nan


class FieldReader:
    """A reader of one JSON object's fields, which reports each that it mends."""

    def __init__(self, fields: Mapping[str, Any], where: str, mended: list[str]) -> None:
        self._fields = fields
        self._where = where
        self._mended = mended

    def note(self, what: str) -> None:
        """Reports a mended thing, as a sentence about this object."""
        self._mended.append(f"{self._where[0].upper()}{self._where[1:]} {what}.")

    def text(self, name: str, *, is_expected: bool = False, is_one_line: bool = True) -> str | None:
        """The text without characters that no database takes; None for an empty or missing one."""
        value = self._fields.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self.note(f"has a number as {name}; it was converted to text")
            value = str(value)
        if value is not None and not isinstance(value, str):
            self.note(f"has no text as {name}; it was dropped")
            return None
        text = self._clean(name, value or "", is_one_line=is_one_line)
        if is_expected and not text:
            self.note(f"has no {name}")
        return text or None

    def _clean(self, name: str, text: str, *, is_one_line: bool) -> str:
        # Lone surrogates are legal in JSON and illegal in UTF-8; NUL is refused by much that reads text.
        valid, faults = mend_text(text)
        clean = (_NO_LINE if is_one_line else _NO_TEXT).sub(" ", valid).strip()
        if clean != valid.strip():
            faults = (*faults, "control characters")
        if faults:
            self.note(f"has {' and '.join(faults)} in its {name}; the text was cleaned")
        max_bytes = MAX_LINE_BYTES if is_one_line else MAX_TEXT_BYTES
        cut = clean.encode()[:max_bytes].decode("utf-8", "ignore")
        if cut != clean:
            self.note(f"has a {name} of {len(clean)} characters; it was truncated to {max_bytes:,} bytes")
        return cut

    def integer(self, name: str, *, default: int) -> int:
        """A number that is not negative; `default` where there is none."""
        number = self.find_integer(name)
        if number is None:
            self.note(f"has no valid {name}; {default} was used")
            return default
        return number

    def find_integer(self, name: str) -> int | None:
        """A number that is not negative, or None."""
        number = self._number(name)
        if number is None or not 0 <= number <= MAX_INTEGER:
            return None
        if number != int(number):
            self.note(f"has a {name} that is not a whole number; {int(number)} was used")
        return int(number)

    def seconds(self, name: str) -> float | None:
        """Seconds that a video can last; durations in clock form are read too."""
        value = self._fields.get(name)
        if value is None:
            return None
        number = read_timecode(value) if isinstance(value, str) and ":" in value else self._number(name)
        if number is None or not 0 <= number <= MAX_SECONDS:
            self.note(f"has no valid {name}; it was dropped")
            return None
        return round(float(number), 3)

    def time(self, name: str) -> float | None:
        """Seconds from the start of the video."""
        value = self._fields.get(name)
        if isinstance(value, str):
            seconds = read_timecode(value)
            if seconds is not None and not check_canonical(value):
                self.note(f"has the {name} {value[:40]!r}; it was read as {format_timecode(seconds)}")
        else:
            seconds = self.seconds(name)
        if seconds is None:
            self.note(f"has no valid {name}")
        # As documents hold them: two times that are the same there are the same here.
        return None if seconds is None else round(seconds, 3)

    def _number(self, name: str) -> float | None:
        """The finite number, also where it is written as a string."""
        value = self._fields.get(name)
        if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
            value = _read_number(value)
            if value is not None:
                self.note(f"has the {name} as text; it was converted to a number")
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
