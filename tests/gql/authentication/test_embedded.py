"""Without an issuer: the demo user, tokens of the data directory's key, and this machine's own pages only."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from gql.app import create_app
from gql.authentication.dev_tokens import KEY_FILE, mint_token
from gql.authentication.exposure import assert_safe_to_serve
from gql.http.loopback import is_loopback_address
from gql.permissions import Role
from settings import ConfigurationError, Settings
from tests.gql.authentication.conftest import Mint, Serve

Ask = Callable[[httpx.AsyncClient, str | None], Awaitable[httpx.Response]]
QUERY = {"query": "{ viewer { userId roles } }"}
WEBSOCKET = Subprotocol("graphql-transport-ws")


@pytest.fixture
def embedded(settings: Settings, tmp_path: Path) -> Settings:
    """Settings without an issuer, over a data directory of the test's own."""
    return settings.model_copy(update={"data_dir": tmp_path})


@pytest.fixture
async def client(serve: Serve, embedded: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to a server without an issuer."""
    async with serve(embedded) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("role", "roles"), [(Role.USER, ["USER"]), (Role.WORKER, ["USER", "WORKER"]), (Role.ADMIN, ["ADMIN", "USER"])]
)
async def test_minted_token_acts_as_its_user(
    client: httpx.AsyncClient, ask_viewer: Ask, tmp_path: Path, role: Role, roles: list[str]
) -> None:
    """Also where the key was made after the server's start."""
    response = await ask_viewer(client, mint_token(tmp_path, "somebody", role, 60))
    assert response.json()["data"]["viewer"] == {"userId": "somebody", "roles": roles}


async def test_bad_token_is_never_the_demo_user(
    client: httpx.AsyncClient, ask_viewer: Ask, tmp_path: Path, mint: Mint
) -> None:
    """Neither an expired one, nor another directory's, nor an issuer's that is not set, nor an API key."""
    other_directory = tmp_path / "other"
    expired = mint_token(tmp_path, "somebody", Role.USER, -61)
    others = mint_token(other_directory, "somebody", Role.USER, 60)
    for token in (expired, others, mint(), "x", f"cg_{'A' * 43}"):
        assert (await ask_viewer(client, token)).status_code == 401
    assert (await ask_viewer(client, None)).json()["data"]["viewer"]["userId"] == "demo"


async def test_token_before_any_was_minted_is_refused(
    client: httpx.AsyncClient, ask_viewer: Ask, tmp_path: Path
) -> None:
    """A data directory without a key refuses a token that another directory's key signed."""
    token = mint_token(tmp_path / "other", "somebody", Role.USER, 60)
    assert not (tmp_path / KEY_FILE).exists()
    assert (await ask_viewer(client, token)).status_code == 401


async def test_minted_token_is_nothing_where_an_issuer_is_set(
    serve: Serve, guarded: Settings, ask_viewer: Ask, tmp_path: Path
) -> None:
    """A development token gets 401 if the settings name an issuer."""
    settings = guarded.model_copy(update={"data_dir": tmp_path})
    token = mint_token(tmp_path, "somebody", Role.ADMIN, 60)
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        assert (await ask_viewer(client, token)).status_code == 401


def test_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    """The key file has mode 0600, and a second token leaves it unchanged."""
    mint_token(tmp_path / "new", "somebody", Role.USER, 60)
    path = tmp_path / "new" / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    mint_token(tmp_path / "new", "somebody", Role.USER, 60)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [KEY_FILE]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000"])
async def test_this_machines_own_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    """A request whose Host is a loopback name, with or without a port, gets 200."""
    assert (await client.post("/graphql", json=QUERY, headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost:8000:8000",
        "localhost:port",
        "192.168.0.7",
        "0.0.0.0",  # noqa: S104  a name to refuse
        "",
    ],
)
async def test_other_names_are_refused(client: httpx.AsyncClient, host: str) -> None:
    """A page whose own name leads here (DNS rebinding) gets nothing, on any path."""
    for path in ("/graphql", "/graphql/assets/main.js", "/readyz"):
        response = await client.post(path, json=QUERY, headers={"host": host})
        assert response.status_code == 403
        assert response.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8000", "https://[::1]:1"])
async def test_this_machines_own_pages_may_call(client: httpx.AsyncClient, origin: str) -> None:
    """A request from a page on a loopback origin gets 200."""
    assert (await client.post("/graphql", json=QUERY, headers={"origin": origin})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://", ""])
async def test_other_pages_are_refused(client: httpx.AsyncClient, origin: str) -> None:
    """A request from a page on any other origin gets 403."""
    assert (await client.post("/graphql", json=QUERY, headers={"origin": origin})).status_code == 403


async def test_page_that_is_allowed_may_call(serve: Serve, embedded: Settings) -> None:
    """An allowed origin gets 200, and an origin that only begins like it gets 403."""
    settings = embedded.model_copy(update={"allowed_origins": ("https://app.example",)})
    async with serve(settings) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        for origin, status in (("https://app.example", 200), ("https://app.example.evil.example", 403)):
            assert (await client.post("/graphql", json=QUERY, headers={"origin": origin})).status_code == status


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}], ids=str)
async def test_sockets_of_other_names_and_pages_are_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Browsers ask nobody before they open a WebSocket to another origin."""
    address = str(client.base_url).replace("http", "ws", 1)
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(f"{address}/graphql", subprotocols=[WEBSOCKET], additional_headers=headers, proxy=None):
            raise AssertionError
    assert refusal.value.response.status_code == 403
    assert b"FORBIDDEN" in refusal.value.response.body


@pytest.mark.parametrize(
    ("server", "is_loopback"),
    [
        (("127.0.0.1", 80), True),
        (("::1", 80), True),
        (("localhost", 80), True),
        (None, True),
        (("0.0.0.0", 80), False),  # noqa: S104  an address to refuse
        (("172.17.0.2", 80), False),
        (("clips.example", 80), False),
    ],
)
def test_address_of_the_socket_is_looked_at(server: tuple[str, int] | None, *, is_loopback: bool) -> None:
    """The app refuses requests on the address that `uvicorn --host` opened beyond the settings' own."""
    assert is_loopback_address(server) is is_loopback


