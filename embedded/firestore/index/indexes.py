"""Which indexes there are: Firestore's own for every field, and what firestore.indexes.json makes of them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from embedded.firestore.index.missing import ReportMissing, refuse_missing
from embedded.firestore.model.field_paths import DOCUMENT_NAME, FieldPath, format_field_path

NAMES = DOCUMENT_NAME  # the index that every document is in, which no field can be called
ASCENDING, DESCENDING, CONTAINS = "ASCENDING", "DESCENDING", "CONTAINS"
COLLECTION, COLLECTION_GROUP = "COLLECTION", "COLLECTION_GROUP"
EVERY_FIELD: FieldPath = ("*",)


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

    @cached_property
    def mirror(self) -> "CompositeIndex | None":
        """The index that has the order of the last field, and of names, the other way round; None for array elements.

        Where all other fields are equalities, either of the two is the other one read backwards.
        """
        if not self.fields or self.fields[-1].mode == CONTAINS:
            return None
        path, mode = self.fields[-1]
        last = IndexField(path, DESCENDING if mode == ASCENDING else ASCENDING)
        return replace(self, fields=(*self.fields[:-1], last), is_name_descending=not self.is_name_descending)

    def describe(self) -> dict[str, Any]:
        """The index as an entry of firestore.indexes.json; the order of names is left out where it is implied."""
        fields = list(self.fields)
        implied = bool(fields) and fields[-1].mode == DESCENDING
        if not fields or implied != self.is_name_descending:
            fields.append(IndexField((NAMES,), DESCENDING if self.is_name_descending else ASCENDING))
        described = [{"fieldPath": format_field_path(path), **_describe_mode(mode)} for path, mode in fields]
        scope = COLLECTION_GROUP if self.is_group else COLLECTION
        return {"collectionGroup": self.collection_id, "queryScope": scope, "fields": described}


@dataclass(frozen=True, slots=True)
class FieldIndexes:
    """Which single-field indexes a field has; Firestore's default is both kinds within a collection."""

    collection: frozenset[str]
    group: frozenset[str]

    def with_mode(self, mode: str, *, is_group: bool) -> "FieldIndexes":
        """These indexes and one more."""
        if is_group:
            return FieldIndexes(self.collection, self.group | {mode})
        return FieldIndexes(self.collection | {mode}, self.group)

    def describe(self, collection_id: str, path: FieldPath) -> dict[str, Any]:
        """The indexes as a field override of firestore.indexes.json, which replaces what the field had."""
        scopes = ((COLLECTION, self.collection), (COLLECTION_GROUP, self.group))
        indexes = [
            {**_describe_mode(mode), "queryScope": scope}
            for scope, modes in scopes
            for mode in (ASCENDING, DESCENDING, CONTAINS)
            if mode in modes
        ]
        name = "*" if path == EVERY_FIELD else format_field_path(path)
        return {"collectionGroup": collection_id, "fieldPath": name, "indexes": indexes}


DEFAULT_FIELD_INDEXES = FieldIndexes(frozenset({ASCENDING, DESCENDING, CONTAINS}), frozenset())
_NOT_INDEXED = FieldIndexes(frozenset(), frozenset())


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
        self._stored_forms = {
            id_: [(index, self.stored_form(index)) for index in found] for id_, found in self.composites.items()
        }

    def stored_forms(self, collection_id: str) -> list[tuple[CompositeIndex, CompositeIndex]]:
        """The composite indexes of a collection id, each with the one that has its entries."""
        return self._stored_forms.get(collection_id, [])

    def stored_form(self, index: CompositeIndex) -> CompositeIndex:
        """The index that is kept for one: itself, or for a descending one its mirror where that is there too."""
        mirror = index.mirror
        if index.is_name_descending and mirror is not None and mirror in self.composites[index.collection_id]:
            return mirror
        return index

    def stored_composites(self, collection_id: str) -> list[CompositeIndex]:
        """The composite indexes of a collection id that have entries."""
        return list(dict.fromkeys(stored for _, stored in self.stored_forms(collection_id)))

    def field_indexes(self, collection_id: str, path: FieldPath) -> FieldIndexes:
        """The single-field indexes of a field: its own override, or that of a map around it, or the default."""
        for end in range(len(path), 0, -1):
            found = self.overrides.get((collection_id, path[:end]))
            if found is not None:
                return found
        return self.overrides.get((collection_id, EVERY_FIELD), DEFAULT_FIELD_INDEXES)

    def has_overrides_below(self, collection_id: str, path: FieldPath) -> bool:
        """Whether a field inside the map at a path has an override of its own."""
        depth = len(path)
        return any(
            id_ == collection_id and len(field) > depth and field[:depth] == path for id_, field in self.overrides
        )

    def describe(self) -> dict[str, Any]:
        """The configuration in the form of firestore.indexes.json, the same text for the same indexes."""
        indexes = [index.describe() for found in self.composites.values() for index in found]
        overrides = [indexes_of.describe(*field) for field, indexes_of in self.overrides.items()]
        return {"indexes": sorted(indexes, key=str), "fieldOverrides": sorted(overrides, key=str)}

    def of_collection(self, collection_id: str) -> tuple[set[CompositeIndex], dict[FieldPath, FieldIndexes]]:
        """The indexes of one collection id."""
        overrides = {path: indexes for (id_, path), indexes in self.overrides.items() if id_ == collection_id}
        return set(self.stored_composites(collection_id)), overrides


def changed_collections(left: IndexConfig, right: IndexConfig) -> list[str]:
    """The collection ids whose indexes differ between two configurations."""
    ids = {*left.composites, *right.composites}
    ids |= {collection_id for collection_id, _ in (*left.overrides, *right.overrides)}
    return sorted(id_ for id_ in ids if left.of_collection(id_) != right.of_collection(id_))


def changes_between(left: IndexConfig, right: IndexConfig, collection_id: str) -> tuple[IndexConfig, IndexConfig]:
    """Two configurations of one collection id that differ as these do, with little in common.

    So a new composite index does not make anyone compare the entries of all other fields.
    """
    (old, old_fields), (new, new_fields) = left.of_collection(collection_id), right.of_collection(collection_id)
    if old_fields == new_fields:
        old_fields = new_fields = {EVERY_FIELD: _NOT_INDEXED}
    return _of_one(collection_id, old - new, old_fields), _of_one(collection_id, new - old, new_fields)


def _of_one(collection_id: str, composites: set[CompositeIndex], fields: dict[FieldPath, FieldIndexes]) -> IndexConfig:
    return IndexConfig(list(composites), {(collection_id, path): indexes for path, indexes in fields.items()})


def field_definition(path: FieldPath, mode: str) -> str:
    """The text that names a single-field index; descending order reads the ascending one backwards."""
    return f"{format_field_path(path)} {CONTAINS if mode == CONTAINS else ASCENDING}"


def _describe_mode(mode: str) -> dict[str, str]:
    return {"arrayConfig": CONTAINS} if mode == CONTAINS else {"order": mode}
