"""Refusals by the server's protocols count against the address, as the app's own do."""

import asyncio
import hashlib
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from gql.app import create_app
from settings import ApiKeySettings, Settings
from tests.gql.subscription.conftest import serve_app
from tests.patience import PATIENCE_SECONDS

SECRET = "cg_" + "k" * 43
KEY = ApiKeySettings(name="farm", sha256=hashlib.sha256(SECRET.encode()).hexdigest())
LIMIT = 3

HOST = b"Host: localhost\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
# Requests, and how the answer to each begins.
REFUSED = {
    "no HTTP": (b"\x00\x01\x02\r\n\r\n", b"HTTP/1.1 400"),
    "a header without a colon": (b"GET /livez HTTP/1.1\r\n" + HOST + b"nothing\r\n\r\n", b"HTTP/1.1 400"),
    "an address that is none": (b"GET http://[::1 HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 400"),
    "long headers": (b"GET /livez HTTP/1.1\r\n" + HOST + b"X-Long: " + b"x" * 70_000, b"HTTP/1.1 400"),
    "a handshake without a key": (b"GET /graphql HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n", b"HTTP/1.1 400"),
}


@pytest.fixture
def app(settings: Settings) -> Starlette:
    """An app where strangers have few refusals, and nobody else has a place."""
    changes = {"auth_api_keys": (KEY,), "requests_per_minute_anonymous": LIMIT, "max_requests_in_flight": 1}
    return create_app(settings.model_copy(update=changes))


async def send(address: str, data: bytes) -> bytes:
    """The answer to some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read(1_000)
    writer.transport.abort()
    return answer


async def count_refusals_left(address: str) -> int:
    """The refusals that the address has left after this one; -1 if it had none."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{address}/nothing")
    return -1 if answer.status_code == 429 else int(answer.headers["ratelimit-remaining"])


@pytest.mark.parametrize("name", REFUSED)
async def test_malformed_requests_count(app: Starlette, name: str) -> None:
    """Three of them, and the next refusal is a 429; who has a good key is answered as before."""
    data, beginning = REFUSED[name]
    async with serve_app(app) as address:
        assert await count_refusals_left(address) == LIMIT - 1
        for _ in range(LIMIT - 1):
            assert (await send(address, data)).startswith(beginning)
        assert await count_refusals_left(address) == -1
        async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {SECRET}"}) as client:
            answer = await client.post(f"{address}/graphql", json={"query": "{ __typename }"})
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "left"), [({}, LIMIT - 3), ({"authorization": f"Bearer {SECRET}"}, LIMIT - 1)], ids=["stranger", "key"]
)
async def test_overload_counts_for_who_shows_no_token(app: Starlette, headers: dict[str, str], left: int) -> None:
    """Whether a token is good nobody looks at in an overload: who sends one is not taken for a stranger."""
    async with serve_app(app) as address:
        slot = app.state.services.admission.acquire()
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            for _ in range(2):
                answer = await client.post(f"{address}/graphql", json={"query": "{ __typename }"})
                assert answer.status_code == 503
                assert answer.headers["retry-after"] == "1"
        slot.release()
        assert await count_refusals_left(address) == left
