"""How subscriptions end: by their client, with their token, with the process; and that nothing is left of them."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gql.authentication.issuers import CLOCK_SKEW_SECONDS
from gql.http import event_streams
from gql.services import Services
from tests.clocks import MovedClock
from tests.gql.subscription.conftest import (
    CLIP_EVENTS,
    VIDEO_EVENTS,
    Follow,
    open_socket,
    open_stream,
    read_stream,
    serve_app,
    subscribe,
    take,
    wait_until,
)
from tests.patience import PATIENCE_SECONDS

# With the skew less than the listener waits for a silent Firestore: 120 s.
TOKEN_SECONDS = 30


async def test_nothing_is_left_of_who_leaves(
    follow: Follow, address: str, services: Services, create_video: Any, user_id: str
) -> None:
    """No target, no stream of Firestore's, no task."""
    await create_video()
    before = len(asyncio.all_tasks())
    async with (
        follow(address, VIDEO_EVENTS, userId=user_id) as events,
        follow(address, CLIP_EVENTS, videoId="v1", userId=user_id),
    ):
        await take(events, 1)
        await wait_until(lambda: services.listener.targets_count == 3)
        assert services.listener.streams_count == 1
    await wait_until(lambda: services.listener.targets_count == 0)
    await wait_until(lambda: services.listener.streams_count == 0)
    await wait_until(lambda: len(asyncio.all_tasks()) <= before)


async def test_operation_that_is_completed_by_its_client_leaves(
    address: str, services: Services, create_video: Any, user_id: str
) -> None:
    """`complete` from the client ends the subscription and its target."""
    await create_video()
    async with open_socket(address) as opened:
        await subscribe(opened, VIDEO_EVENTS, userId=user_id)
        await opened.recv()
        assert services.listener.targets_count == 1
        await opened.send(json.dumps({"id": "1", "type": "complete"}))
        await wait_until(lambda: services.listener.targets_count == 0)


async def test_stream_ends_with_its_token(
    address: str, services: Services, create_video: Any, user_id: str, mint: Callable[..., str], clock: MovedClock
) -> None:
    """A minute after its `exp`, as everywhere; the last event says so."""
    await create_video()
    token = mint(user_id, expires_in_seconds=TOKEN_SECONDS)
    async with open_stream(address, token, json={"query": VIDEO_EVENTS}) as response:
        results = read_stream(response)
        first = await anext(results)
        clock.advance(TOKEN_SECONDS + CLOCK_SKEW_SECONDS)
        (last,) = [result async for result in results]
    assert first["data"]["videoEvents"]["videoId"] == "v1"
    assert [error["extensions"]["code"] for error in last["errors"]] == ["UNAUTHENTICATED"]
    await wait_until(lambda: services.listener.targets_count == 0)


async def test_socket_ends_with_its_token(
    address: str, services: Services, user_id: str, mint: Callable[..., str], clock: MovedClock
) -> None:
    """A minute after its `exp`, the socket is closed as one of a caller without rights."""
    token = mint(user_id, expires_in_seconds=TOKEN_SECONDS)
    async with open_socket(address, token) as opened:
        await subscribe(opened, VIDEO_EVENTS)
        await wait_until(lambda: services.listener.targets_count > 0)
        clock.advance(TOKEN_SECONDS + CLOCK_SKEW_SECONDS)
        with pytest.raises(ConnectionClosed):
            await opened.recv()
        assert opened.close_code == 4403
    await wait_until(lambda: services.listener.targets_count == 0)


async def test_who_is_nobody_follows_nothing(address: str) -> None:
    """An event stream with a bad token gets 401."""
    async with open_stream(address, "x.y.z", json={"query": VIDEO_EVENTS}) as response:
        assert response.status_code == 401


async def test_idle_stream_is_kept_open(app: Starlette, monkeypatch: pytest.MonkeyPatch, user_id: str) -> None:
    """By a comment every so often, which is no event."""
    monkeypatch.setattr(event_streams, "PING_SECONDS", 0.05)
    body = {"query": VIDEO_EVENTS, "variables": {"userId": user_id}}
    async with serve_app(app) as address, open_stream(address, json=body) as response:
        lines = response.aiter_lines()
        assert [await anext(lines) for _ in range(4)] == [": ping", "", ": ping", ""]


async def test_drain_tells_who_is_there_to_come_again(app: Starlette, create_video: Any, user_id: str) -> None:
    """Streams end without `complete`, sockets with 1012: what clients take for a reason to reconnect."""
    await create_video()
    body = {"query": VIDEO_EVENTS, "variables": {"userId": user_id}}
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.timeout(PATIENCE_SECONDS), serve_app(app) as address:
            opened = await stack.enter_async_context(open_socket(address))
            await subscribe(opened, VIDEO_EVENTS, userId=user_id)
            await opened.recv()
            response = await stack.enter_async_context(open_stream(address, json=body))
            events = read_stream(response)
            await take(events, 1)
        with pytest.raises(EOFError):
            await anext(events)
        with pytest.raises(ConnectionClosed):
            await opened.recv()
        assert opened.close_code == 1012


async def test_drain_refuses_who_comes(app: Starlette, address: str) -> None:
    """To stay; a query is still answered."""
    app.state.drain.begin()
    async with open_stream(address, json={"query": VIDEO_EVENTS}) as response:
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(address.replace("http", "ws", 1) + "/graphql", proxy=None):
            raise AssertionError
    assert refusal.value.response.status_code == 503
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{address}/graphql", json={"query": "{ viewer { userId } }"})
    assert answer.json()["data"] == {"viewer": {"userId": "demo"}}
