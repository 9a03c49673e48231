"""The rows as JSON for Node's client, and the place where that client is installed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1 import transforms
from google.cloud.firestore_v1.field_path import FieldPath
from google.protobuf.json_format import MessageToDict

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import (
    And,
    At,
    Create,
    Delete,
    Filter,
    Find,
    Or,
    PlayRow,
    QueryRow,
    Row,
    Set,
    Update,
    Where,
    Write,
    WriteRow,
)
from tests.npm import install_packages

SOURCES = Path(__file__).parent / "node"
CALLS: dict[type, str] = {
    transforms.Increment: "increment",
    transforms.Maximum: "maximum",
    transforms.Minimum: "minimum",
    transforms.ArrayUnion: "arrayUnion",
    transforms.ArrayRemove: "arrayRemove",
}


class UnportableError(ValueError):
    """Node's client cannot say it."""


def install(folder: Path) -> Path:
    """Node's client is in the folder, at the versions of package-lock.json, with our scripts beside it."""
    return install_packages(folder, SOURCES)


def export(row: Row, place: Place) -> dict[str, Any]:
    """The row as conformance.mjs takes it."""
    exported: dict[str, Any] = {"id": row.id, "collection": place.collection_id}
    match row:
        case QueryRow(find=find):
            return {**exported, "find": export_find(find, place)}
        case WriteRow(writes=writes):
            return {**exported, "writes": [export_write(write, place) for write in writes]}
        case PlayRow(play=play):
            return {**exported, "play": play}
        case _:
            raise UnportableError(row.id)


def export_find(find: Find, place: Place) -> dict[str, Any]:
    """The query."""
    cursors = ("start_at", "start_after", "end_at", "end_before")
    return {
        "where": find.where and export_filter(find.where, place),
        "order_by": [[segments(path.removeprefix("-")), "desc" if path[0] == "-" else "asc"] for path in find.order_by],
        **{key: export_cursor(getattr(find, key), place) for key in cursors},
        **{key: getattr(find, key) for key in ("offset", "limit", "limit_to_last", "group")},
    }


def export_filter(where: Filter, place: Place) -> dict[str, Any]:
    """The filter."""
    match where:
        case Where(path, op, operand):
            return {"path": segments(path), "op": op, "value": export_value(place.resolve(operand))}
        case And(filters):
            return {"and": [export_filter(each, place) for each in filters]}
        case Or(filters):
            return {"or": [export_filter(each, place) for each in filters]}


def export_cursor(values: Sequence[Any] | None, place: Place) -> Any:
    """The cursor, or None."""
    match values:
        case None:
            return None
        case [At(path)]:
            return {"snapshot": path}
        case _:
            return [export_value(place.resolve(each)) for each in values]


def export_write(write: Write, place: Place) -> dict[str, Any]:
    """The write."""
    match write:
        case Create(path, data):
            return {"kind": "create", "path": path, "fields": export_fields(place.resolve(data))}
        case Set(path, data, merge):
            paths = merge if isinstance(merge, bool) else [segments(each) for each in merge]
            return {"kind": "set", "path": path, "fields": export_fields(place.resolve(data)), "merge": paths}
        case Update(path, data):
            changes = [[segments(key), export_value(each)] for key, each in place.resolve(data).items()]
            return {"kind": "update", "path": path, "changes": changes}
        case Delete(path, exists):
            return {"kind": "delete", "path": path, "exists": exists}


def export_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a map."""
    return {key: export_value(each) for key, each in data.items()}


def export_value(native: Any) -> dict[str, Any]:
    """The value in Firestore's JSON, or a transform by its name."""
    if native is transforms.SERVER_TIMESTAMP or native is transforms.DELETE_FIELD:
        return {"serverTimestamp" if native is transforms.SERVER_TIMESTAMP else "delete": True}
    if isinstance(native, transforms._ValueList):
        return {CALLS[type(native)]: [export_value(each) for each in native.values]}
    if type(native) in CALLS:
        return {CALLS[type(native)]: export_value(native.value)}
    if isinstance(native, dict):
        return {"mapValue": {"fields": export_fields(native)}}
    return dict(MessageToDict(value(native)._pb))


def segments(path: str) -> list[str]:
    """The segments of a field path."""
    return list(FieldPath.from_api_repr(path).parts)


def assert_portable(native: Any) -> None:
    """Numbers are such as JavaScript sends with the same type: 3.0 would become an integer."""
    match native:
        case float() if native.is_integer() and str(native) != "-0.0":
            raise UnportableError(native)
        case dict():
            assert_portable(list(native.values()))
        case list():
            for each in native:
                assert_portable(each)
        case transforms._ValueList():
            assert_portable(list(native.values))
        case transforms._NumericValue():
            assert_portable(native.value)
        case _:
            pass


def is_portable(row: Row) -> bool:
    """Whether Node's client can say the row with the types that the row means."""
    if not row.node or not isinstance(row, QueryRow | WriteRow | PlayRow):
        return False
    try:
        assert_portable([write.data for write in getattr(row, "writes", ()) if not isinstance(write, Delete)])
    except UnportableError:
        return False
    return True
