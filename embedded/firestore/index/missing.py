"""Queries that lack an index: refused as in production, or recorded."""

import json
from collections.abc import Callable
from typing import Any

from embedded.firestore.model.errors import FailedPreconditionError

ReportMissing = Callable[[dict[str, Any]], None]


def refuse_missing(entry: dict[str, Any]) -> None:
    """Refuses as production does, naming the index."""
    if "fields" in entry:
        advice = "Add this to indexes in firestore.indexes.json"
    else:
        advice = "Add this to fieldOverrides in firestore.indexes.json, in place of the entry of the field"
    raise FailedPreconditionError(f"The query requires an index. {advice}: {json.dumps(entry)}")
