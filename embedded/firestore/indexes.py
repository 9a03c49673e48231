"""The index entries that a document has: derived from its fields alone, so that old and new can be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from embedded.firestore.documents import Fields, get_field
from embedded.firestore.fieldpaths import FieldPath, format_field_path
from embedded.firestore.values import encode_value, invert

NAMES = "__name__"  # the index that every document is in, which no field can be called
ASCENDING, DESCENDING, CONTAINS = "ASCENDING", "DESCENDING", "CONTAINS"


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


@dataclass(frozen=True, slots=True)
class CompositeIndex:
    """An index over several fields of a collection id, in one collection or across its group."""

    collection_id: str
    is_group: bool
    fields: tuple[IndexField, ...]

    @property
    def definition(self) -> str:
        """The text that names the index in the file."""
        return f"{self.collection_id}: " + ", ".join(f"{format_field_path(path)} {mode}" for path, mode in self.fields)


@dataclass(frozen=True, slots=True)
class FieldIndexes:
    """Which single-field indexes a field has; Firestore's default is both kinds within a collection."""

    collection: frozenset[str]
    group: frozenset[str]


DEFAULT_FIELD_INDEXES = FieldIndexes(frozenset({ASCENDING, DESCENDING, CONTAINS}), frozenset())


class IndexConfig:
    """The indexes of the project: its composite ones, and the fields whose single-field indexes differ."""

    def __init__(
        self,
        composites: list[CompositeIndex] | None = None,
        overrides: dict[tuple[str, FieldPath], FieldIndexes] | None = None,
        *,
        is_enforced: bool = False,
    ) -> None:
        self.is_enforced = is_enforced
        self.composites: dict[str, list[CompositeIndex]] = {}
        for index in composites or ():
            self.composites.setdefault(index.collection_id, []).append(index)
        self._overrides = overrides or {}

    def field_indexes(self, collection_id: str, path: FieldPath) -> FieldIndexes:
        """Return the single-field indexes of a field: its own override, or that of a map around it, or the default."""
        for end in range(len(path), 0, -1):
            found = self._overrides.get((collection_id, path[:end]))
            if found is not None:
                return found
        return self._overrides.get((collection_id, ("*",)), DEFAULT_FIELD_INDEXES)

    def entries(self, collection_id: str, fields: Fields) -> set[Entry]:
        """Return all index entries of a document with these fields."""
        found = {Entry(is_group=False, definition=NAMES, value=b""), Entry(is_group=True, definition=NAMES, value=b"")}
        for path, keys, elements in _walk(fields, ()):
            indexes = self.field_indexes(collection_id, path)
            if indexes.collection:
                found.update(_field_entries(path, keys, elements, indexes.collection, is_group=False))
            if indexes.group:
                found.update(_field_entries(path, keys, elements, indexes.group, is_group=True))
        for index in self.composites.get(collection_id, ()):
            inverted = index.fields[-1].mode == DESCENDING
            found.update(
                Entry(index.is_group, index.definition, value, inverted) for value in composite_values(index, fields)
            )
        return found


def field_definition(path: FieldPath, mode: str) -> str:
    """Return the text that names a single-field index; descending order reads the ascending one backwards."""
    return f"{format_field_path(path)} {CONTAINS if mode == CONTAINS else ASCENDING}"


def composite_values(index: CompositeIndex, fields: Fields) -> Iterator[bytes]:
    """Yield the keys of a document in a composite index: none if a field is missing, one for each array element."""
    prefixes = [b""]
    for path, mode in index.fields:
        value = get_field(fields, path)
        if value is None:
            return
        if mode == CONTAINS:
            keys = {encode_value(element) for element in value.array_value.values}
        else:
            key = encode_value(value)
            keys = {invert(key) if mode == DESCENDING else key}
        prefixes = [prefix + key for prefix in prefixes for key in keys]
    yield from prefixes


def _walk(fields: Fields, parent: FieldPath) -> Iterator[tuple[FieldPath, bytes, set[bytes]]]:
    """Yield every field with its key and, for arrays, its elements' keys; a map's fields follow it."""
    for name in fields:
        value = fields[name]
        path = (*parent, name)
        kind = value.WhichOneof("value_type")
        elements = {encode_value(element) for element in value.array_value.values} if kind == "array_value" else set()
        yield path, encode_value(value), elements
        if kind == "map_value":
            yield from _walk(value.map_value.fields, path)


def _field_entries(
    path: FieldPath, key: bytes, elements: set[bytes], modes: frozenset[str], *, is_group: bool
) -> Iterator[Entry]:
    if ASCENDING in modes or DESCENDING in modes:
        yield Entry(is_group, field_definition(path, ASCENDING), key)
    if elements and CONTAINS in modes:
        definition = field_definition(path, CONTAINS)
        for element in elements:
            yield Entry(is_group, definition, element)
