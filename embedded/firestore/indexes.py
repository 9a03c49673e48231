"""The index entries that a document has: derived from its fields alone, so that old and new can be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from embedded.firestore.documents import Fields, get_field
from embedded.firestore.fieldpaths import FieldPath, format_field_path
from embedded.firestore.missing import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    ReportMissing,
    describe_index,
    describe_mode,
    refuse_missing,
)
from embedded.firestore.protos import Value
from embedded.firestore.values import encode_value, invert

NAMES = "__name__"  # the index that every document is in, which no field can be called


class Entry(NamedTuple):
    """One entry: in a collection or in the group of all collections of its id, under one index, by one value."""

    is_group: bool
    definition: str
    value: bytes
    is_name_inverted: bool = False  # where the index ends in descending order, so do the names


class IndexField(NamedTuple):
    """One component of a composite index."""

    path: FieldPath
    mode: str


@dataclass(frozen=True)
class CompositeIndex:
    """An index over several fields of a collection id, in one collection or across its group."""

    collection_id: str
    is_group: bool
    fields: tuple[IndexField, ...]
    is_name_descending: bool = False

    @cached_property
    def definition(self) -> str:
        """The text that names the index in the file."""
        fields = ", ".join(f"{format_field_path(path)} {mode}" for path, mode in self.fields)
        return f"{self.collection_id}: {fields}, {NAMES} {DESCENDING if self.is_name_descending else ASCENDING}"

    def describe(self) -> dict[str, Any]:
        """Return it as an entry of firestore.indexes.json."""
        fields = [(path, mode) for path, mode in self.fields]
        is_descending = self.is_name_descending
        return describe_index(self.collection_id, fields, is_group=self.is_group, is_name_descending=is_descending)


@dataclass(frozen=True, slots=True)
class FieldIndexes:
    """Which single-field indexes a field has; Firestore's default is both kinds within a collection."""

    collection: frozenset[str]
    group: frozenset[str]

    def describe(self) -> list[dict[str, str]]:
        """Return them as the `indexes` of a field override."""
        scopes = (("COLLECTION", self.collection), ("COLLECTION_GROUP", self.group))
        return [{**describe_mode(mode), "queryScope": scope} for scope, modes in scopes for mode in sorted(modes)]


_IN_COLLECTION = Entry(is_group=False, definition=NAMES, value=b"")
_IN_GROUP = Entry(is_group=True, definition=NAMES, value=b"")
_Place = tuple[bool, str | None, str | None]  # in the group?, by value, by array element
_MAX_KNOWN_PLACES = 50_000
DEFAULT_FIELD_INDEXES = FieldIndexes(frozenset({ASCENDING, DESCENDING, CONTAINS}), frozenset())


def changed_collections(left: "IndexConfig", right: "IndexConfig") -> list[str]:
    """Return the collection ids whose indexes differ between two configurations."""
    ids = {*left.composites, *right.composites}
    ids |= {collection_id for collection_id, _ in (*left.overrides, *right.overrides)}
    return sorted(id_ for id_ in ids if left.of_collection(id_) != right.of_collection(id_))


