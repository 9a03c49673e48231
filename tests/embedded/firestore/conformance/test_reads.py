"""Listing and reading in the chapter "Queries" of firestore.md: rules 16 and 17."""

import math

import pytest

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import (
    Find,
    scenario,
)

NAN = math.nan

# n and m disagree, and the names disagree with both.
PAIRS = {
    "a": {"n": 2, "m": 1},
    "b": {"n": 1, "m": 2},
    "c": {"n": 2, "m": 2},
    "d": {"n": 1, "m": 1},
}


def order(path: str) -> dict[str, object]:
    """An order in a structured query, upwards."""
    return {"field": {"field_path": path}, "direction": "ASCENDING"}


@scenario(16, "C", "recursive listing finds all descendants and missing parents' children")
def test_recursive_listing(place: Place) -> None:
    """A kindless query below a document finds every descendant by name, and nothing beside it."""
    place.seed({"top/s/b": {}, "top/s/b/t/c": {}, "top/r/a/t/d": {}, "top2/s/x": {}, "top": {}})
    answers = place.call(
        "run_query",
        {
            "parent": "{parent}/{collection}/top",
            "structured_query": {"from_": [{"all_descendants": True}], "order_by": [order("__name__")]},
        },
    )
    found = [answer.document.name.removeprefix(place.name("top")) for answer in answers if answer.document.name]
    assert found == ["/r/a/t/d", "/s/b", "/s/b/t/c"]


@scenario(16, "C", "the client's recursive query is bounded to its collection")
def test_recursive_bounds(place: Place) -> None:
    """The client bounds the kindless query by the smallest id of the collection and of the next one."""
    place.seed({"top/s/b": {}, "top/s/b/t/c": {}, "top/s0/x": {}, "top/r/x": {}})
    found = [snapshot.reference.path for snapshot in place.ref("top").collection("s").recursive().get()]
    assert [path.removeprefix(f"{place.collection_id}/") for path in found] == ["top/s/b", "top/s/b/t/c"]


@scenario(16, "C", "recursive delete leaves nothing below")
def test_recursive_delete(place: Place) -> None:
    """All descendants are gone, of missing documents too, and the neighbour is still there."""
    place.seed({"top": {}, "top/s/b": {}, "top/s/b/t/c": {}, "top/r/gone/t/d": {}, "top2": {}})
    place.client.recursive_delete(place.ref("top"))
    assert place.content() == {"top2": {}}
    assert list(place.ref("top").collections()) == []


@scenario(16, "C", "listing shows missing documents that have children")
def test_missing_documents(place: Place) -> None:
    """The client's list_documents asks for missing ones; a query does not find them."""
    place.seed({"a": {}, "gone/s/x": {}})
    assert [ref.id for ref in place.collection.list_documents()] == ["a", "gone"]
    assert place.find(Find()) == ["a"]
    assert [collection.id for collection in place.ref("gone").collections()] == ["s"]


@scenario(16, "C", "a collection group has documents of any depth")
def test_collection_group(place: Place) -> None:
    """The group holds every collection of that id, ordered by full name."""
    place.seed({"a": {}, f"a/{place.collection_id}/b": {}, f"gone/s/x/{place.collection_id}/c": {}, "z/other/d": {}})
    assert place.find(Find(group=True)) == ["a", "b", "c"]


@scenario(17, "P", "a query without rows answers once with read_time")
def test_empty_query(place: Place) -> None:
    """There is one answer, without a document."""
    query = {"from_": [{"collection_id": "{collection}"}]}
    (answer,) = place.call("run_query", {"parent": "{parent}", "structured_query": query})
    assert not answer.document.name
    assert answer.read_time


@scenario(17, "P", "every row of a query has its read_time")
def test_read_times(place: Place) -> None:
    """Rows of one query share the snapshot's time, which is not before the last commit."""
    place.seed(PAIRS)
    snapshots = place.query(Find()).get()
    assert len({snapshot.read_time for snapshot in snapshots}) == 1
    assert snapshots[0].read_time >= snapshots[0].update_time


@scenario(
    17,
    "M",
    "a batch get collapses duplicates and answers missing ones last",
    emulator="differs: answers in the order of the request",
)
def test_batch_get(place: Place) -> None:
    """Each name is answered once; the found come before the missing, in whatever order they were asked."""
    place.seed({"a": {}, "b": {}})
    asked = [place.ref(path) for path in ("gone", "b", "a", "b", "gone", "lost")]
    snapshots = list(place.client.get_all(asked))
    assert sorted(snapshot.id for snapshot in snapshots) == ["a", "b", "gone", "lost"]
    assert [snapshot.exists for snapshot in snapshots] == [True, True, False, False]


@scenario(17, "P", "a batch get of no documents")
def test_empty_batch_get(place: Place) -> None:
    """There is nothing to answer, and no error."""
    assert list(place.client.get_all([])) == []


@scenario(16, "P", "partitions of a group cover it once", emulator="differs: has no PartitionQuery")
def test_partitions(place: Place) -> None:
    """The partitions' queries, run one after the other, find each document once and in order."""
    ids = [f"{n:03}" for n in range(300)]
    place.seed({each: {} for each in ids})
    partitions = list(place.client.collection_group(place.collection_id).get_partitions(4))
    assert 2 <= len(partitions) <= 4
    assert [snapshot.id for partition in partitions for snapshot in partition.query().get()] == ids


@scenario(16, "C", "a partition has at least 128 documents", emulator="differs: has no PartitionQuery")
@pytest.mark.parametrize(("count", "parts"), [(0, 1), (100, 1), (384, 3)])
def test_least_partition(place: Place, count: int, parts: int) -> None:
    """Other clients' tests say so; a smaller group is one partition."""
    place.seed({f"{n:03}": {} for n in range(count)})
    group = place.client.collection_group(place.collection_id)
    assert len(list(group.get_partitions(6))) == parts


@scenario(16, "C", "listing goes on page by page")
def test_pages(place: Place) -> None:
    """With a page of two, each document and each collection comes once, in order."""
    place.seed({f"d{n}": {} for n in range(5)} | {f"top/s{n}/x": {} for n in range(5)})
    assert [ref.id for ref in place.collection.list_documents(page_size=2)] == ["d0", "d1", "d2", "d3", "d4", "top"]
    found, token = [], ""
    while True:
        request = {"parent": "{parent}/{collection}/top", "page_size": 2, "page_token": token}
        page = place.call("list_collection_ids", request)
        found += page.collection_ids
        token = page.next_page_token
        if not token:
            break
    assert found == ["s0", "s1", "s2", "s3", "s4"]


@scenario(16, "P", "listing takes an order and a mask")
def test_listing_order(place: Place) -> None:
    """The documents come in that order, with the fields of the mask alone."""
    place.seed({"a": {"n": 2, "m": 1}, "b": {"n": 1, "m": 1}})
    listing = {"parent": "{parent}", "collection_id": "{collection}", "mask": {"field_paths": ["n"]}}
    documents = place.call("list_documents", {**listing, "order_by": "n desc"}).documents
    assert [(document.name[-1], dict(document.fields)) for document in documents] == [
        ("a", {"n": value(2)}),
        ("b", {"n": value(1)}),
    ]
