"""GraphQL over real WebSockets: who is calling, until when, and every code with which a socket is closed."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from gql.authentication.issuers import CLOCK_SKEW_SECONDS
from gql.context import Context
from gql.http.websockets import SocketHandler
from gql.loaders import Loaders
from gql.permissions import Principal, Role
from gql.services import Services
from settings import Settings
from tests.clocks import MovedClock
from tests.gql.authentication.conftest import IssuerServer, Mint, Serve
from tests.patience import PATIENCE_SECONDS

PROTOCOL = "graphql-transport-ws"
TOKEN_SECONDS = 30
VIEWER = {"query": "{ viewer { userId roles } }"}
Open = Callable[..., AbstractAsyncContextManager[ClientConnection]]


@pytest.fixture
async def open_socket(guarded_client: httpx.AsyncClient) -> Open:
    """Opens sockets to a server that trusts the issuer."""
    address = str(guarded_client.base_url).replace("http", "ws", 1) + "/graphql"

    @asynccontextmanager
    async def open_socket(protocol: str | None = PROTOCOL, **headers: str) -> AsyncIterator[ClientConnection]:
        protocols = [Subprotocol(protocol)] if protocol else None
        async with connect(address, subprotocols=protocols, additional_headers=headers, proxy=None) as opened:
            yield opened

    return open_socket


async def send(opened: ClientConnection, *messages: object) -> None:
    for message in messages:
        await opened.send(json.dumps(message))


async def receive(opened: ClientConnection) -> Any:
    """The next message, which is text, as the protocol says."""
    message = await opened.recv()
    assert isinstance(message, str)
    return json.loads(message)


async def receive_close(opened: ClientConnection) -> tuple[int, str]:
    """The code and the reason with which the server closes; messages before it are passed over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionClosedError):
            async for _ in opened:
                pass
    assert opened.close_code is not None
    return opened.close_code, opened.close_reason or ""


def init(token: str | None = None) -> dict[str, Any]:
    return {"type": "connection_init"} | ({"payload": {"Authorization": f"Bearer {token}"}} if token else {})


def subscribe(operation_id: str = "1", **payload: Any) -> dict[str, Any]:
    return {"id": operation_id, "type": "subscribe", "payload": VIEWER | payload}


async def test_query_runs_as_the_user_of_connection_init(open_socket: Open, mint: Mint) -> None:
    """A query on a WebSocket runs as the user of the token in `connection_init`, then completes."""
    async with open_socket() as opened:
        await send(opened, init(mint()))
        assert await receive(opened) == {"type": "connection_ack"}
        await send(opened, subscribe())
        answer = await receive(opened)
        assert answer["payload"]["data"] == {"viewer": {"userId": "owner", "roles": ["USER"]}}
        assert await receive(opened) == {"id": "1", "type": "complete"}


async def test_header_of_the_handshake_counts_where_connection_init_says_nothing(open_socket: Open, mint: Mint) -> None:
    """Without a payload in `connection_init`, the handshake's Authorization header names the caller."""
    async with open_socket(Authorization=f"Bearer {mint()}") as opened:
        await send(opened, init(), subscribe())
        await receive(opened)
        assert (await receive(opened))["payload"]["data"]["viewer"]["userId"] == "owner"


async def test_a_payload_of_null_is_none(open_socket: Open, mint: Mint) -> None:
    """The handshake's header counts, and without one there is no token."""
    null = {"type": "connection_init", "payload": None}
    async with open_socket(Authorization=f"Bearer {mint()}") as opened:
        await send(opened, null, subscribe())
        assert await receive(opened) == {"type": "connection_ack"}
        assert (await receive(opened))["payload"]["data"]["viewer"]["userId"] == "owner"
    async with open_socket() as opened:
        await send(opened, null)
        assert (await receive_close(opened))[0] == 4403


async def test_connection_init_goes_before_the_header(open_socket: Open, mint: Mint) -> None:
    """The token in `connection_init` takes precedence over the handshake's header."""
    async with open_socket(Authorization=f"Bearer {mint()}") as opened:
        await send(opened, {"type": "connection_init", "payload": {"authorization": f"Bearer {mint(sub='b')}"}})
        await receive(opened)
        await send(opened, subscribe())
        assert (await receive(opened))["payload"]["data"]["viewer"]["userId"] == "b"


