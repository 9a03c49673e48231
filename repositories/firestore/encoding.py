"""Python values as protobuf messages, without a wrapper per element.

The messages are those of `batch.create`, at a tenth of its cost, which is 0.3 ms a clip; a call creates up to 200.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.types import Document

Message = Any  # protobuf's generated classes have no types

_Document = Document.pb()


class UseLibraryEncoder(Exception):  # noqa: N818  no error: the caller takes another way
    """A value that only the library can encode, such as `SERVER_TIMESTAMP`."""


def encode_document(name: str, fields: Mapping[str, Any]) -> Message:
    """The `google.firestore.v1.Document`; `UseLibraryEncoder` where a value is for the library to encode."""
    document = _Document(name=name)
    _encode_fields(document.fields, fields)
    return document


def _encode_fields(into: Message, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        _encode(into[name], value)


def _encode(into: Message, value: Any) -> None:
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise UseLibraryEncoder
    encode(into, value)


def _encode_text(into: Message, value: str) -> None:
    into.string_value = value


def _encode_integer(into: Message, value: int) -> None:
    into.integer_value = value


def _encode_double(into: Message, value: float) -> None:
    into.double_value = value


def _encode_boolean(into: Message, value: bool) -> None:
    into.boolean_value = value


def _encode_null(into: Message, value: None) -> None:
    del value
    into.null_value = 0


def _encode_moment(into: Message, value: datetime) -> None:
    into.timestamp_value.FromDatetime(value)


def _encode_array(into: Message, value: list[Any]) -> None:
    into.array_value.SetInParent()
    for item in value:
        _encode(into.array_value.values.add(), item)


def _encode_map(into: Message, value: dict[str, Any]) -> None:
    into.map_value.SetInParent()
    _encode_fields(into.map_value.fields, value)


# By the exact type: a subclass, such as a moment with nanoseconds, may have more to it.
_ENCODERS: dict[type, Callable[[Message, Any], None]] = {
    str: _encode_text,
    int: _encode_integer,
    float: _encode_double,
    bool: _encode_boolean,
    type(None): _encode_null,
    datetime: _encode_moment,
    list: _encode_array,
    dict: _encode_map,
}
