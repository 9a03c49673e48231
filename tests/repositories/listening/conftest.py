"""Listeners over the embedded Firestore, and what their subscribers are told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from repositories.client import FirestoreClient
from repositories.listening.changes import Change
from repositories.listening.listener import Listener
from repositories.listening.subscriptions import Subscription

WAIT_SECONDS = 3.0  # far more than anything takes


@pytest.fixture
async def listener(client: FirestoreClient) -> AsyncIterator[Listener]:
    """A listener of the embedded Firestore."""
    opened = Listener(client)
    yield opened
    await opened.close()


@pytest.fixture
async def other_listener(client: FirestoreClient) -> AsyncIterator[Listener]:
    """What another process has."""
    opened = Listener(client)
    yield opened
    await opened.close()


class Told:
    """Reads a subscription; every change must come later than all before it."""

    def __init__(self) -> None:
        self.version = ""

    async def take(self, subscription: Subscription, count: int = 1) -> list[str]:
        """The next changes, in words."""
        return [describe(await self.next(subscription)) for _ in range(count)]

    async def next(self, subscription: Subscription) -> Change:
        """The next change."""
        async with asyncio.timeout(WAIT_SECONDS):
            change = await anext(subscription)
        assert change.version > self.version
        self.version = change.version
        return change

    async def rest(self, subscription: Subscription) -> list[str]:
        """All changes up to the end."""
        words = []
        try:
            while True:
                words.append(describe(await self.next(subscription)))
        except StopAsyncIteration:
            return words


@pytest.fixture
def told() -> Told:
    """A reader."""
    return Told()


def describe(change: Change) -> str:
    """The change in words."""
    return f"{change.kind} {change.id}"
