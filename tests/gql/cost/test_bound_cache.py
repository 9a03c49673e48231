"""Bounds are kept by text, operation and page sizes, and no request is given another's."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gql.cost.bound_cache import BoundCache
from gql.cost.bounds import Bound
from gql.services import Services

FIELDS = "nodes { clips(first: 10) { nodes { id } } }"
PAGE = f"query page($n: Int, $after: String) {{ videos(first: $n, after: $after) {{ {FIELDS} }} }}"
Execute = Callable[..., Awaitable[Any]]


async def read_requested(execute: Execute, document: str, **variables: Any) -> Any:
    answer = await execute(document, **variables)
    return answer["extensions"]["cost"]["requested"]["documentReads"]


async def test_each_page_size_has_its_own_bound(execute: Execute, services: Services) -> None:
    """A size that is known says nothing of another, nor of one that is left out, null, or with a cursor."""
    for _ in range(2):
        assert await read_requested(execute, PAGE, n=1) == 4 + 1 * 41
        assert await read_requested(execute, PAGE, n=7) == 10 + 7 * 41
        assert await read_requested(execute, PAGE, n=7.0) == 10 + 7 * 41
        assert await read_requested(execute, PAGE) == 23 + 20 * 41
        assert await read_requested(execute, PAGE, n=1, after="x") == 4 + 1 * 41
        assert await read_requested(execute, PAGE, n=1, after=None) == 2 + 1 * 41
    assert services.bound_cache.characters > 0


async def test_a_known_document_is_refused_for_its_variables(execute: Execute) -> None:
    """A bound that is cached for a small page lets no large page through."""
    assert await read_requested(execute, PAGE, n=1)
    for _ in range(2):
        answer = await execute(PAGE, n=10_000)
        assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
        assert answer["extensions"]["cost"]["actual"]["documentReads"] == 0


async def test_inputs_are_counted_each_time(execute: Execute, create_video: Execute) -> None:
    """A mutation costs by the entries of its lists, which no key holds."""
    await create_video()
    document = "mutation m($input: UpdateClipStatusesInput!) { updateClipStatuses(input: $input) { __typename } }"
    for count in (1, 3, 1):
        clips = [{"clipId": f"clip_0{number}_0{number}_a_split", "status": "FAILED"} for number in range(count)]
        assert await read_requested(execute, document, input={"videoId": "v1", "clips": clips}) == 2 * (1 + count)


def test_the_cache_is_bounded() -> None:
    """The texts that were used longest ago go, and so much of their length is free again."""
    cache = BoundCache(max_characters=5_000)
    for number in range(100):
        cache.keep(f"{{ a{number} }}", None, {}, Bound(document_reads=number))
        assert cache.find("{ a0 }", None, {}) == Bound(document_reads=0)
        assert cache.characters <= 5_000
    assert cache.find("{ a50 }", None, {}) is None
    cache.keep("x" * 6_000, None, {}, Bound())
    assert cache.find("x" * 6_000, None, {}) is None
    assert cache.find("{ a0 }", None, {}) == Bound(document_reads=0)


@pytest.mark.parametrize(
    "variables",
    [
        {"n": [1]},
        {"n": {"a": 1}},
        {"n": float("nan")},
        {"n": 2**64},
        {"n" * 501: 1},
        {f"n{number}": 1 for number in range(21)},
    ],
    ids=["list", "object", "nan", "huge", "name", "many"],
)
def test_odd_variables_are_not_kept(variables: dict[str, Any]) -> None:
    """Their document is measured anew each time."""
    cache = BoundCache()
    cache.keep("{ a }", None, variables, Bound())
    assert cache.find("{ a }", None, variables) is None
    assert cache.characters == 0
