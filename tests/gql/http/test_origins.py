"""Pages of other origins: WebSockets are let in as HTTP is, and each refusal is one line that says what to set."""

import json

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from gql.app import create_app
from gql.http.origins import NO_HEADER, NO_ORIGIN, TOO_MANY_HEADERS
from settings import APOLLO_HEADERS, TRACING_HEADERS, ApiKeySettings, Settings
from tests.gql.http.test_security_headers import APP_ORIGIN, HASH, KEY, open_client
from tests.gql.subscription.conftest import serve_app

QUERY = {"query": "{ viewer { userId } }"}


def read_refusals(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines about refused requests since the last call."""
    return [line for line in capsys.readouterr().out.splitlines() if "request_refused" in line or "ejected" in line]


def guard(settings: Settings) -> Settings:
    """Settings that tell callers apart, and allow one origin."""
    key = ApiKeySettings(name="farm", sha256=HASH)
    return settings.model_copy(update={"auth_api_keys": (key,), "allowed_origins": (APP_ORIGIN,)})


async def open_from(address: str, origin: str | None, token: str | None = KEY) -> int:
    """The status of a WebSocket's handshake from a page of the origin."""
    url = address.replace("http", "ws", 1) + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    page = None if origin is None else Origin(origin)
    try:
        async with connect(url, origin=page, subprotocols=protocols, proxy=None) as opened:
            payload = {"Authorization": f"Bearer {token}"} if token else {}
            await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await opened.recv()) == {"type": "connection_ack"}
    except InvalidStatus as refusal:
        return refusal.response.status_code
    return 101


async def post_from(address: str, origin: str) -> bool:
    """Whether a page of the origin may read an answer over HTTP."""
    headers = {"origin": origin, "authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{address}/graphql", json=QUERY, headers=headers)
    return bool(answer.headers.get("access-control-allow-origin") == origin)


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:3000", "HTTP://[::1]:1", "http://localhost"]
)
async def test_a_dev_servers_port_may_open_a_socket(app: Starlette, origin: str) -> None:
    """Without an issuer, pages of this machine follow live from any port, as they query over HTTP."""
    async with serve_app(app) as address:
        assert await open_from(address, origin, token=None) == 101


ORIGINS = {
    APP_ORIGIN: True,
    "https://evil.example": False,
    "http://localhost:5173": False,
    "null": False,
    "https://app.example.evil.example": False,
    "https://app.example:8443": False,
}