@pytest.mark.parametrize("changes", [{"exp": 1}, {"aud": "another"}, {"iss": "https://another.example"}], ids=str)
async def test_bad_token_closes_with_4403(open_socket: Open, mint: Mint, changes: dict[str, Any]) -> None:
    """An expired token, or one of another audience or issuer, closes the WebSocket with 4403."""
    async with open_socket() as opened:
        await send(opened, init(mint(**changes)), subscribe())
        assert await receive_close(opened) == (4403, "Forbidden")


@pytest.mark.parametrize("payload", [{}, {"Authorization": "x"}, {"Authorization": 7}, {"token": "x"}], ids=str)
async def test_no_token_closes_with_4403(open_socket: Open, payload: dict[str, Any]) -> None:
    """A `connection_init` without a bearer token closes the WebSocket with 4403."""
    async with open_socket() as opened:
        await send(opened, {"type": "connection_init", "payload": payload})
        assert await receive_close(opened) == (4403, "Forbidden")


async def test_refused_tokens_count_against_their_address_as_they_do_over_http(serve: Serve, guarded: Settings) -> None:
    """One count for both ways: else a socket would be the way to try tokens without end."""
    settings = guarded.model_copy(update={"requests_per_minute_anonymous": 2})
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        assert (await client.post("/graphql", json=VIEWER)).status_code == 401
        codes = []
        for _ in range(2):
            async with connect(
                address.replace("http", "ws", 1) + "/graphql", subprotocols=[Subprotocol(PROTOCOL)], proxy=None
            ) as opened:
                await send(opened, init("x"))
                codes.append((await receive_close(opened))[0])
        assert codes == [4403, 1013]
        assert (await client.post("/graphql", json=VIEWER)).status_code == 429


@pytest.mark.parametrize("wrong", ["path", "protocol", "message"])
async def test_bad_handshakes_and_sockets_count_against_their_address(
    serve: Serve, guarded: Settings, wrong: str
) -> None:
    """A path that is not the API's, an unknown subprotocol, an unknown message: all are refusals."""
    settings = guarded.model_copy(update={"requests_per_minute_anonymous": 1})
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        url = address.replace("http", "ws", 1) + ("/nothing" if wrong == "path" else "/graphql")
        protocol = Subprotocol("another" if wrong == "protocol" else PROTOCOL)
        for _ in range(2):
            with contextlib.suppress(InvalidStatus, ConnectionClosedError):
                async with connect(url, subprotocols=[protocol], proxy=None) as opened:
                    await send(opened, {"type": "nonsense"})
                    await receive_close(opened)
        assert (await client.post("/graphql", json=VIEWER)).status_code == 429


async def test_token_that_expires_closes_with_4403(open_socket: Open, mint: Mint, clock: MovedClock) -> None:
    """A minute after its `exp`, for clocks that are apart: until then it answers."""
    async with open_socket() as opened:
        await send(opened, init(mint(exp=int(time.time()) + TOKEN_SECONDS)), subscribe())
        assert await receive(opened) == {"type": "connection_ack"}
        assert (await receive(opened))["payload"]["data"]["viewer"]["userId"] == "owner"
        clock.advance(TOKEN_SECONDS + CLOCK_SKEW_SECONDS)
        assert await receive_close(opened) == (4403, "Forbidden")


async def test_outage_of_the_issuer_closes_so_that_clients_come_again(
    serve: Serve, guarded: Settings, issuer: IssuerServer, mint: Mint
) -> None:
    """An outage of the issuer closes the WebSocket with 1013."""
    issuer.status = 500
    async with serve(guarded) as address:
        url = address.replace("http", "ws", 1) + "/graphql"
        async with connect(url, subprotocols=[Subprotocol(PROTOCOL)], proxy=None) as opened:
            await send(opened, init(mint()))
            assert (await receive_close(opened))[0] == 1013


@pytest.mark.parametrize(
    "message",
    [
        [],
        "text",
        7,
        None,
        {},
        {"type": 7},
        {"type": "nothing"},
        {"type": "x" * 1000},
        {"type": "connection_init", "payload": "text"},
        {"type": "subscribe"},
        {"type": "subscribe", "id": [1], "payload": VIEWER},
        {"type": "subscribe", "id": "1", "payload": "text"},
        {"type": "subscribe", "id": "1", "payload": {}},
        {"type": "subscribe", "id": "1", "payload": {"query": 7}},
        {"type": "subscribe", "id": "1", "payload": VIEWER | {"variables": []}},
        {"type": "subscribe", "id": "1", "payload": VIEWER | {"operationName": 7}},
        {"type": "complete", "id": {}},
    ],
    ids=lambda message: json.dumps(message)[:60],
)
async def test_message_that_the_protocol_does_not_know_closes_with_4400(
    open_socket: Open, mint: Mint, message: object
) -> None:
    """A message of an unknown type or shape closes the WebSocket with 4400."""
    async with open_socket() as opened:
        if not isinstance(message, dict) or message.get("type") != "connection_init":
            await send(opened, init(mint()))
            await receive(opened)
        await send(opened, message)
        assert (await receive_close(opened))[0] == 4400


