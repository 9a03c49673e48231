"""WebSocket messages in fragments: they have a time, from the first to the last."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed

from gql.http.limits.uvicorn_protocols import WriteTimeoutSocketProtocol
from tests.clocks import MovedClock
from tests.gql.subscription.conftest import open_socket, read_socket, serve_app, take_rest
from tests.patience import PATIENCE_SECONDS

SUBSCRIBE = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "{ __typename }"}})


@pytest.fixture
async def address(app: Starlette) -> AsyncIterator[str]:
    """A server."""
    async with serve_app(app) as address:
        yield address


@pytest.mark.parametrize("first", ["", '{"id"'], ids=["empty", "text"])
async def test_a_message_that_does_not_end_closes_its_socket(
    address: str, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """With 1008, also where fragments go on coming; the client answers pings meanwhile."""
    monkeypatch.setattr(WriteTimeoutSocketProtocol, "message_seconds", 0.2)
    async with open_socket(address) as opened:

        async def drip() -> AsyncIterator[str]:
            yield first
            while True:
                await asyncio.sleep(0.05)
                yield " "

        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await opened.send(drip())
        await opened.wait_closed()
        assert opened.close_code == 1008


async def test_a_message_in_many_fragments_is_taken(
    address: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time ends with it: the socket stays open for longer than that, idle."""
    monkeypatch.setattr(WriteTimeoutSocketProtocol, "message_seconds", PATIENCE_SECONDS)
    async with open_socket(address) as opened:
        await opened.send(SUBSCRIBE)
        assert await take_rest(read_socket(opened)) == ["Query"]
        await opened.send([*SUBSCRIBE.replace('"1"', '"2"')])
        assert await take_rest(read_socket(opened)) == ["Query"]
        clock.advance(PATIENCE_SECONDS + 1)
        await asyncio.sleep(0)
        await opened.send(SUBSCRIBE.replace('"1"', '"3"'))
        assert await take_rest(read_socket(opened)) == ["Query"]
