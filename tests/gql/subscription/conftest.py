"""Subscriptions as clients have them: a real server, and both transports behind one `follow`."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gql.authentication.dev_tokens import mint_token
from gql.http.limits.uvicorn_protocols import HeaderTimeoutProtocol, WriteTimeoutSocketProtocol
from gql.permissions import Role
from gql.services import Services
from repositories.listening.listener import Listener
from settings import Settings
from tests.patience import PATIENCE_SECONDS

Events = AsyncIterator[Any]
Follow = Callable[..., AbstractAsyncContextManager[Events]]

VIDEO_CHANGED = """
subscription ($videoId: ID!, $after: String, $userId: ID) {
  videoChanged(videoId: $videoId, after: $after, userId: $userId) {
    kind version videoId deletedId video { title status clipsCount clipsByStyle { style count } cover { clipId } }
  }
}
"""
VIDEO_EVENTS = """
subscription ($after: String, $userId: ID) {
  videoEvents(after: $after, userId: $userId) { kind version videoId deletedId video { title } }
}
"""
CLIP_EVENTS = """
subscription ($videoId: ID!, $style: String, $after: String, $userId: ID) {
  clipEvents(videoId: $videoId, style: $style, after: $after, userId: $userId) {
    kind version clipId deletedId clip { title style status }
  }
}
"""


@asynccontextmanager
async def serve_app(app: Starlette) -> AsyncIterator[str]:
    """Serves the app over a real port as `clipgraph serve` does, and answers its address."""
    # asyncio turns Nagle's delay off for sockets that say they are TCP's only.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            http=HeaderTimeoutProtocol,
            ws=WriteTimeoutSocketProtocol,
            ws_per_message_deflate=False,
        )
        config.load()
        server = uvicorn.Server(config)
        # What `Server.serve` does, without its signal handlers and its ticks of 0.1 s.
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            app.state.drain.begin()
            await server.shutdown(sockets=[listener])


@pytest.fixture
def services(app: Starlette) -> Services:
    """The services behind the app, of which nothing outlives its last subscriber."""
    services: Services = app.state.services
    vars(services)["listener"] = Listener(services.firestore, linger_seconds=0)
    return services


@pytest.fixture
async def address(app: Starlette, services: Services) -> AsyncIterator[str]:
    """Where this test's app can be reached over the network."""
    async with serve_app(app) as address:
        yield address
    assert services.listener.targets_count == 0


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a folder of the test's own, in which is the key of its tokens."""
    return settings.model_copy(update={"data_dir": tmp_path})


@pytest.fixture
def mint(settings: Settings) -> Callable[..., str]:
    """Makes tokens."""

    def mint(user_id: str, role: Role = Role.USER, expires_in_seconds: int = 600) -> str:
        return mint_token(settings.data_dir, user_id, role, expires_in_seconds)

    return mint


@asynccontextmanager
async def follow_socket(
    address: str, document: str, token: str | None = None, **variables: Any
) -> AsyncIterator[Events]:
    """The results of an operation over WebSocket."""
    async with open_socket(address, token) as opened:
        await subscribe(opened, document, **variables)
        yield read_socket(opened)


@asynccontextmanager
async def open_socket(address: str, token: str | None = None) -> AsyncIterator[ClientConnection]:
    """An acknowledged socket."""
    url = address.replace("http", "ws", 1) + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    # A client that has not read everything is not told of the close.
    async with connect(url, subprotocols=protocols, proxy=None, close_timeout=1) as opened:
        payload = {"payload": {"Authorization": f"Bearer {token}"}} if token else {}
        await opened.send(json.dumps({"type": "connection_init", **payload}))
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}
        yield opened


async def subscribe(opened: ClientConnection, document: str, operation_id: str = "1", **variables: Any) -> None:
    """Starts an operation."""
    payload = {"query": document, "variables": variables}
    await opened.send(json.dumps({"id": operation_id, "type": "subscribe", "payload": payload}))


async def read_socket(opened: ClientConnection) -> Events:
    """The results of the one operation of a socket."""
    async for text in opened:
        message = json.loads(text)
        if message["type"] == "complete":
            return
        if message["type"] == "error":
            yield {"errors": message["payload"]}
            return
        yield message["payload"]


@asynccontextmanager
async def follow_stream(
    address: str, document: str, token: str | None = None, **variables: Any
) -> AsyncIterator[Events]:
    """The results of an operation over server-sent events."""
    body = {"query": document, "variables": variables}
    async with open_stream(address, token, json=body) as response:
        assert response.headers["content-type"] == "text/event-stream"
        yield read_stream(response)


@asynccontextmanager
async def open_stream(address: str, token: str | None = None, **request: Any) -> AsyncIterator[httpx.Response]:
    """The response to a request for an event stream, whose body is still to come."""
    headers = {"accept": "text/event-stream", **({"authorization": f"Bearer {token}"} if token else {})}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream(request.pop("method", "POST"), f"{address}/graphql", headers=headers, **request) as response,
    ):
        yield response


async def read_stream(response: httpx.Response) -> Events:
    """The results until `complete`; `EOFError` where the stream ends without."""
    kind = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: ") and kind == "next":
            yield json.loads(line.removeprefix("data: "))
        elif kind == "complete":
            return
    raise EOFError


TRANSPORTS = {"socket": follow_socket, "stream": follow_stream}


@pytest.fixture(params=TRANSPORTS)
def follow(request: pytest.FixtureRequest) -> Follow:
    """Follows an operation over one of the transports."""
    return TRANSPORTS[request.param]


async def take(events: Events, count: int) -> list[Any]:
    """The next so many events, as their field has them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [unwrap(await anext(events)) for _ in range(count)]


async def take_rest(events: Events) -> list[Any]:
    """All events until the operation is over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [unwrap(result) async for result in events]


async def take_error(events: Events) -> Any:
    """The error with which the operation ends at once."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        (result,) = [result async for result in events]
    (error,) = result["errors"]
    return error


def unwrap(result: Any) -> Any:
    """The event of a result without errors."""
    assert "errors" not in result, result
    (event,) = result["data"].values()
    return event


async def wait_until(check: Callable[[], bool]) -> None:
    """Waits for the condition."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not check():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(0.01)
