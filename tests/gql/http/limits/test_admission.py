"""As many requests run as may, and what comes beyond that is refused at once: over a real server, without clocks."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from gql.app import create_app
from gql.http.limits.uvicorn_protocols import HeaderTimeoutProtocol, WriteTimeoutSocketProtocol
from gql.services import Services
from settings import Settings
from tests.patience import PATIENCE_SECONDS

LIMIT = 3
ASK = {"query": '{ video(videoId: "v") { id } }'}
CHANGE = {"query": 'mutation { deleteVideo(input: {videoId: "v"}) { __typename } }'}
ORIGIN = "https://app.example.com"


class SilentFirestore:
    """Takes connections and says nothing: what asks it goes on until it is cancelled."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """The port is free."""
        self._socket.close()


class Target:
    """A server whose Firestore never answers."""

    def __init__(self, address: str, services: Services) -> None:
        self.address = address
        self.services = services

    async def wait_for_in_flight(self, count: int) -> None:
        """Waits until this number of requests runs."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.services.admission.in_flight != count:  # noqa: ASYNC110  a request's start tells nobody
                await asyncio.sleep(0.01)


@pytest.fixture
async def target(settings: Settings, protocol: type[asyncio.Protocol] | str) -> AsyncIterator[Target]:
    """A server that runs three requests at once."""
    firestore = SilentFirestore()
    changes = {
        "firestore_emulator_host": firestore.address,
        "max_requests_in_flight": LIMIT,
        "allowed_origins": (ORIGIN,),
        "request_timeout_seconds": 600.0,
        "firestore_timeout_seconds": 600.0,
    }
    app = create_app(settings.model_copy(update=changes))
    with socket.socket(proto=socket.IPPROTO_TCP) as listener, contextlib.closing(firestore):
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, http=protocol, ws=WriteTimeoutSocketProtocol)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        yield Target(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.services)
        for task in list(server.server_state.tasks):
            task.cancel()
        await server.shutdown(sockets=[listener])


@pytest.fixture(params=[HeaderTimeoutProtocol, "httptools"], ids=["ours", "any"])
def protocol(request: pytest.FixtureRequest) -> Any:
    """The server's protocol: ours refuses by itself, and behind any other the app does."""
    return request.param


