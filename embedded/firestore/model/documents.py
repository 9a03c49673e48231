"""The limits of a document's values, how large it is, and how its fields are reached by path."""

from typing import Any

from embedded.firestore.model import clock
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import FieldPath, assert_field_name
from embedded.firestore.model.paths import Path, parse_resource
from embedded.firestore.model.protos import Document, Value
from embedded.firestore.model.value_order import VECTOR_TYPE_KEY, VECTOR_VALUES_KEY, is_vector

MAX_DOCUMENT_BYTES = 1024 * 1024 - 4
MAX_VALUE_BYTES = 1024 * 1024 - 89
MAX_DEPTH = 20
_FIXED_BYTES = {"null_value": 1, "boolean_value": 1, "integer_value": 8, "double_value": 8}
_PLAIN_TYPES = {*_FIXED_BYTES, "string_value", "bytes_value"}  # nothing can be wrong with them but their length
# Beside a value's own bytes: the end of a string; a map counts as a document does.
_OVERHEAD_BYTES = {"string_value": 1, "map_value": 32}
_NAME_OVERHEAD_BYTES = 16
_DOCUMENT_OVERHEAD_BYTES = 32
_MAX_LATITUDE, _MAX_LONGITUDE = 90, 180

Fields = Any  # protobuf's map<string, Value>


def normalise_fields(fields: Fields, *, is_small: bool) -> None:
    """Asserts that every value may be stored, and cuts its timestamps to microseconds; InvalidArgumentError otherwise.

    is_small: the document is so small that no value can be too long.
    """
    for name in fields:
        assert_field_name(name)
        value = fields[name]
        if not (is_small and value.WhichOneof("value_type") in _PLAIN_TYPES):
            normalise_value(value, name)


def normalise_value(value: Value, field: str, depth: int = 1) -> int:
    """The size in bytes of one value as Firestore counts it; InvalidArgumentError where it may not be stored."""
    kind = value.WhichOneof("value_type")
    fixed = _FIXED_BYTES.get(kind)
    if fixed is not None:
        return fixed
    normalise = _NORMALISERS.get(kind)
    if normalise is None:
        raise InvalidArgumentError(f'The value of field "{field}" has no type, or one that cannot be stored.')
    size_bytes = normalise(value, field, depth)
    if size_bytes > MAX_VALUE_BYTES:
        raise InvalidArgumentError(f'The value of field "{field}" is longer than {MAX_VALUE_BYTES} bytes.')
    return size_bytes + _OVERHEAD_BYTES.get(kind, 0)


def measure_name(path: Path) -> int:
    """The size in bytes that a document's name counts for."""
    return sum(len(segment.encode()) + 1 for segment in path.segments) + _NAME_OVERHEAD_BYTES


def is_small(document: Document) -> bool:
    """Whether a document is far from any limit: no value counts for more than four times its size on the wire."""
    size_bytes: int = document.ByteSize()
    return size_bytes < MAX_DOCUMENT_BYTES // 5


def assert_size(path: Path, document: Document) -> None:
    """Raises InvalidArgumentError where a document is larger than Firestore stores, or nested too deeply."""
    if is_small(document):
        return
    fields = document.fields
    size_bytes = measure_name(path) + _DOCUMENT_OVERHEAD_BYTES
    size_bytes += sum(len(name.encode()) + 1 + normalise_value(fields[name], name) for name in fields)
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise InvalidArgumentError(
            f"Document '{path.name}' cannot be written because its size ({size_bytes:,} bytes)"
            " exceeds the maximum allowed size of 1,048,576 bytes."
        )


def get_field(fields: Fields, path: FieldPath) -> Value | None:
    """The value at a path, or None where the document has none."""
    for name in path[:-1]:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return None
        fields = fields[name].map_value.fields
    value: Value | None = fields.get(path[-1])
    return value


