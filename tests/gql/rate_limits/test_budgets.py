"""Callers' budgets for a minute: requests, and documents read."""

import hashlib
from typing import Any

import httpx
import pytest

from gql.permissions import Principal, Role
from gql.rate_limits.budgets import Budgets, RateLimitedError
from settings import ApiKeySettings, Settings
from tests.gql.conftest import MakeClient

ALICE = Principal("alice", frozenset({Role.USER}))
EVE = Principal("eve", frozenset({Role.USER}))
READS = {"query": "{ videos { nodes { id } } }"}


async def ask(client: httpx.AsyncClient, **request: Any) -> httpx.Response:
    return await client.post("/graphql", json=request or READS)


async def test_requests_are_counted_down_in_headers_and_end_with_429(make_client: MakeClient) -> None:
    """The RateLimit headers count down to 0, and the next request gets 429 with Retry-After."""
    client = await make_client(requests_per_minute_worker=2)
    first, second, third = [await ask(client) for _ in range(3)]
    assert [first.headers["ratelimit-remaining"], second.headers["ratelimit-remaining"]] == ["1", "0"]
    assert third.status_code == 429
    assert third.headers["ratelimit-limit"] == "2"
    assert 0 < int(third.headers["retry-after"]) <= 60
    assert third.headers["retry-after"] == third.headers["ratelimit-reset"]
    assert third.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_reads_are_charged_as_they_were_and_not_as_they_were_bound(make_client: MakeClient) -> None:
    """An empty list is one read, though it could have been 21."""
    client = await make_client(reads_per_minute_worker=600)
    cost = (await ask(client)).json()["extensions"]["cost"]
    assert cost["requested"]["documentReads"] == 21
    throttle = cost["throttle"]
    assert throttle.pop("resetsInSeconds") <= 60
    spent = cost["actual"]["documentReads"]
    assert throttle == {"maximumAvailable": 600, "currentlyAvailable": 600 - spent, "restoreRate": 10}


async def test_whoever_has_used_up_their_reads_gets_429_until_the_minute_is_over(make_client: MakeClient) -> None:
    """A caller without reads left gets 429."""
    client = await make_client(reads_per_minute_worker=1)
    assert (await ask(client)).status_code == 200
    refused = await ask(client)
    assert refused.status_code == 429
    assert "documents" in refused.json()["errors"][0]["message"]


async def test_requests_without_a_good_token_are_counted_by_address(make_client: MakeClient) -> None:
    """And those with a good one from the same address are not kept out by them."""
    secret = "cg_" + "k" * 43
    key = ApiKeySettings(name="farm", sha256=hashlib.sha256(secret.encode()).hexdigest())
    client = await make_client(auth_api_keys=(key,), requests_per_minute_anonymous=2)
    statuses = [(await ask(client)).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]
    client.headers["authorization"] = f"Bearer {secret}"
    assert (await ask(client, query="{ __typename }")).status_code != 429


@pytest.mark.parametrize(("role", "limit"), [(Role.USER, 1_200), (Role.WORKER, 60_000), (Role.ADMIN, 60_000)])
async def test_limits_follow_the_role(role: Role, limit: int) -> None:
    """The limit of requests is that of the caller's highest role."""
    budgets = Budgets(Settings())
    quota = await budgets.admit(Principal("somebody", frozenset({Role.USER, role})))
    assert (quota.limit, quota.remaining) == (limit, limit - 1)


async def test_callers_do_not_pay_for_each_other() -> None:
    """One caller's used-up budget leaves another's full."""
    budgets = Budgets(Settings(reads_per_minute_user=10))
    await budgets.charge(EVE, 1_000)
    with pytest.raises(RateLimitedError):
        await budgets.admit(EVE)
    assert (await budgets.admit(ALICE)).remaining == 1_199
    assert (await budgets.get_reads(ALICE)).remaining == 10


def test_what_runs_at_once_cannot_read_more_than_a_minutes_budget() -> None:
    """But whatever runs alone may run, and what has ended does not count."""
    budgets = Budgets(Settings(reads_per_minute_user=100))
    with budgets.running(ALICE, 90):
        with budgets.running(EVE, 500), budgets.running(ALICE, 10):
            pass
        with pytest.raises(RateLimitedError), budgets.running(ALICE, 11):
            pass
    with budgets.running(ALICE, 100):
        pass


async def test_refused_documents_cost_nothing_but_the_request(make_client: MakeClient) -> None:
    """Refused documents take no reads off the budget."""
    client = await make_client(reads_per_minute_worker=1)
    for _ in range(3):
        answer = await ask(client, query="{ videos(first: 10000) { nodes { clips(first: 10000) { totalCount } } } }")
        assert answer.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert (await ask(client)).status_code == 200
