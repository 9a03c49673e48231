"""The one time-out of all tests. Nothing takes so long on any machine: it ends a hang, and decides nothing."""

import os
from typing import Any

import httpx
import websockets.asyncio.client
import websockets.sync.client

PATIENCE_SECONDS = 300
HANG_SECONDS = 900
"""Of a whole test with its fixtures; `timeout` in pyproject.toml is the same."""

# Of a request, and of a call to Firestore: not for ever, since some tests take the services away.
SERVER_SETTINGS = {"CLIPGRAPH_REQUEST_TIMEOUT_SECONDS": "60", "CLIPGRAPH_FIRESTORE_TIMEOUT_SECONDS": "60"}


def extend_defaults() -> None:
    """Servers and clients that a test gives no time of its own wait for long, not the ten seconds that users get."""
    for name, seconds in SERVER_SETTINGS.items():
        os.environ.setdefault(name, seconds)
    for phase in ("connect", "read", "write", "pool"):
        setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, phase, PATIENCE_SECONDS)
    connects: list[Any] = [websockets.asyncio.client.connect.__init__, websockets.sync.client.connect]
    for connect in connects:
        for wait in connect.__kwdefaults__.keys() & {"open_timeout", "ping_timeout"}:
            connect.__kwdefaults__[wait] = PATIENCE_SECONDS
