"""Firestore's order over values of all types, for lists that are sorted here and must agree with its own.

null < booleans < NaN < numbers < timestamps < texts < bytes < references < points < arrays < vectors < maps.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.cloud.firestore import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from repositories.firestore.decoding import Reference
from repositories.model.fields import to_utc

MAX_ORDERED_BYTES = 1_500
"""The bytes of a text, or of bytes, that take part in queries."""

MAX_CHARACTER_BYTES = 4
_VECTOR_TYPE, _VECTOR_VALUES = "__type__", "value"
# A character's bytes behind its first one, in UTF-8.
_CONTINUATIONS = range(0b1000_0000, 0b1100_0000)
_NUMERIC_ID = re.compile(r"__id(-?[0-9]+)__")

SortKey = tuple[int, Any]


def normalize_value(value: Any) -> Any:
    """The value by which lists are ordered, in one form for each type, whichever client read it.

    Bytes beyond the ordered ones are cut; a vector is the map that Firestore stores, a reference its name.
    """
    if isinstance(value, _NORMAL):
        return value
    for type_, normalize in _NORMALIZERS:
        if isinstance(value, type_):
            return normalize(value)
    return Reference(value._document_path)  # noqa: SLF001  the full name, which the library's references also have


def to_sort_key(value: Any) -> SortKey:
    """A key that sorts normalized values as Firestore sorts them."""
    if isinstance(value, float) and math.isnan(value):
        return 2, 0
    for rank, type_, to_key in _KEYS:
        if isinstance(value, type_):
            return rank, to_key(value)
    if _check_is_vector(value):
        elements = value[_VECTOR_VALUES]
        return 10, (len(elements), [*map(to_sort_key, elements)])
    return 11, [(name.encode(), to_sort_key(value[name])) for name in sorted(value, key=str.encode)]


def _cut(text: str) -> str:
    """The first characters that have all of the ordered bytes: half a character would be another text."""
    content = text.encode()
    end = MAX_ORDERED_BYTES
    while end < len(content) and content[end] in _CONTINUATIONS:
        end += 1
    return content[:end].decode()


def _check_is_vector(value: Mapping[str, Any]) -> bool:
    return value.get(_VECTOR_TYPE) == "__vector__" and isinstance(value.get(_VECTOR_VALUES), list)


def _order_reference(reference: Reference) -> list[tuple[bool, int, bytes]]:
    """Segment by segment; numeric ids come first, by their number."""
    segments = [(segment, _NUMERIC_ID.fullmatch(segment)) for segment in reference.name.split("/")]
    return [
        (matched is None, int(matched[1]) if matched else 0, b"" if matched else segment.encode())
        for segment, matched in segments
    ]


_NORMAL = (type(None), bool, int, float, GeoPoint, Reference)
_NORMALIZERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, lambda value: value if len(value) <= MAX_ORDERED_BYTES // MAX_CHARACTER_BYTES else _cut(value)),
    (bytes, lambda value: value[:MAX_ORDERED_BYTES]),
    (datetime, to_utc),
    (Vector, lambda value: normalize_value(value.to_map_value())),
    (Mapping, lambda value: {name: normalize_value(one) for name, one in value.items()}),
    (Sequence, lambda value: [*map(normalize_value, value)]),
)
_KEYS: tuple[tuple[int, type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (0, type(None), lambda _: 0),
    (1, bool, lambda value: value),
    (3, (int, float), lambda value: value),
    (4, datetime, lambda value: value),
    (5, str, lambda value: value.encode()[:MAX_ORDERED_BYTES]),
    (6, bytes, lambda value: value),
    (7, Reference, _order_reference),
    (8, GeoPoint, lambda value: (value.latitude, value.longitude)),
    (9, list, lambda value: [*map(to_sort_key, value)]),
)
