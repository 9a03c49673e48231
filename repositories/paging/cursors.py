"""Opaque places in a list: the order's name, the document's value in it, and its id."""

import base64
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from google.cloud.firestore import GeoPoint

from repositories.exceptions import InvalidCursorError
from repositories.firestore.decoding import Reference
from repositories.mapping.value_order import SortKey, normalize_value, to_sort_key
from repositories.paging.orders import Order

MAX_TOKEN_CHARACTERS = 16_384
"""More than a document's longest id takes, each character escaped."""

MAX_VALUE_CHARACTERS = 2_000
"""The limit of a value in a cursor; a longer value is read from its document."""

MAX_ID_BYTES = 1_500
_INT64 = range(-(2**63), 2**63)


class _OfDocument:
    """Stands for the value that the document itself has."""


OF_DOCUMENT = _OfDocument()


@dataclass(frozen=True)
class Cursor:
    """A place in Firestore's order: it stays right while documents come and go around it.

    Only where a value is too long for a cursor, which no model's is, it is `OF_DOCUMENT`, and the document must stay.
    """

    order: Order
    value: Any
    document_id: str

    def __hash__(self) -> int:
        # A value may be a list or a map.
        return hash((self.order, self.document_id))

    @classmethod
    def of(cls, order: Order, value: Any, document_id: str) -> Self:
        """The place of a document with this stored value."""
        return cls(order, normalize_value(value), document_id)

    @classmethod
    def decode(cls, token: str, order: Order, *, path: str = "cursor") -> Self:
        """The place that `encode` wrote; `InvalidCursorError` for any other text, and for another order's."""
        try:
            name, value, document_id = _parse(token)
            _assert_id(document_id)
            cursor = cls(order, _decode_value(value), document_id)
            is_ours = name == order.name and cursor.encode() == token
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise InvalidCursorError((path,)) from None
        if not is_ours:
            raise InvalidCursorError((path,))
        return cursor

    @property
    def key(self) -> tuple[SortKey, str]:
        """A key that orders places as Firestore does: `true` is not 1 there."""
        return to_sort_key(self.value), self.document_id

    def encode(self) -> str:
        """The place as one word that is safe in URLs."""
        value = _dump(_encode_value(self.value))
        if len(value) > MAX_VALUE_CHARACTERS:
            value = _dump(_encode_value(OF_DOCUMENT))
        text = f"[{_dump(self.order.name)},{value},{_dump(self.document_id)}]"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _dump(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _assert_id(document_id: str) -> None:
    """Raises ValueError unless a document can have this id: other programs' ids have fewer rules than ours."""
    if not document_id or "/" in document_id or len(document_id.encode()) > MAX_ID_BYTES:
        raise ValueError("No document has this id.")


def _parse(token: str) -> Any:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise ValueError("The value is longer than any cursor.")
    padded = token + "=" * (-len(token) % 4)
    return json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))


def _encode_value(value: Any) -> Any:
    """Finite numbers, text, booleans and null are themselves, any other value is `{"its type": …}`."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    for name, (type_, encode, _) in _CODECS.items():
        if isinstance(value, type_):
            return {name: encode(value)}
    raise TypeError(value)


def _decode_value(value: Any) -> Any:
    if isinstance(value, dict):
        ((name, content),) = value.items()
        _, _, decode = _CODECS[name]
        return decode(content)
    if isinstance(value, int) and value not in _INT64:
        raise ValueError("Firestore has no such number.")
    if value is not None and not isinstance(value, int | float | str):
        raise ValueError("A value of another type has its type beside it.")
    if isinstance(value, str):
        value.encode()  # a ValueError where it is not Unicode
    return value


def _decode_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo != UTC:
        raise ValueError("The value is not a timestamp.")
    return moment


def _decode_number(text: str) -> float:
    if text not in {"nan", "inf", "-inf"}:
        raise ValueError("Any other number is itself.")
    return float(text)


def _decode_point(content: list[Any]) -> GeoPoint:
    latitude, longitude = content
    return GeoPoint(float(latitude), float(longitude))


# By the name in the cursor: Python's type, and the way to JSON and back.
_CODECS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "of": (_OfDocument, lambda _: "document", lambda _: OF_DOCUMENT),
    "time": (datetime, datetime.isoformat, _decode_time),
    "number": (float, str, _decode_number),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "reference": (Reference, lambda value: value.name, lambda name: Reference(str(name))),
    "point": (GeoPoint, lambda value: [value.latitude, value.longitude], _decode_point),
    "list": (list, lambda value: [*map(_encode_value, value)], lambda content: [*map(_decode_value, content)]),
    "map": (
        dict,
        lambda value: {name: _encode_value(one) for name, one in value.items()},
        lambda content: {name: _decode_value(one) for name, one in content.items()},
    ),
}
