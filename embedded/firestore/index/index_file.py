"""firestore.indexes.json: read as the Firebase CLI reads it, and stricter, so that no slip of the pen goes unseen."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedded.firestore.index.indexes import (
    ASCENDING,
    COLLECTION,
    COLLECTION_GROUP,
    CONTAINS,
    DESCENDING,
    EVERY_FIELD,
    CompositeIndex,
    FieldIndexes,
    IndexConfig,
    IndexField,
)
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import DOCUMENT_NAME, FieldPath, parse_field_path
from embedded.firestore.model.paths import assert_collection_id

# What `firebase firestore:indexes` writes as well, and what makes no difference here.
_IGNORED = {"density", "apiScope", "multikey", "unique", "ttl"}
_NAME: FieldPath = (DOCUMENT_NAME,)


class IndexFileError(Exception):
    """The file cannot be used; the message is one line for the user, and names the entry."""


def load_index_config(file: Path, *, is_enforced: bool = True) -> IndexConfig:
    """The indexes that a file declares."""
    return parse_index_config(load_content(file), str(file), is_enforced=is_enforced)


def load_content(file: Path) -> Any:
    """The JSON in a file."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise IndexFileError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise IndexFileError(f"{file}: it is not JSON: {error}") from error


def parse_index_config(content: Any, source: str, *, is_enforced: bool) -> IndexConfig:
    """The configuration that a file's content stands for."""
    with _within(source):
        _assert_keys(content, {"indexes", "fieldOverrides"})
        composites = [index for index in _parse_each(content, "indexes", _parse_composite) if index is not None]
        overrides = [override for override in _parse_each(content, "fieldOverrides", _parse_override) if override]
    return IndexConfig(composites, dict(overrides), is_enforced=is_enforced)


@contextmanager
def _within(place: str) -> Iterator[None]:
    """Adds to an error's message where in the file it is."""
    try:
        yield
    except (IndexFileError, InvalidArgumentError) as error:
        raise IndexFileError(f"{place}: {error}") from error


def _parse_each(content: dict[str, Any], section: str, parse: Callable[[Any], Any]) -> Iterator[Any]:
    known: dict[Any, int] = {}
    for number, entry in enumerate(_list(content, section) if section in content else ()):
        group = entry.get("collectionGroup") if isinstance(entry, dict) else None
        named = f' of collection group "{group}"' if isinstance(group, str) else ""
        with _within(f"{section}[{number}]{named}"):
            parsed = parse(entry)
            # Of two overrides of one field, only one could hold.
            key = parsed[0] if isinstance(parsed, tuple) else parsed
            if parsed is not None and known.setdefault(key, number) != number:
                raise IndexFileError(f"it repeats {section}[{known[key]}]")
        yield parsed


def _parse_composite(entry: Any) -> CompositeIndex | None:
    """An index; None for one of vectors, which no query uses here."""
    _assert_keys(entry, {"collectionGroup", "queryScope", "fields"})
    parsed = [_parse_field(field, number) for number, field in enumerate(_list(entry, "fields"))]
    fields = tuple(field for field in parsed if field is not None)
    is_name_descending = bool(fields) and fields[-1].mode == DESCENDING
    if fields and fields[-1].path == _NAME:
        fields = fields[:-1]
    index = CompositeIndex(
        _text(entry, "collectionGroup"), _is_group(_text(entry, "queryScope")), fields, is_name_descending
    )
    assert_collection_id(index.collection_id)
    if None in parsed:
        return None
    _assert_fields(index)
    return index


def _assert_fields(index: CompositeIndex) -> None:
    paths = [field.path for field in index.fields]
    if _NAME in paths:
        raise IndexFileError(f"{DOCUMENT_NAME} can only be the last of the fields")
    if len(set(paths)) < len(paths):
        raise IndexFileError("it contains a field twice")
    if [field.mode for field in index.fields].count(CONTAINS) > 1:
        raise IndexFileError('at most one field can have "arrayConfig"')
    implied = bool(index.fields) and index.fields[-1].mode == DESCENDING
    if len(index.fields) + (implied != index.is_name_descending) < (2 if index.fields else 1):
        raise IndexFileError("fields needs two or more: a single field is indexed by default, or by fieldOverrides")


def _parse_field(field: Any, number: int) -> IndexField | None:
    with _within(f"fields[{number}]"):
        _assert_keys(field, {"fieldPath", "order", "arrayConfig", "vectorConfig"})
        path = parse_field_path(_text(field, "fieldPath"))
        if "vectorConfig" in field:
            return None
        mode = _parse_mode(field)
        if path == _NAME and mode == CONTAINS:
            raise IndexFileError(f"{DOCUMENT_NAME} is no array")
    return IndexField(path, mode)


def _parse_override(entry: Any) -> tuple[tuple[str, FieldPath], FieldIndexes] | None:
    """A field with its indexes; None where the entry leaves them as they are."""
    _assert_keys(entry, {"collectionGroup", "fieldPath", "indexes"})
    collection_id, text = _text(entry, "collectionGroup"), _text(entry, "fieldPath")
    assert_collection_id(collection_id)
    path = EVERY_FIELD if text == "*" else parse_field_path(text)
    if path == _NAME:
        raise IndexFileError(f"{DOCUMENT_NAME} is always indexed")
    if "indexes" not in entry and "ttl" in entry:
        return None
    modes: dict[bool, set[str]] = {False: set(), True: set()}
    for index in _list(entry, "indexes"):
        _assert_keys(index, {"queryScope", "order", "arrayConfig"})
        modes[_is_group(index.get("queryScope", COLLECTION))].add(_parse_mode(index))
    return (collection_id, path), FieldIndexes(frozenset(modes[False]), frozenset(modes[True]))


def _parse_mode(field: dict[str, Any]) -> str:
    order, array_config = field.get("order"), field.get("arrayConfig")
    if order in (ASCENDING, DESCENDING) and array_config is None:
        return str(order)
    if array_config == CONTAINS and order is None:
        return CONTAINS
    raise IndexFileError('it must have either "order", ASCENDING or DESCENDING, or "arrayConfig", CONTAINS')


def _is_group(scope: Any) -> bool:
    if scope not in (COLLECTION, COLLECTION_GROUP):
        raise IndexFileError(f'"queryScope" must be {COLLECTION} or {COLLECTION_GROUP}')
    return bool(scope == COLLECTION_GROUP)


def _assert_keys(entry: Any, known: set[str]) -> None:
    if not isinstance(entry, dict):
        raise IndexFileError(f"{json.dumps(entry)[:100]} is not an object")
    unknown = sorted(entry.keys() - known - _IGNORED)
    if unknown:
        raise IndexFileError(f'"{unknown[0]}" is unknown here: it has {", ".join(sorted(known))}')


def _text(entry: dict[str, Any], key: str) -> str:
    if not isinstance(entry.get(key), str):
        raise IndexFileError(f'"{key}" is missing, or not a text')
    return str(entry[key])


def _list(entry: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(entry.get(key), list):
        raise IndexFileError(f'"{key}" is missing, or not a list')
    return list(entry[key])
