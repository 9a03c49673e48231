"""firestore.indexes.json: read as the Firebase CLI reads it, and added to where a query asks for an index."""

import json
from pathlib import Path
from typing import Any

from embedded.firestore.errors import InvalidArgumentError
from embedded.firestore.fieldpaths import DOCUMENT_NAME, FieldPath, parse_field_path
from embedded.firestore.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    CompositeIndex,
    FieldIndexes,
    IndexConfig,
    IndexField,
)

COLLECTION, GROUP = "COLLECTION", "COLLECTION_GROUP"
EVERY_FIELD: FieldPath = ("*",)


class IndexFileError(Exception):
    """The file cannot be used; the message is one line for the user."""


def load_index_config(file: Path, *, is_enforced: bool = True) -> IndexConfig:
    """Return what a file says; IndexFileError names the entry that cannot be understood."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IndexFileError(f"cannot read {file}: {error}") from error
    return parse_index_config(content, str(file), is_enforced=is_enforced)


def parse_index_config(content: Any, source: str, *, is_enforced: bool) -> IndexConfig:
    """Return the configuration that a file's content stands for."""
    try:
        composites = [_parse_composite(entry) for entry in content.get("indexes", [])]
        overrides = dict(_parse_override(entry) for entry in content.get("fieldOverrides", []))
    except (AttributeError, KeyError, TypeError, ValueError, InvalidArgumentError) as error:
        raise IndexFileError(f"cannot understand {source}: {type(error).__name__}: {error}") from error
    return IndexConfig(composites, overrides, is_enforced=is_enforced)


def add_to_file(file: Path, entry: dict[str, Any]) -> None:
    """Put a missing index into a file, which is made where there is none."""
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    section = content.setdefault("indexes" if "fields" in entry else "fieldOverrides", [])
    known = next((item for item in section if _is_same_field(item, entry)), None)
    if known is None:
        section.append(entry)
    elif "indexes" in entry:
        known["indexes"] += [index for index in entry["indexes"] if index not in known["indexes"]]
    content.setdefault("indexes", [])
    content.setdefault("fieldOverrides", [])
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)


def _is_same_field(known: dict[str, Any], entry: dict[str, Any]) -> bool:
    if "fields" in entry:
        return known == entry
    return all(known.get(key) == entry[key] for key in ("collectionGroup", "fieldPath"))


def _parse_composite(entry: dict[str, Any]) -> CompositeIndex:
    fields = tuple(IndexField(parse_field_path(field["fieldPath"]), _parse_mode(field)) for field in entry["fields"])
    last = fields[-1]
    has_name = last.path == (DOCUMENT_NAME,)
    return CompositeIndex(
        collection_id=entry["collectionGroup"],
        is_group=_parse_scope(entry),
        fields=fields[:-1] if has_name else fields,
        is_name_descending=last.mode == DESCENDING,
    )


def _parse_override(entry: dict[str, Any]) -> tuple[tuple[str, FieldPath], FieldIndexes]:
    path = EVERY_FIELD if entry["fieldPath"] == "*" else parse_field_path(entry["fieldPath"])
    modes: dict[bool, set[str]] = {False: set(), True: set()}
    for index in entry.get("indexes", []):
        modes[_parse_scope(index)].add(_parse_mode(index))
    return (entry["collectionGroup"], path), FieldIndexes(frozenset(modes[False]), frozenset(modes[True]))


def _parse_scope(entry: dict[str, Any]) -> bool:
    """Tell whether an index is for a collection group."""
    scope = entry.get("queryScope", COLLECTION)
    if scope not in {COLLECTION, GROUP}:
        raise ValueError(f"queryScope {scope!r} is neither {COLLECTION} nor {GROUP}")
    return bool(scope == GROUP)


def _parse_mode(field: dict[str, Any]) -> str:
    mode = field.get("order", field.get("arrayConfig"))
    if mode not in {ASCENDING, DESCENDING, CONTAINS}:
        raise ValueError(f"{field} has neither an order nor arrayConfig CONTAINS")
    return str(mode)
