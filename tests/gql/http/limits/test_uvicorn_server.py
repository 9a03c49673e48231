"""Connections that wait are accepted together, whatever else the loop has to do."""

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import structlog
import uvicorn
import uvloop

from gql.http.limits import uvicorn_server
from gql.http.limits.uvicorn_protocols import HeaderTimeoutProtocol, WriteTimeoutSocketProtocol
from gql.http.limits.uvicorn_server import ACCEPTED_AT_ONCE, MultiAcceptServer
from tests.patience import PATIENCE_SECONDS

CROWD = 300
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answer_nothing(scope: Any, receive: Any, send: Any) -> None:
    """204, whatever is asked."""
    del scope, receive
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


def listen() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2 * CROWD)
    return listener


def connect(listener: socket.socket) -> socket.socket:
    """A client whose request is sent, and whose connection nobody may have accepted."""
    client = socket.create_connection(listener.getsockname())
    client.sendall(REQUEST)
    client.setblocking(False)
    return client


@contextlib.asynccontextmanager
async def serving(listener: socket.socket) -> AsyncIterator[MultiAcceptServer]:
    config = uvicorn.Config(
        answer_nothing, http=HeaderTimeoutProtocol, ws=WriteTimeoutSocketProtocol, log_config=None, lifespan="off"
    )
    server = MultiAcceptServer(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])
    try:
        yield server
    finally:
        await server.shutdown([listener])


def run_on_uvloop(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test)


async def read_answers(clients: list[socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*(loop.sock_recv(client, 1_000) for client in clients))
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 204"}
    for client in clients:
        client.close()


def test_a_crowd_is_accepted_within_a_few_rounds() -> None:
    """Uvloop alone takes one connection a round, which is 300 of them here."""

    async def test() -> None:
        listener = listen()
        clients = [connect(listener) for _ in range(CROWD)]
        async with serving(listener) as server:
            rounds = 0
            while len(server.server_state.connections) < CROWD:
                await asyncio.sleep(0)
                rounds += 1
            assert rounds < 20 * CROWD / ACCEPTED_AT_ONCE
            await read_answers(clients)

    run_on_uvloop(test())


def test_answers_are_sent_at_once() -> None:
    """Nagle's delay is off for connections that are accepted so."""

    async def test() -> None:
        listener = listen()
        client = connect(listener)
        async with serving(listener) as server:
            await read_answers([client])
            for connection in server.server_state.connections:
                accepted = connection.transport.get_extra_info("socket")
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    run_on_uvloop(test())


def test_a_process_without_descriptors_goes_on_once_it_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says so once a pause, and the connections that wait are accepted later."""
    monkeypatch.setattr(uvicorn_server, "RETRY_SECONDS", 0.05)

    async def test() -> None:
        listener = listen()
        async with serving(listener) as server:
            clients = [connect(listener) for _ in range(3)]
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            os.close(next_descriptor := os.dup(clients[0].fileno()))
            resource.setrlimit(resource.RLIMIT_NOFILE, (next_descriptor, hard))
            try:
                with structlog.testing.capture_logs() as lines:
                    for _ in range(100):
                        await asyncio.sleep(0)
                assert not server.server_state.connections
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert [line["event"] for line in lines][:1] == ["connection_not_accepted"]
            assert len(lines) < 100
            await read_answers(clients)

    run_on_uvloop(test())