class IndexConfig:
    """The indexes of the project: its composite ones, and the fields whose single-field indexes differ."""

    def __init__(
        self,
        composites: list[CompositeIndex] | None = None,
        overrides: dict[tuple[str, FieldPath], FieldIndexes] | None = None,
        *,
        is_enforced: bool = False,
    ) -> None:
        self.report_missing: ReportMissing | None = refuse_missing if is_enforced else None
        self.composites: dict[str, list[CompositeIndex]] = {}
        for index in composites or ():
            self.composites.setdefault(index.collection_id, []).append(index)
        self.overrides = overrides or {}
        self._known_places: dict[tuple[str, FieldPath], list[_Place]] = {}

    def field_indexes(self, collection_id: str, path: FieldPath) -> FieldIndexes:
        """Return the single-field indexes of a field: its own override, or that of a map around it, or the default."""
        for end in range(len(path), 0, -1):
            found = self.overrides.get((collection_id, path[:end]))
            if found is not None:
                return found
        return self.overrides.get((collection_id, ("*",)), DEFAULT_FIELD_INDEXES)

    def describe(self) -> dict[str, Any]:
        """Return the configuration in the form of firestore.indexes.json, the same text for the same indexes."""
        indexes = [index.describe() for found in self.composites.values() for index in found]
        overrides = [
            {"collectionGroup": collection_id, "fieldPath": "*" if path == ("*",) else format_field_path(path)}
            | {"indexes": indexes_of.describe()}
            for (collection_id, path), indexes_of in self.overrides.items()
        ]
        return {"indexes": sorted(indexes, key=str), "fieldOverrides": sorted(overrides, key=str)}

    def of_collection(self, collection_id: str) -> tuple[set[CompositeIndex], dict[FieldPath, FieldIndexes]]:
        """Return what concerns one collection id."""
        overrides = {path: indexes for (id_, path), indexes in self.overrides.items() if id_ == collection_id}
        return set(self.composites.get(collection_id, ())), overrides

    def entries(self, collection_id: str, fields: Fields) -> list[Entry]:
        """Return all index entries of a document with these fields, each once."""
        found = [_IN_COLLECTION, _IN_GROUP]
        for path, kind, value in _walk(fields, ()):
            places = self._places(collection_id, path)
            key = encode_value(value) if places else b""
            for is_group, ascending, contains in places:
                if ascending is not None:
                    found.append(Entry(is_group, ascending, key))
                if contains is not None and kind == "array_value":
                    found += [Entry(is_group, contains, element) for element in _element_keys(value)]
        for index in self.composites.get(collection_id, ()):
            name_is_inverted = index.is_name_descending
            keys = composite_keys(index, fields)
            found += [Entry(index.is_group, index.definition, key, name_is_inverted) for key in keys]
        return found

    def _places(self, collection_id: str, path: FieldPath) -> list[_Place]:
        """Return the scopes in which a field is indexed, each with the definitions of its two kinds of index."""
        places = self._known_places.get((collection_id, path))
        if places is None:
            indexes = self.field_indexes(collection_id, path)
            scopes = ((False, indexes.collection), (True, indexes.group))
            places = [_place(path, is_group, modes) for is_group, modes in scopes if modes]
            if len(self._known_places) > _MAX_KNOWN_PLACES:
                self._known_places.clear()
            self._known_places[collection_id, path] = places
        return places


def field_definition(path: FieldPath, mode: str) -> str:
    """Return the text that names a single-field index; descending order reads the ascending one backwards."""
    return f"{format_field_path(path)} {CONTAINS if mode == CONTAINS else ASCENDING}"


def composite_keys(index: CompositeIndex, fields: Fields) -> list[bytes]:
    """Return the keys of a document in a composite index: none if a field is missing, one for each array element."""
    prefixes = [b""]
    for path, mode in index.fields:
        value = get_field(fields, path)
        if value is None:
            return []
        if mode == CONTAINS:
            keys = _element_keys(value)
        else:
            key = encode_value(value)
            keys = {invert(key) if mode == DESCENDING else key}
        prefixes = [prefix + key for prefix in prefixes for key in keys]
    return prefixes


def _element_keys(value: Value) -> set[bytes]:
    return {encode_value(element) for element in value.array_value.values}


def _place(path: FieldPath, is_group: bool, modes: frozenset[str]) -> _Place:
    ascending = field_definition(path, ASCENDING) if modes & {ASCENDING, DESCENDING} else None
    return is_group, ascending, field_definition(path, CONTAINS) if CONTAINS in modes else None


def _walk(fields: Fields, parent: FieldPath) -> Iterator[tuple[FieldPath, str, Value]]:
    """Yield every field with its path and kind; a map's fields follow it."""
    for name in fields:
        value = fields[name]
        path = (*parent, name)
        kind = value.WhichOneof("value_type")
        yield path, kind, value
        if kind == "map_value":
            yield from _walk(value.map_value.fields, path)
