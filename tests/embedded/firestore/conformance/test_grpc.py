"""Chapter "gRPC" of firestore.md: rule 43, which makes a wrong code a hang.

Each request is broken in one way. The answer is the caller's mistake, never a code on which clients retry in silence.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import INVALID, Refused, RequestRow, each_row, scenario
from tests.embedded.firestore.conformance.runners import run_request
from tests.patience import PATIENCE_SECONDS

NUMBER = {"field_path": "n"}
NEAREST = {
    "vector_field": {"field_path": "v"},
    "query_vector": value({"__type__": "__vector__", "value": [1.0]}),
    "distance_measure": "EUCLIDEAN",
    "limit": {"value": 1},
}


def bad(what: str, method: str, request: Mapping[str, Any], expect: Refused = INVALID, **row: Any) -> RequestRow:
    """A request that the server refuses."""
    return RequestRow(rule=43, source="C", what=what, method=method, request=request, expect=expect, **row)


def query(**clauses: Any) -> dict[str, Any]:
    """A RunQuery request on the row's collection."""
    return {"parent": "{parent}", "structured_query": {"from_": [{"collection_id": "{collection}"}], **clauses}}


def field_filter(**clauses: Any) -> dict[str, Any]:
    """A RunQuery request with one field filter."""
    return query(where={"field_filter": {"field": NUMBER, **clauses}})


def write(**fields: Any) -> dict[str, Any]:
    """A Commit request with one document."""
    return {"database": "{database}", "writes": [{"update": {"name": "{doc}", "fields": fields}}]}


@each_row(
    bad("a name without a database", "get_document", {"name": "nonsense"}),
    bad("the name of a collection", "get_document", {"name": "{parent}/{collection}"}),
    bad("a missing document", "get_document", {"name": "{doc}"}, Refused("NOT_FOUND")),
    bad("a read_time of the future", "get_document", {"name": "{doc}", "read_time": {"seconds": 4_000_000_000}}),
    bad(
        "a read_time that is too old",
        "get_document",
        {"name": "{doc}", "read_time": {"seconds": 1_500_000_000}},
        Refused("FAILED_PRECONDITION"),
    ),
    bad("a parent without a database", "run_query", {**query(), "parent": "nonsense"}),
    bad("a parent that is a collection", "run_query", {**query(), "parent": "{parent}/{collection}"}),
    bad("no query", "run_query", {"parent": "{parent}"}),
    bad("two collections", "run_query", query(from_=[{"collection_id": "a"}, {"collection_id": "b"}])),
    bad("a filter without an operator", "run_query", field_filter(value=value(1))),
    bad("a filter without a value", "run_query", field_filter(op="EQUAL")),
    bad("in of what is no array", "run_query", field_filter(op="IN", value=value(1))),
    bad(
        "a composite without an operator",
        "run_query",
        query(where={"composite_filter": {"filters": [{"unary_filter": {"op": "IS_NULL", "field": NUMBER}}]}}),
    ),
    bad(
        "a composite without filters",
        "run_query",
        query(where={"composite_filter": {"op": "AND"}}),
        emulator="differs: takes it for no filter",
    ),
    bad("an order by a broken path", "run_query", query(order_by=[{"field": {"field_path": "a..b"}}])),
    bad("an order by one field twice", "run_query", query(order_by=[{"field": NUMBER}, {"field": NUMBER}])),
    bad(
        "a filter on names with a string",
        "run_query",
        query(
            where={"field_filter": {"field": {"field_path": "__name__"}, "op": "EQUAL", "value": value("a")}},
        ),
    ),
    bad("a bad page token", "list_documents", {"parent": "{parent}", "collection_id": "a", "page_token": "nonsense"}),
    bad("a bad page token of collections", "list_collection_ids", {"parent": "{parent}", "page_token": "nonsense"}),
    bad("collections of a collection", "list_collection_ids", {"parent": "{parent}/{collection}"}),
    bad("a value without a type", "commit", write(v={})),
    bad("a commit to what is no database", "commit", {"database": "nonsense", "writes": []}),
    bad("a commit in no transaction", "commit", {"database": "{database}", "transaction": b"nonsense"}),
    bad("a read in no transaction", "get_document", {"name": "{doc}", "transaction": b"nonsense"}),
    bad("a rollback of no transaction", "rollback", {"database": "{database}", "transaction": b"nonsense"}),
    bad("a rollback without a transaction", "rollback", {"database": "{database}"}),
    bad("a transaction in no database", "begin_transaction", {"database": "nonsense"}),
    bad(
        "a document that is there already",
        "create_document",
        {"parent": "{parent}", "collection_id": "{collection}", "document_id": "doc", "document": {}},
        Refused("ALREADY_EXISTS", "Document already exists: {doc}"),
        given={"doc": {"n": 1}},
    ),
    bad(
        "an update of a missing document",
        "update_document",
        {"document": {"name": "{doc}"}, "current_document": {"exists": True}},
        Refused("NOT_FOUND", "No document to update: {doc}"),
    ),
    bad(
        "a delete of a missing document",
        "delete_document",
        {"name": "{doc}", "current_document": {"exists": True}},
        Refused("NOT_FOUND"),
    ),
    bad(
        "pipelines by name",
        "execute_pipeline",
        {"database": "{database}"},
        Refused("UNIMPLEMENTED", "ipeline"),
        emulator="differs: ends the call with UNKNOWN",
    ),
    bad(
        "vector search by name",
        "run_query",
        query(find_nearest=NEAREST),
        Refused("UNIMPLEMENTED", "find_nearest"),
        emulator="differs: searches vectors",
    ),
    bad(
        "query explain by name",
        "run_query",
        {**query(), "explain_options": {"analyze": True}},
        Refused("UNIMPLEMENTED", "xplain"),
        emulator="differs: leaves the explanation out",
    ),
)
def test_broken_request(place: Place, row: RequestRow) -> None:
    """Each malformed request is refused with the documented code."""
    run_request(place, row)


@scenario(43, "C", "a request of bytes that are no message")
def test_garbage(place: Place) -> None:
    """The call is refused, not answered, and the server is still there for the next one."""
    channel = place.client._firestore_api.transport.grpc_channel
    commit = channel.unary_unary("/google.firestore.v1.Firestore/Commit")
    with pytest.raises(Exception, match="StatusCode"):
        commit(b"\xff\xff\xff\xff", timeout=PATIENCE_SECONDS)
    assert place.content() == {}


@scenario(43, "C", "a document in another database than the commit's", emulator="differs: writes it")
def test_other_database(place: Place) -> None:
    """The commit is the caller's mistake."""
    name = "projects/another/databases/(default)/documents/a/b"
    with place.refused(INVALID):
        place.call("commit", {"database": "{database}", "writes": [{"update": {"name": name}}]})
