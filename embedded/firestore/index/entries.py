"""The index entries that a document has: derived from its fields alone, so that old and new can be compared."""

from collections.abc import Callable, Iterable
from itertools import product
from operator import itemgetter
from typing import Any

from embedded.firestore.index.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    NAMES,
    IndexConfig,
    IndexField,
    field_definition,
)
from embedded.firestore.model.documents import Fields, get_field
from embedded.firestore.model.field_paths import FieldPath
from embedded.firestore.model.protos import Value
from embedded.firestore.model.value_order import ENCODERS, encode_value, invert

# In the group or in the collection, under which index, by which value, and whether names go down: a plain tuple, as
# every write makes some thirty of them.
Entry = tuple[bool, str, bytes, bool]

_Place = tuple[bool, str | None, str | None]  # in the group?, by value, by array element
_NAMES: list[Entry] = [(False, NAMES, b"", False), (True, NAMES, b"", False)]
_NOWHERE: list[_Place] = []  # not even a map's fields below are indexed
_MAX_PLACES = 10_000
_MAX_MAKERS = 1_000


class EntryMakers:
    """Derives the entries of any document."""

    def __init__(self, config: IndexConfig) -> None:
        self._config = config
        self._makers: dict[str, _EntryMaker] = {}

    def entries(self, collection_id: str, fields: Fields) -> list[Entry]:
        """All index entries of a document with these fields, each once."""
        maker = self._makers.get(collection_id)
        if maker is None:
            if len(self._makers) >= _MAX_MAKERS:
                self._makers.clear()
            maker = self._makers[collection_id] = _EntryMaker(self._config, collection_id)
        return maker.entries(fields)


class _EntryMaker:
    """Derives the entries of one collection id's documents; what the configuration says is looked up once."""

    def __init__(self, config: IndexConfig, collection_id: str) -> None:
        composites = config.stored_composites(collection_id)
        self._config = config
        self._collection_id = collection_id
        self._places: dict[FieldPath, list[_Place]] = {}
        self._parts = list(dict.fromkeys(field for index in composites for field in index.fields))
        self._composites = [
            (index.is_group, index.definition, index.is_name_descending, _pick(map(self._parts.index, index.fields)))
            for index in composites
        ]

    def entries(self, fields: Fields) -> list[Entry]:
        found = _NAMES.copy()
        known: dict[FieldPath, bytes] = {}
        self._add_fields(found, known, fields, ())
        if self._composites:
            self._add_composites(found, fields, known)
        return found

    def _add_fields(self, found: list[Entry], known: dict[FieldPath, bytes], fields: Fields, parent: FieldPath) -> None:
        """Adds the entries of single fields, those of maps' fields included."""
        for name in fields:
            path = (*parent, name)
            places = self._places.get(path)
            if places is None:
                places = self._look_up(path)
            if places is _NOWHERE:
                continue
            value = fields[name]
            kind = value.WhichOneof("value_type")
            if places:
                key = known[path] = ENCODERS[kind](value)
            for is_group, by_value, by_element in places:
                if by_value is not None:
                    found.append((is_group, by_value, key, False))
                if by_element is not None and kind == "array_value":
                    found += [(is_group, by_element, element, False) for element in _element_keys(value)]
            if kind == "map_value":
                self._add_fields(found, known, value.map_value.fields, path)

    def _add_composites(self, found: list[Entry], fields: Fields, known: dict[FieldPath, bytes]) -> None:
        """Adds the entries in composite indexes: none where a field is missing, one for each array element."""
        parts = [_part(fields, part, known) for part in self._parts]
        if all(len(part) == 1 for part in parts):
            only = [part[0] for part in parts]
            join = b"".join
            found += [
                (group, definition, join(pick(only)), inverted)
                for group, definition, inverted, pick in self._composites
            ]
            return
        for is_group, definition, is_name_inverted, pick in self._composites:
            keys = map(b"".join, product(*pick(parts)))
            found += [(is_group, definition, key, is_name_inverted) for key in keys]

    def _look_up(self, path: FieldPath) -> list[_Place]:
        """The scopes in which a field is indexed, each with the definitions of its two kinds of index."""
        indexes = self._config.field_indexes(self._collection_id, path)
        scopes = ((False, indexes.collection), (True, indexes.group))
        places = [(is_group, *_definitions(path, modes)) for is_group, modes in scopes if modes]
        if not places and not self._config.has_overrides_below(self._collection_id, path):
            places = _NOWHERE
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        self._places[path] = places
        return places


def _pick(places: Iterable[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """A function that picks the components of one index out of those of all."""
    places = tuple(places)
    return itemgetter(*places) if len(places) > 1 else lambda parts: tuple(parts[place] for place in places)


def _definitions(path: FieldPath, modes: frozenset[str]) -> tuple[str | None, str | None]:
    by_value = field_definition(path, ASCENDING) if modes & {ASCENDING, DESCENDING} else None
    return by_value, field_definition(path, CONTAINS) if CONTAINS in modes else None


def _part(fields: Fields, field: IndexField, known: dict[FieldPath, bytes]) -> list[bytes]:
    """The components of a document in one field of a composite index; none where the field is missing."""
    path, mode = field
    key = known.get(path)
    if key is None or mode == CONTAINS:
        value = get_field(fields, path)
        if value is None:
            return []
        if mode == CONTAINS:
            return list(_element_keys(value))
        key = known[path] = encode_value(value)
    return [invert(key) if mode == DESCENDING else key]


def _element_keys(value: Value) -> set[bytes]:
    return {encode_value(element) for element in value.array_value.values}
