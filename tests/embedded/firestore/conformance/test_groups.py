"""Queries over many collections, from a document and from the root: rules 16 and 22 of firestore.md.

Measured against production by the suite of another project (its refusals of Cloud Firestore, Standard edition).
"""

from typing import Any

import pytest
from google.cloud.firestore_v1.base_query import FieldFilter

from tests.embedded.firestore.conformance.asker import Asker
from tests.embedded.firestore.conformance.place import ONCE, Place, value
from tests.embedded.firestore.conformance.rows import INVALID, Refused, RequestRow, each_row, scenario
from tests.embedded.firestore.conformance.runners import run_request

NAME = {"field_path": "__name__"}
NUMBER = {"field_path": "n"}
ROOT_ONLY = Refused("INVALID_ARGUMENT", "collection group queries are only allowed at the root parent")
NO_KIND = Refused("INVALID_ARGUMENT", "kind is required for all orders except __key__ ascending")
AFTER_NAME = Refused(
    "INVALID_ARGUMENT",
    "This query requires an index with fields [n] after __name__ and Firestore does not currently support such an"
    " index. Please try the query again with additional ordering on those fields.",
)
NO_INDEX = Refused("FAILED_PRECONDITION", "The query requires an index.")
FAMILY = {"doc/s/child": {"n": 1}, "doc/s/child/s/grandchild": {"n": 3}, "doc/t/other/s/nibling": {"n": 7}}
GROUP = [{"collection_id": "s", "all_descendants": True}]
EVERYTHING = [{"all_descendants": True}]
CHILDREN: list[dict[str, Any]] = [{}]
BY_NUMBER = {"where": {"field_filter": {"field": NUMBER, "op": "EQUAL", "value": value(1)}}}
IN_NUMBERS = {"order_by": [{"field": NUMBER}]}
DOWNWARDS = {"order_by": [{"field": NAME, "direction": "DESCENDING"}]}
AVERAGE = [{"alias": "average", "avg": {"field": NUMBER}}]


def asked(what: str, parent: str, selector: list[dict[str, Any]], expect: Refused | None, **query: Any) -> RequestRow:
    """A RunQuery over descendants."""
    request = {"parent": parent, "structured_query": {"from_": selector, **query}}
    return RequestRow(rule=22, source="M", what=what, method="run_query", request=request, expect=expect)


def averaged(
    what: str, parent: str, selector: list[dict[str, Any]], expect: Refused | None, **query: Any
) -> RequestRow:
    """An average over descendants."""
    aggregation = {"structured_query": {"from_": selector, **query}, "aggregations": AVERAGE}
    request = {"parent": parent, "structured_aggregation_query": aggregation}
    return RequestRow(rule=15, source="M", what=what, method="run_aggregation_query", request=request, expect=expect)


@each_row(
    asked("a group below a document without filters or orders", "{doc}", GROUP, None),
    asked("a filtered group below a document", "{doc}", GROUP, ROOT_ONLY, **BY_NUMBER),
    asked("an ordered group below a document", "{doc}", GROUP, ROOT_ONLY, **IN_NUMBERS),
    asked("a group below a document downwards by name", "{doc}", GROUP, NO_INDEX, **DOWNWARDS),
    asked("all descendants of a document", "{doc}", EVERYTHING, None),
    asked("filtered descendants of a document", "{doc}", EVERYTHING, ROOT_ONLY, **BY_NUMBER),
    asked("ordered descendants of a document", "{doc}", EVERYTHING, ROOT_ONLY, **IN_NUMBERS),
    asked("descendants of a document downwards by name", "{doc}", EVERYTHING, NO_KIND, **DOWNWARDS),
    asked(
        "filtered documents of the whole database",
        "{parent}",
        EVERYTHING,
        Refused("INVALID_ARGUMENT", "kind is required for filter: n"),
        **BY_NUMBER,
    ),
    asked("ordered documents of the whole database", "{parent}", EVERYTHING, NO_KIND, **IN_NUMBERS),
    asked("documents of the whole database downwards by name", "{parent}", EVERYTHING, NO_KIND, **DOWNWARDS),
    asked("documents of a document's collections downwards by name", "{doc}", CHILDREN, NO_KIND, **DOWNWARDS),
    averaged("the average over a group below a document", "{doc}", GROUP, AFTER_NAME),
    averaged("the average over a document's descendants", "{doc}", EVERYTHING, AFTER_NAME),
    averaged("the average over an ordered group below a document", "{doc}", GROUP, ROOT_ONLY, **IN_NUMBERS),
    averaged("the average over a document's ordered descendants", "{doc}", EVERYTHING, ROOT_ONLY, **IN_NUMBERS),
    averaged("the average over the whole database", "{parent}", EVERYTHING, INVALID),
    averaged("the average over a group at the root", "{parent}", GROUP, None),
    averaged(
        "an average of a field behind the name in the order",
        "{parent}",
        [{"collection_id": "{collection}"}],
        AFTER_NAME,
        order_by=[{"field": NAME}],
    ),
    averaged(
        "an average of a field before the name in the order",
        "{parent}",
        [{"collection_id": "{collection}"}],
        None,
        order_by=[{"field": NUMBER}, {"field": NAME}],
    ),
    averaged(
        "an average of a field that is equal in all results",
        "{parent}",
        [{"collection_id": "{collection}"}],
        None,
        order_by=[{"field": NAME}],
        **BY_NUMBER,
    ),
)
def test_query_over_descendants(place: Place, row: RequestRow) -> None:
    """A query over descendants is answered or refused as in production."""
    run_request(place, row)


