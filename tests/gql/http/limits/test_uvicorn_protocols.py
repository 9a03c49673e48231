"""Connections with unsent bytes that are to be closed, over a real socket whose other end reads nothing."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gql.http.limits.uvicorn_protocols import HeaderTimeoutProtocol, WriteTimeout, WriteTimeoutSocketProtocol
from tests.patience import PATIENCE_SECONDS

MUCH = bytes(20_000_000)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers nothing."""
    del scope, receive, send


@pytest.mark.parametrize(
    ("kind", "close"),
    [
        (WriteTimeoutSocketProtocol, "keepalive_timeout"),
        (WriteTimeoutSocketProtocol, "shutdown"),
        (HeaderTimeoutProtocol, "shutdown"),
    ],
)
async def test_close_does_not_wait_for_who_does_not_read(
    kind: type[HeaderTimeoutProtocol | WriteTimeoutSocketProtocol], close: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little of it waits: uvicorn is told of much only."""
    monkeypatch.setattr(WriteTimeout, "write_seconds", 0.05)
    config = uvicorn.Config(app, log_config=None)
    config.load()
    state = ServerState()
    near, far = socket.socketpair()
    protocol = kind(config=config, server_state=state, app_state={})
    with far:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, sock=near)
        transport.set_write_buffer_limits(high=2 * len(MUCH))
        transport.write(MUCH)
        getattr(protocol, close)()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while state.connections:  # noqa: ASYNC110  a connection's end tells nobody
                await asyncio.sleep(0.01)