@pytest.fixture
async def client(target: Target) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to the server, on as many connections as are wanted."""
    async with httpx.AsyncClient(base_url=target.address, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        yield client


@contextlib.asynccontextmanager
async def fill(target: Target, client: httpx.AsyncClient, body: Any = ASK) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """As many requests run as may; they are given up at the end."""
    running = [asyncio.create_task(client.post("/graphql", json=body)) for _ in range(LIMIT)]
    await target.wait_for_in_flight(LIMIT)
    try:
        yield running
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_requests_beyond_the_bound_are_503_at_once(target: Target, client: httpx.AsyncClient) -> None:
    """Requests beyond the limit get 503; running ones go on, health checks pass, and one log line counts all."""
    async with fill(target, client) as running:
        with capture_logs() as lines:
            for _ in range(20):
                refused = await client.post("/graphql", json=ASK)
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "1"
                assert refused.headers["x-content-type-options"] == "nosniff"
                assert refused.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert (await client.get("/nothing")).status_code == 503
            assert (await client.get("/livez")).status_code == 200
        shed = [line for line in lines if line["event"] == "requests_shed"]
        assert 1 <= len(shed) < 20
        assert {line["in_flight"] for line in shed} == {LIMIT}
        assert target.services.admission.in_flight == LIMIT
        assert not any(task.done() for task in running)


@pytest.mark.parametrize("address", ["/livez", "/%6Civez", "http://localhost/livez", "/livez?a", "/livez#a", "//livez"])
async def test_no_way_to_write_an_address_keeps_a_place(target: Target, address: str) -> None:
    """However often health is asked for, in whatever spelling, all places are free afterwards."""
    host, port = target.address.removeprefix("http://").split(":")
    for _ in range(2 * LIMIT):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert not (await reader.read()).startswith(b"HTTP/1.1 503")
        writer.close()
    await target.wait_for_in_flight(0)


async def test_refused_connection_goes_on(target: Target, client: httpx.AsyncClient) -> None:
    """Its body is passed over, whatever its length, and the next request on it is answered."""
    async with (
        fill(target, client),
        httpx.AsyncClient(
            base_url=target.address, trust_env=False, limits=httpx.Limits(max_connections=1), timeout=PATIENCE_SECONDS
        ) as another,
    ):
        for size in (0, 1, 200_000):
            assert (await another.post("/graphql", content=b" " * size)).status_code == 503
        assert (await another.head("/")).status_code == 503
        assert (await another.get("/livez")).json() == {"status": "ok"}


async def test_clients_that_send_slowly_take_nobodys_place(target: Target, client: httpx.AsyncClient) -> None:
    """However many bodies are under way, requests that are there run; a body that comes too late finds all taken."""
    host, port = target.address.removeprefix("http://").split(":")
    slow = [await asyncio.open_connection(host, int(port)) for _ in range(5 * LIMIT)]
    head = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{"
    body = json.dumps(ASK).encode()
    for _, writer in slow:
        writer.write(head % len(body))
    assert (await client.post("/graphql", json={"query": "{ viewer { userId } }"})).status_code == 200
    async with fill(target, client):
        for reader, writer in slow:
            writer.write(body[1:])
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 503")
            writer.close()
            await writer.wait_closed()
        assert target.services.admission.in_flight == LIMIT


async def test_pages_of_allowed_origins_can_read_the_refusal(target: Target, client: httpx.AsyncClient) -> None:
    """A 503 has the CORS headers for an allowed origin only."""
    async with fill(target, client):
        refused = await client.post("/graphql", json=ASK, headers={"origin": ORIGIN})
        assert refused.headers["access-control-allow-origin"] == ORIGIN
        refused = await client.post("/graphql", json=ASK, headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("way", ["POST", "GET"])
async def test_client_that_hangs_up_cancels_its_query(target: Target, client: httpx.AsyncClient, way: str) -> None:
    """A client that disconnects cancels its query and the reads below it, and frees its slot."""
    with capture_logs() as lines:
        async with httpx.AsyncClient(base_url=target.address, trust_env=False, timeout=PATIENCE_SECONDS) as leaving:
            headers = {"graphql-require-preflight": "1"}
            sent = (
                leaving.post("/graphql", json=ASK)
                if way == "POST"
                else leaving.get("/graphql", params=ASK, headers=headers)
            )
            task = asyncio.create_task(sent)
            await target.wait_for_in_flight(1)
            await wait_for_call(target)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await target.wait_for_in_flight(0)
    events = [line["event"] for line in lines]
    assert "client_left" in events
    assert not {"request_failed", "resolver_failed"} & set(events)
    assert (await client.get("/livez")).status_code == 200


async def wait_for_call(target: Target) -> None:
    """Firestore has been asked."""
    del target
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any("dispatch_queue" in repr(task) for task in asyncio.all_tasks()):  # noqa: ASYNC110  as above
            await asyncio.sleep(0.01)


async def test_client_that_hangs_up_does_not_tear_its_mutation(target: Target, client: httpx.AsyncClient) -> None:
    """It goes on to its end, or its deadline, and keeps its place until then."""
    leaving = httpx.AsyncClient(base_url=target.address, trust_env=False, timeout=PATIENCE_SECONDS)
    async with leaving, fill(target, leaving, CHANGE):
        pass
    # As many bytes as the server's reaction to the hang-up takes have passed both ways.
    for _ in range(5):
        assert (await client.get("/livez")).status_code == 200
    assert target.services.admission.in_flight == LIMIT
    assert (await client.post("/graphql", json=ASK)).status_code == 503


async def test_operations_on_sockets_count_among_those_that_run(target: Target, client: httpx.AsyncClient) -> None:
    """One beyond the bound is an error of its own; the socket goes on."""
    address = target.address.replace("http", "ws", 1) + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as opened:
        await opened.send(json.dumps({"type": "connection_init"}))
        await opened.recv()
        for number in range(LIMIT):
            await opened.send(json.dumps({"type": "subscribe", "id": str(number), "payload": ASK}))
        await target.wait_for_in_flight(LIMIT)
        assert (await client.post("/graphql", json=ASK)).status_code == 503
        await opened.send(json.dumps({"type": "subscribe", "id": "one more", "payload": ASK}))
        answer = json.loads(await opened.recv())
        assert answer["id"] == "one more"
        assert json.dumps(answer).count('"UNAVAILABLE"') == 1
        await opened.send(json.dumps({"type": "complete", "id": "0"}))
        await target.wait_for_in_flight(LIMIT - 1)
    await target.wait_for_in_flight(0)
