"""The changes that subscribers get, in words and as a state."""

import asyncio
from collections.abc import Callable, Iterable

from repositories.listening.changes import Change, ChangeKind, Model
from repositories.listening.subscriptions import Subscription
from tests.patience import PATIENCE_SECONDS


class Told:
    """Reads a subscription; every change must come later than all before it."""

    def __init__(self, version: str = "") -> None:
        self.version = version

    async def next(self, subscription: Subscription) -> Change:
        """The next change."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            change = await anext(subscription)
        assert change.version > self.version
        assert (change.model is None) is (change.kind is ChangeKind.REMOVED)
        self.version = change.version
        return change

    async def take(self, subscription: Subscription, count: int = 1) -> list[str]:
        """The next changes, in words."""
        return [describe(await self.next(subscription)) for _ in range(count)]

    async def rest(self, subscription: Subscription) -> list[str]:
        """All changes up to the end, in words."""
        words = []
        try:
            while True:
                words.append(describe(await self.next(subscription)))
        except StopAsyncIteration:
            return words


class Mirror:
    """The state of a client that drops every change which is not later than all that it got."""

    def __init__(self, *, has_come_back: bool = False) -> None:
        self.told = Told()
        self.has_come_back = has_come_back
        self.models: dict[str, Model] = {}

    async def follow(self, subscription: Subscription, until: Iterable[str] = (), *, count: int | None = None) -> None:
        """Takes changes until just these documents are there, or so many have come, or there are no more.

        A document that is told to be new must not be there, one that is said to have changed must be.
        """
        wanted = set(until)
        while count != 0 and (not wanted or wanted != set(self.models)):
            try:
                change = await self.told.next(subscription)
            except StopAsyncIteration:
                return
            self.apply(change)
            count = None if count is None else count - 1

    def apply(self, change: Change) -> None:
        """The change is made. Who comes back may be told what it knows: at least once is what is promised."""
        assert self.has_come_back or (change.id in self.models) is (change.kind is not ChangeKind.ADDED), (
            change.kind,
            change.id,
        )
        if change.model is None:
            self.models.pop(change.id, None)
        else:
            self.models[change.id] = change.model


def describe(change: Change) -> str:
    """The change in a few words: a clip is named by its number."""
    name = change.id.split("_")[1] if change.id.startswith("clip_") else change.id
    return f"{change.kind} {name}"


async def wait_until(check: Callable[[], object]) -> None:
    """It is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not check():  # noqa: ASYNC110  whoever makes it so has no event to set
            await asyncio.sleep(0.01)


async def assert_silent(subscription: Subscription) -> None:
    """Raises where a change waits for the subscriber once the loop has had its turns."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not subscription._waiting
    assert not subscription._backlog
