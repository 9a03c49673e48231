"""Work charged as reads: calls to R2, and field values."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.gql.conftest import MakeClient, make_clip_input

Execute = Callable[..., Awaitable[Any]]

HIGHLIGHTS = "query ($u: ID) { videos(userId: $u) { nodes { highlights { sceneId } } } }"
URLS = "query ($u: ID) { videos(userId: $u) { nodes { clips(status: null) { nodes { %s } } } } }" % " ".join(  # noqa: UP031  braces
    f"u{number}: thumbnailUrl(expiresIn: {1_000 + number})" for number in range(10)
)


async def ask(client: httpx.AsyncClient, document: str, user_id: str) -> Any:
    answer = await client.post("/graphql", json={"query": document, "variables": {"u": user_id}})
    return answer.json()


async def spend(client: httpx.AsyncClient, document: str, user_id: str) -> tuple[int, Any]:
    """The reads left after a document ran, and its cost."""
    cost = (await ask(client, document, user_id))["extensions"]["cost"]
    return cost["throttle"]["currentlyAvailable"], cost["actual"]


async def test_a_call_to_r2_is_charged_as_a_read(make_client: MakeClient, create_video: Execute, user_id: str) -> None:
    """Each file is asked for once, and costs what a document costs."""
    for number in range(3):
        await create_video(f"v{number}")
    client = await make_client(reads_per_minute_worker=1_000)
    left, actual = await spend(client, HIGHLIGHTS, user_id)
    assert actual["r2Calls"] == 3
    assert left == 1_000 - actual["documentReads"] - 3


async def test_calls_to_r2_end_with_the_minutes_budget(
    make_client: MakeClient, create_video: Execute, user_id: str
) -> None:
    """A caller whose budget went into missing files makes no further call to R2."""
    for number in range(3):
        await create_video(f"v{number}")
    client = await make_client(reads_per_minute_worker=1)
    _, actual = await spend(client, HIGHLIGHTS, user_id)
    assert actual["r2Calls"] == 3
    refused = await ask(client, HIGHLIGHTS, user_id)
    assert refused["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert not refused.get("data")


async def test_a_hundred_values_are_charged_as_a_read(
    make_client: MakeClient, create_video: Execute, create_clips: Execute, user_id: str
) -> None:
    """As they are made: what was shown before is there, and is made once."""
    await create_video()
    await create_clips(*(make_clip_input(number) for number in range(1, 6)))
    client = await make_client(reads_per_minute_worker=10_000)
    left, actual = await spend(client, URLS, user_id)
    # Ten URLs of each of five clips, each of which counts as 20.
    assert actual["fieldValues"] >= 5 * 10 * 20
    assert left == 10_000 - actual["documentReads"] - actual["fieldValues"] // 100
    again, repeated = await spend(client, URLS, user_id)
    assert left - again == repeated["documentReads"] + repeated["fieldValues"] // 100
    assert repeated["fieldValues"] < 100