async def test_sockets_are_let_in_as_http_is(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """With an issuer, the same origins pass over both; a program and the server's own page pass, too."""
    async with serve_app(create_app(guard(settings))) as address:
        for origin, is_allowed in ORIGINS.items():
            assert await post_from(address, origin) is is_allowed, origin
            capsys.readouterr()
            assert await open_from(address, origin) == (101 if is_allowed else 403), origin
            refusals = read_refusals(capsys)
            assert len(refusals) == (0 if is_allowed else 1), refusals
            if not is_allowed:
                assert "CLIPGRAPH_ALLOWED_ORIGINS" in refusals[0]
                assert origin in refusals[0]
        assert await open_from(address, None) == 101
        assert await open_from(address, address) == 101


@pytest.mark.parametrize("header", [*TRACING_HEADERS, *APOLLO_HEADERS, "X-Request-Id", "If-None-Match"])
async def test_clients_headers_are_allowed_by_default(settings: Settings, header: str) -> None:
    """The headers that tracing and Apollo's clients add to requests make no preflight fail."""
    async with open_client(guard(settings)) as client:
        answer = await ask(client, header)
    assert answer.status_code == 200
    assert header.lower() in answer.headers["access-control-allow-headers"].lower()


async def ask(client: httpx.AsyncClient, headers: str, origin: str = APP_ORIGIN) -> httpx.Response:
    """A browser's preflight for a request with these headers."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": headers}
    return await client.options("/graphql", headers={"origin": origin, **asked})


ADVISED = [
    (APP_ORIGIN, "x-foo"),
    (APP_ORIGIN, "content-type, X-Tenant,x-other,traceparent"),
    (APP_ORIGIN, ",".join(f"x-{number}" for number in range(50))),
    ("https://other.example:8443", "traceparent"),
    ("https://" + "a." * 120 + "example", "traceparent"),
    ("http://localhost:5173", "content-type"),
]


@pytest.mark.parametrize(("origin", "headers"), ADVISED)
async def test_a_refusal_names_what_allows_it(settings: Settings, origin: str, headers: str) -> None:
    """A refused preflight's line has one setting and a value; with it the same preflight passes, as others still do."""
    async with open_client(guard(settings)) as client:
        with capture_logs() as lines:
            assert (await ask(client, headers, origin)).status_code == 400
    (line,) = [line for line in lines if line["event"] == "request_refused"]
    assert line["reason"] == f"Add {line['add']!r} to {line['setting']} to allow this."
    name = line["setting"].removeprefix("CLIPGRAPH_").lower()
    advised = getattr(Settings.model_validate({name: line["add"]}), name)
    kept = getattr(guard(settings), name)
    async with open_client(guard(settings), **{name: (*kept, *advised)}) as client:
        assert (await ask(client, headers, origin)).status_code == 200
        built_in = ",".join((*TRACING_HEADERS, *APOLLO_HEADERS, "authorization"))
        assert (await ask(client, built_in)).status_code == 200


HOPELESS = [
    ("null", "content-type", NO_ORIGIN),
    ("file://", "content-type", NO_ORIGIN),
    ("capacitor://localhost", "content-type", NO_ORIGIN),
    ("https://a.example,https://b.example", "content-type", NO_ORIGIN),
    ("https://" + "a." * 300 + "example", "content-type", NO_ORIGIN),
    (APP_ORIGIN, "*", NO_HEADER),
    (APP_ORIGIN, "x-foo,x.foo", NO_HEADER),
    (APP_ORIGIN, "x" * 101, NO_HEADER),
    (APP_ORIGIN, ",".join(f"x-{number}" for number in range(200)), TOO_MANY_HEADERS),
]


@pytest.mark.parametrize(("origin", "headers", "advice"), HOPELESS)
async def test_a_refusal_advises_nothing_that_settings_refuse(
    settings: Settings, origin: str, headers: str, advice: str
) -> None:
    """A value that no setting takes has no `add`: the line says what can be done instead."""
    async with open_client(guard(settings)) as client:
        with capture_logs() as lines:
            assert (await ask(client, headers, origin)).status_code == 400
    (line,) = [line for line in lines if line["event"] == "request_refused"]
    assert (line["reason"], "add" in line) == (advice, False)


async def test_a_socket_of_no_origin_is_advised_nothing_that_settings_refuse(settings: Settings) -> None:
    """A WebSocket from a sandboxed frame is refused with the same advice, whether callers are told apart or not."""
    for given in (settings, guard(settings)):
        async with serve_app(create_app(given)) as address:
            with capture_logs() as lines:
                assert await open_from(address, "null") == 403
        (line,) = [line for line in lines if line["event"] == "request_refused"]
        assert (line["reason"], line["refused"], "add" in line) == (NO_ORIGIN, "null", False)


async def test_refused_preflight_is_one_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """A foreign origin's preflight is one line with the origin, whether callers are told apart or not."""
    for given in (settings, guard(settings)):
        async with open_client(given) as client:
            answer = await ask(client, "content-type", "https://evil.example")
        assert answer.status_code in {400, 403}
        (line,) = read_refusals(capsys)
        assert "CLIPGRAPH_ALLOWED_ORIGINS" in line
        assert "https://evil.example" in line


def test_names_of_headers_are_checked() -> None:
    """A name that no header can have is refused at start."""
    assert Settings.model_validate({"allowed_headers": "X-A, x_b"}).allowed_headers == ("X-A", "x_b")
    for bad in ("*", "a b", "x:y", "ä"):
        with pytest.raises(ValueError, match="allowed_headers"):
            Settings.model_validate({"allowed_headers": bad})
