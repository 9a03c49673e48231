"""All documents of a database, as of one moment, page by page."""

from collections.abc import Iterator
from typing import Any

from google.cloud.firestore_v1 import types

from cli.transfer.connection import Database

PAGE_DOCUMENTS = 1000
TIMEOUT_SECONDS = 60.0

_Request: Any = types.RunQueryRequest.pb()
_ASCENDING = 1


def read_documents(database: Database) -> Iterator[Any]:
    """Every document at any depth, by name, as raw protobuf; all as they were when the first was read.

    Firestore keeps the past for an hour.
    """
    request = _Request(parent=database.root)
    query = request.structured_query
    query.from_.add(all_descendants=True)
    query.order_by.add(direction=_ASCENDING).field.field_path = "__name__"
    query.limit.value = PAGE_DOCUMENTS
    count = PAGE_DOCUMENTS
    while count == PAGE_DOCUMENTS:
        count = 0
        for wrapped in database.api.run_query(types.RunQueryRequest.wrap(request), timeout=TIMEOUT_SECONDS):
            response = types.RunQueryResponse.pb(wrapped)
            if not request.HasField("read_time"):
                request.read_time.CopyFrom(response.read_time)
            if response.HasField("document"):
                count, last = count + 1, response.document.name
                yield response.document
        if count:
            query.start_at.Clear()
            query.start_at.values.add(reference_value=last)