async def test_request_to_another_address_is_refused_whatever_it_calls_us(embedded: Settings) -> None:
    """A request to a non-loopback address gets 403 even if its Host is localhost."""
    app: Starlette = create_app(embedded)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7") as client:
        response = await client.post("/graphql", json=QUERY, headers={"host": "localhost"})
    await app.state.services.close()
    assert response.status_code == 403


REAL = {"google_cloud_project": "p", "firestore_emulator_host": None}
ELSEWHERE = {"host": "0.0.0.0"}  # noqa: S104  what needs an issuer


@pytest.mark.parametrize("changes", [REAL, ELSEWHERE], ids=str)
def test_serving_others_needs_an_issuer_and_the_refusal_names_the_setting(
    settings: Settings, guarded: Settings, changes: dict[str, object]
) -> None:
    """Real data or a public address without an issuer is refused at start, naming the setting; with one it passes."""
    with pytest.raises(ConfigurationError, match="CLIPGRAPH_AUTH_FIREBASE_PROJECT"):
        assert_safe_to_serve(settings.model_copy(update=changes))
    assert_safe_to_serve(guarded.model_copy(update=changes))


async def test_where_an_issuer_is_set_any_name_is_answered(guarded_client: httpx.AsyncClient, mint: Mint) -> None:
    """Behind a load balancer the server has the public's name, and the token decides."""
    headers = {"host": "clips.example", "origin": "https://app.example", "authorization": f"Bearer {mint()}"}
    assert (await guarded_client.post("/graphql", json=QUERY, headers=headers)).status_code == 200
