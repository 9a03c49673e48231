"""Firestore's client, pointed at the real service or at an emulator."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias
from weakref import WeakKeyDictionary

from google.cloud.firestore import AsyncClient

__all__ = ["DEFAULT_DATABASE", "FirestoreClient", "create_client", "default_client"]

FirestoreClient: TypeAlias = AsyncClient
DEFAULT_DATABASE = "(default)"

_EMULATOR_VARIABLE = "FIRESTORE_EMULATOR_HOST"
# A channel belongs to the event loop that it was first used in.
_default_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()


def create_client(
    *, project: str | None, database: str = DEFAULT_DATABASE, emulator_host: str | None = None
) -> FirestoreClient:
    """A client that connects with its first call; `emulator_host` is `host:port`.

    Without a project, it is the environment's (`GOOGLE_CLOUD_PROJECT`); without an emulator's host, the environment's
    (`FIRESTORE_EMULATOR_HOST`), or else the real service with the environment's credentials.
    """
    with _environment(_EMULATOR_VARIABLE, emulator_host):
        return AsyncClient(project=project, database=database)


def default_client() -> FirestoreClient:
    """The client that the environment describes; the same one for all calls in an event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _default_clients:
        _default_clients[loop] = create_client(project=None)
    return _default_clients[loop]


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    """The variable is set within, if there is a value: the client takes an emulator's address from nowhere else."""
    before = os.environ.get(name)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif value is not None:
            del os.environ[name]
