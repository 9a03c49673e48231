"""Queries through the real client."""

import math
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.firestore import AsyncClient, FieldFilter, Or, Query


@pytest.fixture
async def numbers(firestore_client: AsyncClient) -> Any:
    """A collection of n from 0 to 9, each with its parity and the tags that divide it."""
    batch = firestore_client.batch()
    collection = firestore_client.collection("numbers")
    for n in range(10):
        tags = [str(tag) for tag in (2, 3, 5) if n % tag == 0]
        batch.set(collection.document(f"d{n}"), {"n": n, "parity": n % 2, "tags": tags})
    await batch.commit()
    return collection


async def ids(query: Any) -> list[str]:
    return [snapshot.id async for snapshot in query.stream()]


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("n", "==", 3.0, "d3"),
        ("n", "!=", 3, "d0 d1 d2 d4 d5 d6 d7 d8 d9"),
        ("n", "<", 2, "d0 d1"),
        ("n", "<=", 2, "d0 d1 d2"),
        ("n", ">", 7, "d8 d9"),
        ("n", ">=", 7, "d7 d8 d9"),
        ("n", ">=", "7", ""),
        ("n", "in", [5, 1], "d1 d5"),
        ("n", "not-in", [0, 1, 2, 3, 4, 5, 6], "d7 d8 d9"),
        ("tags", "array_contains", "5", "d0 d5"),
        ("tags", "array_contains_any", ["5", "3"], "d0 d3 d5 d6 d9"),
    ],
)
async def test_each_operator_finds_its_documents(
    numbers: Any, field: str, operator: str, value: Any, expected: str
) -> None:
    """Each filter operator finds exactly its documents."""
    assert await ids(numbers.where(filter=FieldFilter(field, operator, value))) == expected.split()


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("zip", "in", [None], ""),
        ("zip", "in", [math.nan, 1], "one"),
        ("zip", "==", None, "null"),
        ("zip", "==", math.nan, "nan"),
        ("zip", "!=", None, "nan one"),
        ("zip", "!=", math.nan, "one"),
        ("zip", "not-in", [None], ""),
        ("zip", "not-in", [math.nan], "one"),
        ("zip", "not-in", [math.nan, 1], ""),
        ("list", "array_contains", 1, "one"),
        ("list", "array_contains_any", [None, math.nan, 1], "one"),
    ],
)
async def test_null_and_nan_are_only_found_by_name(
    firestore_client: AsyncClient, field: str, operator: str, value: Any, expected: str
) -> None:
    """As the backend does in the tests of Google's own mobile clients."""
    collection = firestore_client.collection("zips")
    for name, element in (("nan", math.nan), ("null", None), ("one", 1)):
        await collection.document(name).set({"zip": element, "list": [element]})
    assert await ids(collection.where(filter=FieldFilter(field, operator, value))) == expected.split()


async def test_equalities_merge_with_each_other_and_with_arrays(numbers: Any) -> None:
    """An equality and an array filter together find the documents of both."""
    query = numbers.where(filter=FieldFilter("parity", "==", 0)).where(
        filter=FieldFilter("tags", "array_contains", "3")
    )
    assert await ids(query) == ["d0", "d6"]


async def test_an_equality_with_an_order_on_another_field_is_sorted(numbers: Any) -> None:
    """An equality with a descending order on another field gives the first in that order."""
    query = numbers.where(filter=FieldFilter("parity", "==", 1)).order_by("n", direction=Query.DESCENDING).limit(2)
    assert await ids(query) == ["d9", "d7"]


async def test_or_gives_each_document_once(numbers: Any) -> None:
    """A document that matches both sides of an OR comes once."""
    either = Or([FieldFilter("n", "<", 2), FieldFilter("parity", "==", 0)])
    assert await ids(numbers.where(filter=either).order_by("n")) == ["d0", "d1", "d2", "d4", "d6", "d8"]


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        ({"start_at": 3}, "d3 d2 d1 d0"),
        ({"start_after": 3}, "d2 d1 d0"),
        ({"end_at": 7}, "d9 d8 d7"),
        ({"end_before": 7}, "d9 d8"),
    ],
)
async def test_cursors_cut_a_descending_order(numbers: Any, cursor: dict[str, int], expected: str) -> None:
    """Each kind of cursor cuts a descending order at its place."""
    query = numbers.order_by("n", direction=Query.DESCENDING)
    for method, value in cursor.items():
        query = getattr(query, method)({"n": value})
    assert await ids(query) == expected.split()


