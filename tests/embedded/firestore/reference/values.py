"""Firestore's values as plain Python ones, with their order: chapter "Values and order" of the rules."""

import math
from typing import Any, NamedTuple

from tests.embedded.firestore.raw import message

Fields = dict[str, Any]
FieldPath = tuple[str, ...]
Key = tuple[Any, ...]

MICROSECONDS = 1_000_000
MISSING: Any = object()  # what is at a path where there is nothing; None is null
NULL, BOOLEAN, NAN, NUMBER, TIME, STRING, BYTES, REFERENCE, POINT, ARRAY, MAP = range(11)


class Time(NamedTuple):
    """A timestamp, in microseconds since 1970."""

    micros: int


class Reference(NamedTuple):
    """A document's full resource name."""

    name: str


class Point(NamedTuple):
    """A place on earth."""

    latitude: float
    longitude: float


def sort_key(value: Any) -> Key:  # noqa: C901, PLR0911 - one answer a type
    """The key that compares as Firestore orders values; equal values have equal keys."""
    match value:
        case None:
            return (NULL,)
        case bool():
            return (BOOLEAN, value)
        case float() if math.isnan(value):
            return (NAN,)
        case int() | float():
            return (NUMBER, value)  # Python compares integers with doubles exactly
        case Time():
            return (TIME, value.micros)
        case str():
            return (STRING, value.encode())
        case bytes():
            return (BYTES, value)
        case Reference():
            return (REFERENCE, path_key(value.name))
        case Point():
            return (POINT, *value)
        case list():
            return (ARRAY, tuple(sort_key(element) for element in value))
        case _:
            return (MAP, tuple(sorted((name.encode(), sort_key(value[name])) for name in value)))


def path_key(path: str) -> Key:
    """The key that compares as Firestore orders documents by their path."""
    return tuple(segment.encode() for segment in path.split("/"))


def exactly(value: Any) -> str:
    """A text that is the same only for what is stored the same: 3 is not 3.0, nor 0.0 -0.0."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{name!r}:{exactly(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(exactly, value)) + "]"
    return repr(value)


def get_field(fields: Fields, path: FieldPath) -> Any:
    """The value at a path, or MISSING."""
    found: Any = fields
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return MISSING
        found = found[name]
    return found


def with_field(fields: Fields, path: FieldPath, value: Any) -> Fields:
    """The fields with a value at a path; what is no map on the way becomes one. MISSING deletes."""
    name, rest = path[0], path[1:]
    if not rest:
        changed = {other: fields[other] for other in fields if other != name}
        return changed if value is MISSING else {**changed, name: value}
    inner = fields.get(name)
    if isinstance(inner, dict):
        return {**fields, name: with_field(inner, rest, value)}
    return fields if value is MISSING else {**fields, name: with_field({}, rest, value)}


def format_path(path: FieldPath) -> str:
    """A field path as text, every segment quoted that might need it."""
    return ".".join(
        name if name.isascii() and name.isidentifier() else "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
        for name in path
    )


def to_timestamp(micros: int) -> Any:
    """A time as protobuf's dict for a Timestamp."""
    return {"seconds": micros // MICROSECONDS, "nanos": micros % MICROSECONDS * 1000}


def to_micros(timestamp: Any) -> int:
    """A Timestamp in microseconds."""
    micros: int = timestamp.seconds * MICROSECONDS + timestamp.nanos // 1000
    return micros


def encode(value: Any) -> Any:  # noqa: C901, PLR0911 - one answer a type
    """A value as Firestore's message."""
    new = message("Value")
    match value:
        case None:
            return new(null_value=0)
        case bool():
            return new(boolean_value=value)
        case int():
            return new(integer_value=value)
        case float():
            return new(double_value=value)
        case Time():
            return new(timestamp_value=to_timestamp(value.micros))
        case str():
            return new(string_value=value)
        case bytes():
            return new(bytes_value=value)
        case Reference():
            return new(reference_value=value.name)
        case Point():
            return new(geo_point_value=value._asdict())
        case list():
            return new(array_value={"values": [encode(element) for element in value]})
        case _:
            return new(map_value={"fields": encode_fields(value)})


def encode_fields(fields: Fields) -> Any:
    """Fields as Firestore's messages."""
    return {name: encode(value) for name, value in fields.items()}


def decode(value: Any) -> Any:  # noqa: PLR0911 - one answer a type
    """A message's value."""
    kind = value.WhichOneof("value_type")
    content = getattr(value, kind)
    match kind:
        case "null_value":
            return None
        case "timestamp_value":
            return Time(to_micros(content))
        case "reference_value":
            return Reference(content)
        case "geo_point_value":
            return Point(content.latitude, content.longitude)
        case "array_value":
            return [decode(element) for element in content.values]
        case "map_value":
            return decode_fields(content.fields)
        case _:
            return content


def decode_fields(fields: Any) -> Fields:
    """A message's fields."""
    return {name: decode(fields[name]) for name in fields}