@pytest.mark.parametrize("frame", [b"{}", "{", ""], ids=repr)
async def test_frame_that_is_no_json_text_closes_with_4400(open_socket: Open, frame: str | bytes) -> None:
    """A binary frame, or one that is not JSON, closes the WebSocket with 4400."""
    async with open_socket() as opened:
        await opened.send(frame)
        assert (await receive_close(opened))[0] == 4400


async def test_document_that_cannot_be_read_is_an_error_of_its_operation(open_socket: Open, mint: Mint) -> None:
    """A syntax error is an `error` message of its operation, with BAD_USER_INPUT."""
    async with open_socket() as opened:
        await send(opened, init(mint()), subscribe(query="{"))
        await receive(opened)
        answer = await receive(opened)
        assert answer["type"] == "error"
        assert answer["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_operation_before_connection_init_closes_with_4401(open_socket: Open) -> None:
    """A `subscribe` before `connection_init` closes the WebSocket with 4401."""
    async with open_socket() as opened:
        await send(opened, subscribe())
        assert await receive_close(opened) == (4401, "Unauthorized")


@pytest.mark.parametrize("protocol", ["graphql-ws", "soap", None])
async def test_other_protocols_close_with_4406(open_socket: Open, protocol: str | None) -> None:
    """Also the older protocol of Apollo's, whose `start` knows no caller."""
    async with open_socket(None) if protocol is None else open_socket(protocol) as opened:
        assert (await receive_close(opened))[0] == 4406


async def test_second_operation_of_an_id_closes_with_4409(open_socket: Open, mint: Mint) -> None:
    """A second operation with the id of a running one closes the WebSocket with 4409."""
    async with open_socket() as opened:
        slow = "{ videos { totalCount } }"
        await send(opened, init(mint()), subscribe("same", query=slow), subscribe("same", query=slow))
        assert await receive_close(opened) == (4409, "Subscriber for same already exists")


async def test_second_connection_init_closes_with_4429(open_socket: Open, mint: Mint) -> None:
    """A second `connection_init` closes the WebSocket with 4429."""
    async with open_socket() as opened:
        await send(opened, init(mint()), init("bad"))
        assert await receive_close(opened) == (4429, "Too many initialisation requests")


async def test_page_of_another_origin_gets_no_socket(open_socket: Open) -> None:
    """The handshake of a page on another origin gets 403."""
    with pytest.raises(InvalidStatus) as refusal:
        async with open_socket(Origin="https://evil.example"):
            raise AssertionError
    assert refusal.value.response.status_code == 403


async def test_each_operation_sees_what_was_written_before_it(
    open_socket: Open, create_video: Any, query: Any, mint: Mint, user_id: str
) -> None:
    """An operation on a WebSocket shows writes since the one before it: loaders are not shared."""
    update = "mutation ($input: UpdateVideoInput!) { updateVideo(input: $input) { __typename } }"
    await create_video(title="One")
    titles = []
    async with open_socket() as opened:
        await send(opened, init(mint(sub=user_id)))
        await receive(opened)
        for title in ("Two", "Three"):
            await send(opened, subscribe(query='{ video(videoId: "v1") { title } }'))
            titles.append((await receive(opened))["payload"]["data"]["video"]["title"])
            assert (await receive(opened))["type"] == "complete"
            await query(update, input={"videoId": "v1", "userId": user_id, "title": title})
    assert titles == ["One", "Two"]


async def test_message_that_comes_between_expiry_and_close_is_lost(services: Services) -> None:
    """The handler has no socket here: it would fail if it answered."""
    expired = Principal("owner", frozenset({Role.USER}), expires_at=time.time())
    handler = SocketHandler.__new__(SocketHandler)
    handler.context = Context(expired, services, Loaders(services), request_id="test")
    await handler.handle_message({"type": "ping"})
    handler.context = replace(handler.context, principal=replace(expired, expires_at=None))
    with pytest.raises(AttributeError):
        await handler.handle_message({"type": "ping"})
