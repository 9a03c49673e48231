"""Firestore's order across all types, as bytes that compare the same way.

One encoding serves filters, sorting, cursors and index keys alike. It is self-delimiting, so components can be
concatenated, and inverting a component's bytes sorts it descending. Equal values, such as 3 and 3.0, encode alike.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

from embedded.firestore.model.clock import to_micros
from embedded.firestore.model.paths import encode_segment
from embedded.firestore.model.protos import Value

MAX_INDEXED_BYTES = 1500  # of a string or bytes value, only so many take part in queries
VECTOR_TYPE_KEY, VECTOR_TYPE, VECTOR_VALUES_KEY = "__type__", "__vector__", "value"

NULL, BOOLEAN, NAN, NUMBER = b"\x05", b"\x08", b"\x0c", b"\x0d"
TIMESTAMP, STRING, BYTES, REFERENCE = b"\x12", b"\x16", b"\x1a", b"\x1e"
GEO_POINT, ARRAY, VECTOR, MAP = b"\x22", b"\x26", b"\x2a", b"\x2e"
END = b"\x00"  # sorts before every tag: the shorter array or map comes first
AFTER_ALL = b"\xff"
Encoder = Callable[[Any], bytes]
_ENTRY = b"\x01"  # a map goes on

_INVERT = bytes(255 - byte for byte in range(256))
_INT64_BIAS = 1 << 63
_NUMBER_LAYOUT = struct.Struct(">cQH")
_SIZE_LAYOUT = struct.Struct(">cI")


def invert(key: bytes) -> bytes:
    """The bytes that sort the other way round."""
    return key.translate(_INVERT)


def after(key: bytes) -> bytes:
    """The least bytes above everything that begins with a key."""
    stripped = key.rstrip(AFTER_ALL)
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else AFTER_ALL


def encode_value(value: Value) -> bytes:
    """The key of a value; keys compare as Firestore orders the values, and equal values have equal keys."""
    return ENCODERS[value.WhichOneof("value_type")](value)


def encode_exactly(value: Value) -> bytes:
    """A key in which the whole of a long string or bytes value counts, as array transforms compare them."""
    return _EXACT[value.WhichOneof("value_type")](value)


def encode_number(number: float) -> bytes:
    """The key of an integer or double: the nearest double below it, and what an integer is above that."""
    if isinstance(number, int):
        base = float(number)
        if int(base) > number:
            base = math.nextafter(base, -math.inf)
        return _NUMBER_LAYOUT.pack(NUMBER, _order_double(base), number - int(base))
    if math.isnan(number):
        return NAN
    return _NUMBER_LAYOUT.pack(NUMBER, _order_double(number), 0)


def encode_reference(name: str) -> bytes:
    """The key of a document's full resource name: segment by segment."""
    return REFERENCE + b"".join([encode_segment(segment) for segment in name.split("/")]) + END


def is_vector(value: Value) -> bool:
    """Whether a map value is a vector: a map marked as one by its reserved key."""
    fields = value.map_value.fields
    return VECTOR_TYPE_KEY in fields and fields[VECTOR_TYPE_KEY].string_value == VECTOR_TYPE


def _order_double(number: float) -> int:
    """An unsigned integer that orders doubles; -0.0 is 0.0."""
    bits: int = struct.unpack(">q", struct.pack(">d", number + 0.0))[0]
    return bits + _INT64_BIAS if bits >= 0 else ~bits


def _encode_bytes(tag: bytes, content: bytes) -> bytes:
    return tag + content.replace(b"\0", b"\0\xff") + b"\0\x01"


def _encode_timestamp(value: Value) -> bytes:
    return TIMESTAMP + (to_micros(value.timestamp_value) + _INT64_BIAS).to_bytes(8, "big")


def _encode_geo_point(value: Value) -> bytes:
    point = value.geo_point_value
    return GEO_POINT + struct.pack(">QQ", _order_double(point.latitude), _order_double(point.longitude))


def _make_encoders(max_bytes: int | None) -> dict[str | None, Encoder]:
    """An encoder for each type; of strings and bytes only so many bytes count."""

    def encode(value: Value) -> bytes:
        return encoders[value.WhichOneof("value_type")](value)

    def encode_array(value: Value) -> bytes:
        return ARRAY + b"".join([encode(element) for element in value.array_value.values]) + END

    def encode_map(value: Value) -> bytes:
        fields = value.map_value.fields
        if is_vector(value):
            elements = fields[VECTOR_VALUES_KEY].array_value.values
            return _SIZE_LAYOUT.pack(VECTOR, len(elements)) + b"".join([encode(element) for element in elements])
        parts = [MAP]
        for key in sorted(fields, key=str.encode):
            parts += (_encode_bytes(_ENTRY, key.encode()), encode(fields[key]))
        return b"".join((*parts, END))

    encoders: dict[str | None, Encoder] = {
        "null_value": lambda _: NULL,
        "boolean_value": lambda value: BOOLEAN + (b"\1" if value.boolean_value else b"\0"),
        "integer_value": lambda value: encode_number(value.integer_value),
        "double_value": lambda value: encode_number(value.double_value),
        "timestamp_value": _encode_timestamp,
        "string_value": lambda value: _encode_bytes(STRING, value.string_value.encode()[:max_bytes]),
        "bytes_value": lambda value: _encode_bytes(BYTES, value.bytes_value[:max_bytes]),
        "reference_value": lambda value: encode_reference(value.reference_value),
        "geo_point_value": _encode_geo_point,
        "array_value": encode_array,
        "map_value": encode_map,
    }
    return encoders


ENCODERS = _make_encoders(MAX_INDEXED_BYTES)  # by type, for who knows it already
_EXACT = _make_encoders(None)
