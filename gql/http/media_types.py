"""Media types as the headers `Content-Type` and `Accept` name them (RFC 9110, sections 8.3.1 and 12.5.1).

The standard library's parser takes time that grows with the square of the header. This one reads it once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type in lower case, such as `application/json`, and how much it is wanted: 0 to 1, where 0 is refused."""

    name: str
    quality: float = 1.0


def parse_media_type(header: str) -> str:
    """The media type of a `Content-Type` in lower case, without its parameters; empty where there is none."""
    return header.partition(";")[0].strip().lower()


def parse_accept(header: str) -> list[MediaType]:
    """The media types of an `Accept` header, the most wanted first, those that are refused left out."""
    listed = (_parse_item(item) for item in _split(header, ","))
    wanted = [media_type for media_type in listed if media_type.name and media_type.quality > 0]
    return sorted(wanted, key=attrgetter("quality"), reverse=True)


def _parse_item(item: str) -> MediaType:
    name, *parameters = _split(item, ";")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            return MediaType(name.strip().lower(), _parse_quality(value.strip()))
    return MediaType(name.strip().lower())


def _parse_quality(text: str) -> float:
    """0 for what is no number from 0 to 1."""
    try:
        quality = float(text)
    except ValueError:
        return 0
    return quality if 0 <= quality <= 1 else 0


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts between separators that do not stand in a quoted string."""
    start, is_quoted, is_escaped = 0, False, False
    for at, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif is_quoted and character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == separator and not is_quoted:
            yield text[start:at]
            start = at + 1
    yield text[start:]