@pytest.mark.parametrize("operator", ["==", "in", ">=", ">"])
@scenario(22, "M", "a group below a document filtered by name alone")
def test_group_below_document_by_name(place: Place, asker: Asker, operator: str) -> None:
    """Both clients find the grandchild by its name, and a range from it on finds what follows."""
    place.seed(FAMILY)
    grandchild = asker.client.document(f"{place.collection_id}/doc/s/child/s/grandchild")
    query = asker.below(f"{place.collection_id}/doc", "s")
    operand = [grandchild] if operator == "in" else grandchild
    found = asker.find(query.where(filter=FieldFilter("__name__", operator, operand)))
    assert found == {">=": ["grandchild", "nibling"], ">": ["nibling"]}.get(operator, ["grandchild"])


@scenario(22, "M", "a group below a document by name and field")
def test_group_below_document_by_name_and_field(place: Place, asker: Asker) -> None:
    """The filter on the field is one too many."""
    place.seed(FAMILY)
    query = asker.below(f"{place.collection_id}/doc", "s")
    query = query.where(filter=FieldFilter("__name__", ">", asker.client.document(f"{place.collection_id}/doc/s/a")))
    with place.refused(ROOT_ONLY):
        asker.find(query.where(filter=FieldFilter("n", "==", 1)))


@scenario(16, "M", "all descendants of a collection downwards by name")
def test_recursive_downwards(place: Place, asker: Asker) -> None:
    """The client's recursive query finds all upwards, and is refused downwards."""
    place.seed(FAMILY)
    collection = asker.client.document(f"{place.collection_id}/doc").collection("s")
    query = collection.recursive()
    assert asker.find(query) == ["child", "grandchild"]
    with place.refused(NO_KIND):
        asker.find(query.limit_to_last(1))  # which the client asks for downwards


@scenario(15, "M", "an average over a group below a document through the client")
def test_average_below_document(place: Place, asker: Asker) -> None:
    """The count is answered, the average refused."""
    place.seed(FAMILY)
    query = asker.below(f"{place.collection_id}/doc", "s")
    assert asker.settle(query.count().get(**ONCE))[0][0].value == 3
    with place.refused(AFTER_NAME):
        asker.settle(query.avg("n").get(**ONCE))


@pytest.mark.parametrize("page_size", [-1, 0, -(2**31)])
@scenario(16, "C", "a page size that is not positive is ignored")
def test_page_size(place: Place, asker: Asker, page_size: int) -> None:
    """Documents, collections and partitions are listed as without one; old Node clients send 2^32 - 1 as -1."""
    place.seed({"a": {}, "b": {}, "a/s/x": {}, "a/t/x": {}})
    collection = asker.client.collection(place.collection_id)
    assert [ref.id for ref in asker.settle(collection.list_documents(page_size=page_size))] == ["a", "b"]
    below = {"parent": "{parent}/{collection}/a", "page_size": page_size}
    assert list(place.call("list_collection_ids", below).collection_ids) == ["s", "t"]
    group = {"from_": [{"collection_id": "{collection}", "all_descendants": True}], "order_by": [{"field": NAME}]}
    parts = {"parent": "{parent}", "structured_query": group, "partition_count": 2, "page_size": page_size}
    assert not place.call("partition_query", parts).next_page_token


@scenario(34, "M", "a document called by four underscores")
def test_four_underscores(place: Place, asker: Asker) -> None:
    """Both clients write, read and find it: reserved is what has something between two and two of them."""
    asker.commit(place, {"____": {"n": 1}})
    found = asker.settle(asker.client.document(f"{place.collection_id}/____").get(**ONCE))
    assert found.to_dict() == {"n": 1}
    assert asker.find(asker.client.collection(place.collection_id)) == ["____"]
