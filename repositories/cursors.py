"""Opaque places in a list: the order's name, the document's value in it, and its id."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from domain.identifiers import check_document_id
from repositories.exceptions import InvalidCursorError
from repositories.fields import to_utc
from repositories.ordering import Order, to_sort_key

MAX_TOKEN_CHARACTERS = 8_192
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Cursor:
    """A place in Firestore's order: it stays right while documents come and go around it."""

    order: Order
    value: Any
    document_id: str

    @classmethod
    def decode(cls, token: str, order: Order, *, path: str = "cursor") -> Self:
        """The place that `encode` wrote; `InvalidCursorError` for any other text, and for another order's."""
        try:
            name, value, document_id = _parse(token)
            cursor = cls(order, _decode_value(value), check_document_id(document_id))
            is_ours = name == order.name and cursor.encode() == token
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise InvalidCursorError((path,)) from None
        if not is_ours:
            raise InvalidCursorError((path,))
        return cursor

    @property
    def key(self) -> tuple[tuple[int, Any], str]:
        """What compares places as Firestore does: `true` is not 1 there."""
        return to_sort_key(self.value), self.document_id

    def encode(self) -> str:
        """The place as one word that is safe in URLs."""
        text = json.dumps(
            [self.order.name, _encode_value(self.value), self.document_id], separators=(",", ":"), allow_nan=False
        )
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse(token: str) -> Any:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise ValueError("This is longer than any cursor.")
    padded = token + "=" * (-len(token) % 4)
    return json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))


def _encode_value(value: Any) -> Any:
    """A timestamp as `{"time": …}`; numbers, text and null are themselves."""
    return {"time": to_utc(value).isoformat()} if isinstance(value, datetime) else value


def _decode_value(value: Any) -> Any:
    if isinstance(value, dict):
        (name,) = value
        moment = datetime.fromisoformat(value[name])
        if name != "time" or moment.tzinfo != UTC:
            raise ValueError("This is not a timestamp.")
        return moment
    if isinstance(value, int) and value not in _INT64:
        raise ValueError("Firestore has no such number.")
    if value is not None and not isinstance(value, int | float | str):
        raise ValueError("Nothing is ordered by such a value.")
    if isinstance(value, str):
        value.encode()  # a ValueError where it is not Unicode
    return value