async def test_pages_follow_each_other_without_gaps(numbers: Any) -> None:
    """Pages by cursor give every document once, in order, among equal values too."""
    query = numbers.order_by("parity").limit(3)
    seen: list[str] = []
    last = None
    while page := [snapshot async for snapshot in (query.start_after(last) if last else query).stream()]:
        seen += [snapshot.id for snapshot in page]
        last = page[-1]
    assert seen == ["d0", "d2", "d4", "d6", "d8", "d1", "d3", "d5", "d7", "d9"]


async def test_limit_to_last_offset_and_projection(numbers: Any) -> None:
    """`limit_to_last`, an offset and a projection give the documented documents and fields."""
    last = await numbers.order_by("n").limit_to_last(2).get()
    assert [snapshot.id for snapshot in last] == ["d8", "d9"]
    query = numbers.order_by("n").offset(8).select(["parity"])
    assert [snapshot.to_dict() async for snapshot in query.stream()] == [{"parity": 0}, {"parity": 1}]


async def test_a_collection_group_is_found_at_any_depth(firestore_client: AsyncClient) -> None:
    """A collection group finds its collections at any depth, with and without a filter."""
    for path in ("clips/a", "users/u/clips/b", "users/u/videos/v/clips/c", "other/x"):
        await firestore_client.document(path).set({"n": 1})
    group = firestore_client.collection_group("clips")
    assert await ids(group) == ["a", "b", "c"]
    assert await ids(group.where(filter=FieldFilter("n", "==", 1))) == ["a", "b", "c"]


async def test_aggregations_agree_with_the_documents(numbers: Any) -> None:
    """A count, sum and average agree with the matching documents."""
    query = numbers.where(filter=FieldFilter("n", ">", 4))
    results = await query.count(alias="count").sum("n", alias="sum").avg("n", alias="avg").get()
    assert {result.alias: result.value for result in results[0]} == {"count": 5, "sum": 35, "avg": 7.0}


async def test_an_updated_document_leaves_its_old_place(numbers: Any) -> None:
    """An updated or deleted document is no longer found by its old values."""
    await numbers.document("d3").update({"n": 30, "tags": ["7"]})
    await numbers.document("d4").delete()
    assert await ids(numbers.where(filter=FieldFilter("n", "in", [3, 4, 30]))) == ["d3"]
    assert await ids(numbers.where(filter=FieldFilter("tags", "array_contains", "3"))) == ["d0", "d6", "d9"]


async def test_more_than_thirty_values_are_refused(numbers: Any) -> None:
    """An `in` of 31 values is INVALID_ARGUMENT."""
    with pytest.raises(InvalidArgument):
        await ids(numbers.where(filter=FieldFilter("n", "in", list(range(31)))))


@pytest.mark.parametrize("direction", [Query.ASCENDING, Query.DESCENDING])
async def test_filters_that_the_order_leaves_open_are_checked_in_each_disjunct(numbers: Any, direction: str) -> None:
    """Of several disjuncts in order of names, ranges on a field still leave out what is outside them."""
    query = numbers.where(filter=FieldFilter("parity", "in", [0, 1])).where(filter=FieldFilter("n", ">", 6))
    expected = ["d7", "d8", "d9"]
    found = await ids(query.order_by("__name__", direction=direction))
    assert found == (expected if direction == Query.ASCENDING else expected[::-1])


@pytest.mark.parametrize("direction", [Query.ASCENDING, Query.DESCENDING])
async def test_merged_equalities_come_once_and_in_order(numbers: Any, direction: str) -> None:
    """Documents of several merges, each of two indexes, are in order of names; cursors and the limit cut them."""
    query = numbers.where(filter=FieldFilter("n", "in", [0, 3, 6, 7, 9])).where(
        filter=FieldFilter("parity", "in", [0, 1])
    )
    expected = ["d0", "d3", "d6", "d7", "d9"] if direction == Query.ASCENDING else ["d9", "d7", "d6", "d3", "d0"]
    ordered = query.order_by("__name__", direction=direction)
    assert await ids(ordered) == expected
    assert await ids(ordered.start_after([numbers.document(expected[1])]).limit(2)) == expected[2:4]
    assert await ids(ordered.end_before([numbers.document(expected[2])])) == expected[:2]
