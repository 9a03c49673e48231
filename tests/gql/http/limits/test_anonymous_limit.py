"""Refusals of anonymous callers count against their address; those of known callers do not."""

import hashlib
from typing import Any

import httpx
import pytest

from settings import ApiKeySettings
from tests.gql.conftest import MakeClient

SECRET = "cg_" + "k" * 43
KEY = ApiKeySettings(name="farm", sha256=hashlib.sha256(SECRET.encode()).hexdigest())
GOOD = {"authorization": f"Bearer {SECRET}"}
JSON = {"content-type": "application/json"}
LIMIT = 2

# What is sent, and the status of its refusal.
REFUSALS: dict[str, tuple[dict[str, Any], int]] = {
    "no such page": ({"method": "GET", "url": "/nothing"}, 404),
    "no such asset": ({"method": "GET", "url": "/graphql/assets/nothing"}, 404),
    "no token": ({"method": "POST", "url": "/graphql", "json": {"query": "{ __typename }"}}, 401),
    "bad token": ({"method": "POST", "url": "/graphql", "headers": {"authorization": "Bearer x"}}, 401),
    "method of a health check": ({"method": "DELETE", "url": "/livez"}, 405),
    "compressed body": ({"method": "POST", "url": "/graphql", "headers": {"content-encoding": "gzip"}}, 415),
    "large body": ({"method": "POST", "url": "/graphql", "headers": {"content-length": "99999999"}}, 413),
    "preflight of another origin": (
        {
            "method": "OPTIONS",
            "url": "/graphql",
            "headers": {"origin": "https://evil.example", "access-control-request-method": "POST"},
        },
        400,
    ),
}


async def open_client(make_client: MakeClient) -> httpx.AsyncClient:
    return await make_client(auth_api_keys=(KEY,), requests_per_minute_anonymous=LIMIT)


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals_of_strangers_count_and_end_with_429(make_client: MakeClient, name: str) -> None:
    """Answers that anybody may have do not count, and go on; and so does all that is sent with a good key."""
    client = await open_client(make_client)
    request, status = REFUSALS[name]
    answers = []
    for _ in range(LIMIT + 1):
        assert (await client.get("/livez")).status_code == 200
        answers.append(await client.request(**request))
    assert [answer.status_code for answer in answers] == [status, status, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[-1].headers["retry-after"] == answers[-1].headers["ratelimit-reset"]
    assert answers[-1].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (await client.get("/livez")).status_code == 200
    good = await client.post("/graphql", json={"query": "{ __typename }"}, headers=GOOD)
    assert good.status_code == 200


async def test_refusals_of_all_kinds_are_one_count(make_client: MakeClient) -> None:
    """Refusals of all kinds count together: beyond the limit each becomes 429."""
    client = await open_client(make_client)
    statuses = [(await client.request(**request)).status_code for request, _ in REFUSALS.values()]
    assert statuses[LIMIT:] == [429] * (len(REFUSALS) - LIMIT)


async def test_mistakes_of_known_callers_do_not_count_against_their_address(make_client: MakeClient) -> None:
    """Bad JSON, a form, a method: each has its status as often as it is sent, from an address of many."""
    client = await open_client(make_client)
    client.headers.update(GOOD)
    for _ in range(LIMIT + 1):
        assert (await client.post("/graphql", content=b"{", headers=JSON)).status_code == 400
        assert (await client.post("/graphql", data={"query": "x"})).status_code == 415
        assert (await client.put("/graphql", json={})).status_code == 405
    del client.headers["authorization"]
    assert (await client.get("/nothing")).status_code == 404


async def test_page_of_another_origin_can_read_that_it_is_limited(make_client: MakeClient) -> None:
    """A 429 keeps the refusal's CORS headers, and drops its challenge."""
    origin = "https://app.example.com"
    client = await make_client(auth_api_keys=(KEY,), requests_per_minute_anonymous=1, allowed_origins=(origin,))
    answers = [await client.post("/graphql", json={}, headers={"origin": origin}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]
    assert answers[1].headers["access-control-allow-origin"] == origin
    assert "retry-after" in answers[1].headers["access-control-expose-headers"].lower()
    assert "www-authenticate" not in answers[1].headers
