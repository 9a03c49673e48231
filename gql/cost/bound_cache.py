"""Bounds of documents that were measured before: clients send few documents, with few page sizes."""

from collections.abc import Hashable, Mapping
from typing import Any

from gql.cost.bounds import Bound
from repositories.cache.lru import LruCache

# Of the texts of all entries together, as an entry holds its own.
MAX_CHARACTERS_KEPT = 200_000
# Of each entry, for what is not its text.
_CHARACTERS_PER_ENTRY = 1_000

_Key = tuple[str, str | None, tuple[Hashable, ...]]


class BoundCache:
    """An LRU cache of the bounds of documents that no limit refused.

    A bound depends on the text, the operation's name, and the variables as `_reduce` leaves them.
    """

    def __init__(self, max_characters: int = MAX_CHARACTERS_KEPT) -> None:
        self._bounds = LruCache[_Key, Bound](max_characters)

    @property
    def characters(self) -> int:
        """The characters of all entries together."""
        return self._bounds.size

    def find(self, text: str, operation_name: str | None, variables: Mapping[str, Any]) -> Bound | None:
        """The bound of a document that was measured with alike variables; None where none is kept."""
        key = _make_key(text, operation_name, variables)
        return None if key is None else self._bounds.get(key)

    def keep(self, text: str, operation_name: str | None, variables: Mapping[str, Any], bound: Bound) -> None:
        """Stores the bound of a document that passed all limits; evicts the least recently used."""
        key = _make_key(text, operation_name, variables)
        if key is not None:
            self._bounds.put(key, bound, len(text) + _CHARACTERS_PER_ENTRY)


# Of names of operations and variables together, in a key.
_MAX_NAMES = 500
_MAX_VARIABLES = 20


def _make_key(text: str, operation_name: str | None, variables: Mapping[str, Any]) -> _Key | None:
    """The key of a bound; None for inputs, whose lists are counted, and for keys that would take much memory."""
    if len(variables) > _MAX_VARIABLES or sum(map(len, variables)) + len(operation_name or "") > _MAX_NAMES:
        return None
    reduced = tuple((name, _reduce(value)) for name, value in variables.items())
    return None if any(value is _COUNTED for _, value in reduced) else (text, operation_name, reduced)


_COUNTED = object()


def _reduce(value: Any) -> Hashable:
    """Of a number all, with its type; of a text that it is one; of a list of texts, such as ids, its length."""
    if value is None or isinstance(value, str):
        return None if value is None else ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list, len(value)
    if isinstance(value, bool | int | float) and abs(value) < 2**64:
        return type(value), value
    return _COUNTED
