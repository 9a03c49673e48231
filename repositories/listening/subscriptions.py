"""A subscription: the changes that wait for it, bounded, the newest of each document."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Self

from repositories.exceptions import RepositoryError, SubscriberTooSlowError
from repositories.listening.changes import Change, merge
from repositories.listening.read_accounts import UNCHARGED, ReadAccount
from repositories.listening.versions import Version

DEFAULT_MAX_WAITING = 1_000


class Subscription:
    """An async iterator of changes, for one consumer: first the present state, then every change.

    It ends after the last change where the video is deleted. It raises `SubscriberTooSlowError`, `VersionTooOldError`,
    `ValidationError`, and `UnavailableError` where Firestore refuses for good.
    """

    __slots__ = (
        "_backlog",
        "_error",
        "_is_ended",
        "_is_prepaid",
        "_max_waiting",
        "_on_close",
        "_on_read",
        "_told",
        "_waiter",
        "_waiting",
        "account",
        "after",
        "is_last_prepaid",
        "is_read",
        "style",
    )

    def __init__(
        self,
        style: str | None = None,
        after: Version | None = None,
        max_waiting: int = DEFAULT_MAX_WAITING,
        account: ReadAccount = UNCHARGED,
    ) -> None:
        self.style = style
        self.after = after
        self.account = account
        self.is_read = False
        """Whether all reads before the first change are done, also where no change will come."""
        self.is_last_prepaid = False
        """Whether the last change that was taken belongs to a snapshot for which this subscriber has paid."""
        self._max_waiting = max_waiting
        self._backlog: Sequence[Change] = ()
        self._told = 0  # of the backlog
        self._is_prepaid = False  # the backlog
        self._waiting: OrderedDict[str, Change] = OrderedDict()
        self._waiter: asyncio.Future[None] | None = None
        self._error: RepositoryError | None = None
        self._is_ended = False
        self._on_close: Callable[[Subscription], None] | None = None
        self._on_read: Callable[[], None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while True:
            if self._error is not None:
                raise self._error
            if self._told < len(self._backlog):
                self.is_last_prepaid = self._is_prepaid
                return self._take_backlog()
            if self._waiting:
                self.is_last_prepaid = False
                return self._waiting.popitem(last=False)[1]
            if self._is_ended:
                raise StopAsyncIteration
            await self._wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """The subscription receives nothing more, and its iteration ends."""
        if self._on_close is not None:
            self._on_close(self)
        self.abandon()

    def on_close(self, callback: "Callable[[Subscription], None]") -> None:
        """`callback` is called when the subscription is closed."""
        self._on_close = callback

    def on_read(self, callback: Callable[[], None]) -> None:
        """`callback` is called once `is_read`, which may be at once."""
        self._on_read = callback
        if self.is_read:
            self.mark_read()

    def mark_read(self) -> None:
        """All reads before the first change are done."""
        self.is_read = True
        if (callback := self._on_read) is not None:
            self._on_read = None
            callback()

    def begin(self, changes: Sequence[Change], *, is_prepaid: bool = False) -> None:
        """These changes come first, however many they are. Other subscriptions share them."""
        self._backlog = changes
        self._is_prepaid = is_prepaid
        self.mark_read()
        self._wake()

    def offer(self, changes: Sequence[Change]) -> bool:
        """The changes wait for the subscriber; False where it was too slow, which ends it.

        A subscriber that has taken all earlier changes accepts any number at once.
        """
        is_behind = bool(self._waiting)
        for change in changes:
            self._add(change)
        if is_behind and len(self._waiting) > self._max_waiting:
            self.fail(SubscriberTooSlowError())
            return False
        self._wake()
        return True

    def finish(self) -> None:
        """The subscription ends after the waiting changes."""
        self._is_ended = True
        self._on_close = None
        self.mark_read()
        self._wake()

    def abandon(self) -> None:
        """The subscription has ended, and its waiting changes are dropped."""
        self._forget()
        self.finish()

    def fail(self, error: RepositoryError) -> None:
        """The subscription has failed with the error, and its waiting changes are dropped."""
        self._error = error
        self.abandon()

    def _add(self, change: Change) -> None:
        older = self._waiting.pop(change.id, None)
        merged = change if older is None else merge(older, change)
        if merged is not None:
            self._waiting[change.id] = merged

    def _take_backlog(self) -> Change:
        change = self._backlog[self._told]
        self._told += 1
        if self._told == len(self._backlog):
            self._backlog, self._told = (), 0
        return change

    def _forget(self) -> None:
        self._backlog, self._told = (), 0
        self._waiting.clear()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
