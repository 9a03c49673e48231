"""Listeners over the embedded Firestore, directly and through what gets in the way."""

from collections.abc import AsyncIterator, Callable

import pytest

from repositories.client import FirestoreClient, create_client
from repositories.listening.listener import Listener
from tests.repositories.listening.proxies import Link, ListenProxy
from tests.repositories.listening.watchers import Told

OpenListener = Callable[..., Listener]


@pytest.fixture
async def open_listener(client: FirestoreClient) -> AsyncIterator[OpenListener]:
    """Opens listeners, each as another process would; closed at the end."""
    opened: list[Listener] = []

    def open_one(host_port: str | None = None, **options: float) -> Listener:
        own = client if host_port is None else create_client(project="test", emulator_host=host_port)
        opened.append(Listener(own, **options))  # type: ignore[arg-type]  # an int is a float here
        return opened[-1]

    yield open_one
    for listener in opened:
        await listener.close()


@pytest.fixture
def listener(open_listener: OpenListener) -> Listener:
    """A listener of the embedded Firestore."""
    return open_listener()


@pytest.fixture
async def listen_proxy(firestore_host: str) -> AsyncIterator[ListenProxy]:
    """A proxy that can say its own."""
    proxy = ListenProxy(firestore_host)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def link(firestore_host: str) -> AsyncIterator[Link]:
    """A wire that can be cut."""
    opened = Link(firestore_host)
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def told() -> Told:
    """A reader of subscriptions."""
    return Told()
