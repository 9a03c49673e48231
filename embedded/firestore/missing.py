"""Which index a query lacks, in the words and in the form with which one adds it."""

import json
from collections.abc import Callable
from typing import Any

from embedded.firestore.errors import FailedPreconditionError
from embedded.firestore.fieldpaths import DOCUMENT_NAME, FieldPath, format_field_path

ASCENDING, DESCENDING, CONTAINS = "ASCENDING", "DESCENDING", "CONTAINS"
ReportMissing = Callable[[dict[str, Any]], None]


def describe_index(
    collection_id: str, fields: list[tuple[FieldPath, str]], *, is_group: bool, is_name_descending: bool
) -> dict[str, Any]:
    """Return an index as an entry of firestore.indexes.json; one of a single field is a field override."""
    scope = "COLLECTION_GROUP" if is_group else "COLLECTION"
    last_mode = fields[-1][1]
    if is_name_descending != (last_mode == DESCENDING):
        fields = [*fields, ((DOCUMENT_NAME,), DESCENDING if is_name_descending else ASCENDING)]
    if len(fields) > 1:
        described = [{"fieldPath": format_field_path(path), **describe_mode(mode)} for path, mode in fields]
        return {"collectionGroup": collection_id, "queryScope": scope, "fields": described}
    path, mode = fields[0]
    indexes = [{**describe_mode(mode), "queryScope": scope}]
    return {"collectionGroup": collection_id, "fieldPath": format_field_path(path), "indexes": indexes}


def refuse_missing(entry: dict[str, Any]) -> None:
    """Refuse as production does, naming the index."""
    section = "indexes" if "fields" in entry else "fieldOverrides"
    raise FailedPreconditionError(
        f"The query requires an index. Add this to {section} in firestore.indexes.json: {json.dumps(entry)}"
    )


def describe_mode(mode: str) -> dict[str, str]:
    """Return how a field is indexed, as firestore.indexes.json says it."""
    return {"arrayConfig": CONTAINS} if mode == CONTAINS else {"order": mode}