def set_field(fields: Fields, path: FieldPath, value: Value) -> None:
    """Puts a value at a path; what is no map on the way becomes one."""
    for name in path[:-1]:
        step = fields[name]
        if step.WhichOneof("value_type") != "map_value":
            step.map_value.SetInParent()
        fields = step.map_value.fields
    fields[path[-1]].CopyFrom(value)


def delete_field(fields: Fields, path: FieldPath) -> None:
    """Removes the value at a path, if there is one."""
    for name in path[:-1]:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return
        fields = fields[name].map_value.fields
    fields.pop(path[-1], None)


def mask_fields(fields: Fields, mask: list[FieldPath]) -> Document:
    """A document of only the fields that a mask names."""
    masked = Document()
    for path in mask:
        value = get_field(fields, path)
        if value is not None:
            set_field(masked.fields, path, value)
    return masked


def _measure_string(value: Value, _field: str, _depth: int) -> int:
    return len(value.string_value.encode())


def _measure_bytes(value: Value, _field: str, _depth: int) -> int:
    return len(value.bytes_value)


def _normalise_timestamp(value: Value, field: str, _depth: int) -> int:
    timestamp = value.timestamp_value
    if not clock.is_valid(timestamp):
        raise InvalidArgumentError(f'The timestamp in field "{field}" is not within the years 1 to 9999.')
    if finer := timestamp.nanos % 1000:
        timestamp.nanos -= finer
    return 8


def _measure_reference(value: Value, field: str, _depth: int) -> int:
    path = parse_resource(value.reference_value)
    if not path.is_document:
        raise InvalidArgumentError(f'The reference in field "{field}" does not name a document.')
    return measure_name(path)


def _measure_geo_point(value: Value, field: str, _depth: int) -> int:
    point = value.geo_point_value
    # Written so that NaN fails as well.
    if not (abs(point.latitude) <= _MAX_LATITUDE and abs(point.longitude) <= _MAX_LONGITUDE):
        raise InvalidArgumentError(f'The geo point in field "{field}" is not within latitude ±90 and longitude ±180.')
    return 16


def _normalise_array(value: Value, field: str, depth: int) -> int:
    _assert_depth(field, depth)
    size_bytes = 0
    for element in value.array_value.values:
        if element.WhichOneof("value_type") == "array_value":
            raise InvalidArgumentError(f'Field "{field}" holds an array directly inside an array: put a map between.')
        size_bytes += normalise_value(element, field, depth + 1)
    return size_bytes


def _normalise_map(value: Value, field: str, depth: int) -> int:
    _assert_depth(field, depth)
    fields = value.map_value.fields
    if vector := VECTOR_TYPE_KEY in fields:
        _assert_vector(value, field)
    size_bytes = 0
    for name in fields:
        if not (vector and name == VECTOR_TYPE_KEY):
            assert_field_name(name)
        size_bytes += len(name.encode()) + 1 + normalise_value(fields[name], field, depth + 1)
    return size_bytes


def _assert_vector(value: Value, field: str) -> None:
    fields = value.map_value.fields
    elements = fields[VECTOR_VALUES_KEY].array_value.values if VECTOR_VALUES_KEY in fields else ()
    numeric = all(element.WhichOneof("value_type") in {"double_value", "integer_value"} for element in elements)
    if not (is_vector(value) and len(fields) == 2 and elements and numeric):  # noqa: PLR2004 - its type and its values
        raise InvalidArgumentError(f'Field "{field}" holds a map that uses a reserved name and is no vector.')


def _assert_depth(field: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidArgumentError(f'Field "{field}" holds maps or arrays nested more than {MAX_DEPTH} levels deep.')


_NORMALISERS = {
    "string_value": _measure_string,
    "bytes_value": _measure_bytes,
    "timestamp_value": _normalise_timestamp,
    "reference_value": _measure_reference,
    "geo_point_value": _measure_geo_point,
    "array_value": _normalise_array,
    "map_value": _normalise_map,
}
