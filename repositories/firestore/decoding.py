"""Protobuf messages as Python values, decoded when they are used and without a wrapper per element.

The values are those of `DocumentSnapshot.to_dict`, at a tenth of its cost; a reference, which no model has, is its name
in a `Reference`.
"""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore import GeoPoint

Message = Any  # protobuf's generated classes have no types

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# projects/{project}/databases/{database}/documents/
_SEGMENTS_ABOVE_ROOT = 5


@dataclass(frozen=True, slots=True)
class Reference:
    """Another document, as a field's value."""

    name: str

    @property
    def path(self) -> str:
        """The document's path below its own database's root."""
        return decode_path(self.name)

    @property
    def _document_path(self) -> str:
        """The full name, by which the library recognizes a reference and encodes it."""
        return self.name


class Fields(Mapping[str, Any]):
    """A document's fields, each decoded when it is read: of a page's clips most are read once, of its videos few."""

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        self._message = message

    def __getitem__(self, name: str) -> Any:
        # `[]` of protobuf's own map would add a missing name.
        value = self._message.get(name)
        if value is None:
            raise KeyError(name)
        return _decode_value(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._message)

    def __len__(self) -> int:
        return len(self._message)

    def items(self) -> ItemsView[str, Any]:
        """All of them, decoded at once."""
        return _decode_fields(self._message).items()

    def select(self, names: Iterable[str]) -> dict[str, Any]:
        """The values of these fields; None for those that are null or missing."""
        get = self._message.get
        # Without a function a value, and texts first: a page of a thousand clips has 19,000 values, most of them texts.
        return {
            name: (value.string_value or _DECODERS[value.WhichOneof("value_type")](value))
            if (value := get(name)) is not None
            else None
            for name in names
        }


def decode_path(name: str) -> str:
    """The path below the database's root, of a document's full name."""
    return name.split("/", _SEGMENTS_ABOVE_ROOT)[_SEGMENTS_ABOVE_ROOT]


def decode_time(moment: Message) -> datetime:
    """The moment in UTC. Firestore's have whole microseconds; one that has not keeps its nanoseconds."""
    nanos = moment.nanos
    if nanos % 1000:
        exact: datetime = DatetimeWithNanoseconds.from_timestamp_pb(moment)
        return exact
    return _EPOCH + timedelta(0, moment.seconds, nanos // 1000)


def _decode_fields(fields: Message) -> dict[str, Any]:
    return {name: _DECODERS[value.WhichOneof("value_type")](value) for name, value in fields.items()}


def _decode_value(value: Message) -> Any:
    return _DECODERS[value.WhichOneof("value_type")](value)


# A kind that is not here is one that this version of the API does not have: a KeyError names it.
_DECODERS: dict[str, Callable[[Message], Any]] = {
    "null_value": lambda _: None,
    "boolean_value": attrgetter("boolean_value"),
    "integer_value": attrgetter("integer_value"),
    "double_value": attrgetter("double_value"),
    "string_value": attrgetter("string_value"),
    "bytes_value": attrgetter("bytes_value"),
    "timestamp_value": lambda value: decode_time(value.timestamp_value),
    "reference_value": lambda value: Reference(value.reference_value),
    "geo_point_value": lambda value: GeoPoint(value.geo_point_value.latitude, value.geo_point_value.longitude),
    "array_value": lambda value: [_decode_value(item) for item in value.array_value.values],
    "map_value": lambda value: _decode_fields(value.map_value.fields),
}
