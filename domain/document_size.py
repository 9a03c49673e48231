"""The size of a Firestore document, counted as Firestore counts it.

Source: Firestore's documentation, "Storage size calculations".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

MAX_DOCUMENT_BYTES = 1_048_572
"""Firestore's limit for one document, its name included: 1 MiB less four bytes."""

_DOCUMENT_OVERHEAD_BYTES = 32
_NAME_OVERHEAD_BYTES = 16
_GEO_POINT_BYTES = 16
_TIMESTAMP_BYTES = 8
_FIXED_BYTES: dict[type, int] = {type(None): 1, bool: 1, int: 8, float: 8}


def measure_document(path: str, fields: Mapping[str, Any]) -> int:
    """The size in bytes of the document at `path`, such as `users/u/videos/v`, with these fields."""
    return _measure_name(path) + _DOCUMENT_OVERHEAD_BYTES + _measure_fields(fields)


def get_largest_field(fields: Mapping[str, Any]) -> str:
    """The name of the field that takes the most bytes; ValueError where there is no field."""
    return max(fields, key=lambda name: measure_value(fields[name]))


def measure_value(value: Any) -> int:
    """The size in bytes of one field's value."""
    fixed = _FIXED_BYTES.get(type(value))
    if fixed is not None:
        return fixed
    match value:
        case str():
            return len(value.encode()) + 1
        case bytes():
            return len(value)
        case datetime():
            return _TIMESTAMP_BYTES
    return _measure_container(value)


def _measure_container(value: Any) -> int:
    if isinstance(value, Mapping):
        return _DOCUMENT_OVERHEAD_BYTES + _measure_fields(value)
    if isinstance(value, Sequence):
        return sum(map(measure_value, value))
    # A reference, the library's or ours, has the size of the name that it holds; what is left is a geo point.
    path = getattr(value, "path", None)
    return _measure_name(path) if isinstance(path, str) else _GEO_POINT_BYTES


def _measure_fields(fields: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + 1 + measure_value(value) for name, value in fields.items())


def _measure_name(path: str) -> int:
    return sum(len(segment.encode()) + 1 for segment in path.split("/")) + _NAME_OVERHEAD_BYTES
