"""The cost of a request, decided from its text before anything is read."""

from typing import Any

import pytest

NESTED = "{ videos { nodes { " + "clips { nodes { video { " * 3 + "id" + " } } }" * 3 + " } } }"


async def requested(execute: Any, document: str, **variables: Any) -> int:
    answer = await execute(document, **variables)
    reads: int = answer["extensions"]["cost"]["requested"]["documentReads"]
    return reads


@pytest.mark.parametrize(
    ("document", "reads"),
    [
        ("{ viewer { userId } }", 0),
        ("{ videos { totalCount } }", 20 + 1 + 10),
        ("{ videos(first: 5) { nodes { id } } }", 5 + 1),
        ("{ videos(last: 5) { nodes { id } } }", 5 + 1),
        ("{ videos(first: 5) { nodes { clips(first: 10) { nodes { url } } } } }", 6 + 5 * 41),
        ("{ videos(first: 5) { nodes { cover { id } } } }", 6 + 5 * 6),
        ('{ a: video(videoId: "v") { id } b: video(videoId: "v") { id } }', 2),
        (
            "{ videos(first: 2) { ...F } } fragment F on VideoConnection { nodes { clips(first: 3) { totalCount } } }",
            3 + 2 * 23,
        ),
        ("query ($n: Int = 7) { videos(first: $n) { nodes { id } } }", 7 + 1),
        ("{ __schema { types { fields { name } } } }", 0),
    ],
)
async def test_bound_follows_the_pages(execute: Any, document: str, reads: int) -> None:
    """The bound of a document's reads follows its page sizes."""
    assert await requested(execute, document) == reads


@pytest.mark.parametrize("size", [5, 5.0], ids=repr)
async def test_bound_follows_variables_as_they_are_executed(execute: Any, size: float) -> None:
    """JSON's 5.0 is an Int of 5 to GraphQL: measured as a default of 20, `first: 1e4` would pass every limit."""
    for name in ("first", "last"):
        document = f"query ($n: Int) {{ videos({name}: $n) {{ nodes {{ clips({name}: $n) {{ nodes {{ id }} }} }} }} }}"
        answer = await execute(document, n=size)
        assert "errors" not in answer
        assert answer["extensions"]["cost"]["requested"]["documentReads"] == 6 + 5 * 21
    answer = await execute("query ($n: Int) { videos(first: $n) { nodes { clips { nodes { id } } } } }", n=1e4)
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


async def test_actual_reads_stay_below_the_bound(execute: Any, create_video: Any, user_id: str) -> None:
    """The response's cost has the reads, values and bytes that happened, below what was requested."""
    await create_video()
    answer = await execute("query ($u: ID) { videos(userId: $u) { nodes { id } } }", u=user_id)
    cost = answer["extensions"]["cost"]
    data = b'{"videos":{"nodes":[{"id":"' + b"_" * len(answer["data"]["videos"]["nodes"][0]["id"]) + b'"}]}}'
    assert cost["actual"] == {
        "documentReads": 1,
        "documentWrites": 0,
        "rpcs": 1,
        "r2Calls": 0,
        "fieldValues": 1 + 1 + 1,
        "responseBytes": len(data),
    }
    assert cost["requested"] == {"documentReads": 21, "r2Calls": 0, "fieldValues": 1 + 20 * (1 + 1)}


@pytest.mark.parametrize(
    "document",
    [
        NESTED,
        "{ videos(first: 1000) { nodes { clips(first: 1000) { nodes { id } } } } }",
        "{ videos { nodes { " + "clips(first: 1) { nodes { video { " * 20 + "id" + " } } }" * 20 + " } } }",
    ],
    ids=["nested defaults", "large pages", "deep"],
)
async def test_query_that_asks_for_too_much_does_not_run(execute: Any, document: str) -> None:
    """A query beyond a limit is QUERY_TOO_EXPENSIVE, and sends no RPC."""
    answer = await execute(document)
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert answer["extensions"]["cost"]["actual"]["rpcs"] == 0


async def test_fragments_that_multiply_are_measured_once_each(execute: Any) -> None:
    """Forty fragments, each spread twice by the next: a trillion fields, refused in no time."""
    fragments = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40)]
    document = " ".join(["{ ...F0 }", *fragments, "fragment F40 on Query { videos { nodes { id } } }"])
    answer = await execute(document)
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


async def test_circular_fragments_are_bad_user_input(execute: Any) -> None:
    """Fragments that spread each other are BAD_USER_INPUT."""
    answer = await execute("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
