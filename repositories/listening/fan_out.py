"""Those who watch the same thing: told once what has changed, each filter its own view, all in one pass."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from repositories.exceptions import InvalidVersionError, RepositoryError, UnavailableError
from repositories.firestore.rpc import NO_ANSWER
from repositories.listening.catch_up import list_differences, list_farewell, list_present, list_removals
from repositories.listening.changes import Change, Entry, Event, check_shown, to_change
from repositories.listening.past_reader import Histories, History
from repositories.listening.payers import Payer
from repositories.listening.subscriptions import Subscription
from repositories.listening.target_state import Feed
from repositories.listening.versions import Version

log = structlog.get_logger(__name__)

MAX_AHEAD_MICROS = 60_000_000
"""Versions of a later time than this, by Firestore's clock, were never given to anybody."""

PRESENT_MICROS = 60_000_000
"""For so long the present state is told as of the same time: those who come back need one of the last hour."""


class Audience:
    """The subscribers to the documents of `source`, for as long as the video in `owner` is there (None: for ever)."""

    def __init__(
        self, source: Feed, owner: Feed | None, histories: Histories, on_idle: "Callable[[Audience], None]"
    ) -> None:
        self.target = source.target
        self.source = source
        self.owner = owner
        self.feeds = (source,) if owner is None or owner is source else (owner, source)
        self.error: RepositoryError | None = None
        self.is_eager = True  # whether somebody waits for a time, and not for an event
        self._histories = histories
        self._on_idle = on_idle
        self._groups: dict[str | None, dict[Subscription, None]] = {}
        self._waiting: dict[Subscription, None] = {}  # for the first state, for the video, or for a history
        self._read: dict[Version, History] = {}
        self._tasks: dict[Version, asyncio.Task[None]] = {}
        self._present: dict[str | None, Sequence[Change]] = {}
        self._present_micros = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody is here."""
        return not self._waiting and not any(self._groups.values())

    @property
    def is_current(self) -> bool:
        """Whether all feeds have been told everything up to now."""
        return all(feed.is_current for feed in self.feeds)

    def add(self, subscription: Subscription) -> None:
        """The subscription is told the present state, or what came after its version, and what follows."""
        subscription.on_close(self._leave)
        self._waiting[subscription] = None
        self._settle()

    def tell(self) -> None:
        """The last events of the feeds are told to everybody."""
        if not self._is_ready:
            return
        if self.source.events:
            self._present.clear()
        end = self._find_end()
        if end is not None:
            self._end(end.version.micros)
        elif self.source.events:
            for style, group in self._groups.items():
                changes = [to_change(event, style) for event in self.source.events]
                self._offer(group, [change for change in changes if change is not None])
        self._settle()

    def fail(self, error: RepositoryError) -> None:
        """Everybody is told this, and nobody may come any more."""
        self.error = error
        for subscription in self._clear():
            subscription.fail(error)
        self._on_idle(self)

    def close(self) -> None:
        """Everybody's subscription ends, without what waits for it."""
        for subscription in self._clear():
            subscription.abandon()

    @property
    def _is_ready(self) -> bool:
        return all(feed.read_micros is not None for feed in self.feeds)

    @property
    def _has_owner(self) -> bool:
        """Whether there is a video whose documents these are."""
        return self.owner is None or any(check_shown(entry, None) for entry in self.owner.documents.values())

    @property
    def _read_micros(self) -> int:
        return self.source.read_micros or 0

    def _clear(self) -> list[Subscription]:
        everybody = [*self._waiting, *(subscription for group in self._groups.values() for subscription in group)]
        self._waiting.clear()
        self._groups.clear()
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        return everybody

    def _leave(self, subscription: Subscription) -> None:
        self._waiting.pop(subscription, None)
        group = self._groups.get(subscription.style, {})
        group.pop(subscription, None)
        if not group:
            self._groups.pop(subscription.style, None)
        self._cancel_unwanted(subscription.after)
        if self.is_idle:
            self._on_idle(self)

    def _offer(self, group: dict[Subscription, None], changes: Sequence[Change]) -> None:
        if not changes:
            return
        slow = [subscription for subscription in group if not subscription.offer(changes)]
        for subscription in slow:
            del group[subscription]

    def _find_end(self) -> Event | None:
        """The event with which the video has gone."""
        for event in self.owner.events if self.owner is not None else ():
            if check_shown(event.before, None) and not check_shown(event.after, None):
                return event
        return None

    def _end(self, micros: int) -> None:
        """All that was shown is gone, and everybody's subscription ends."""
        before: dict[str, Entry | None] = dict(self.source.documents)
        before |= {event.id: event.before for event in self.source.events}
        shown = [entry for entry in before.values() if entry is not None]
        for style, group in self._groups.items():
            self._offer(group, list_removals((entry for entry in shown if check_shown(entry, style)), micros))
            for subscription in group:
                subscription.finish()
        self._groups.clear()

    def _settle(self) -> None:
        """Whoever waits and needs not is told the first changes."""
        self.is_eager = not self._is_ready
        if self._is_ready:
            for subscription in list(self._waiting):
                self._begin(subscription)
        if self.is_idle:
            self._on_idle(self)

    def _begin(self, subscription: Subscription) -> None:
        after = subscription.after
        if after is None:
            subscription.mark_read()
            if self._has_owner:
                self._join(subscription, self._list_present(subscription.style))
            return
        if after.micros > self.source.estimate_now_micros() + MAX_AHEAD_MICROS:
            self._refuse(subscription, InvalidVersionError())
            return
        if after.micros > self._read_micros:
            self.is_eager = True  # another process was told more: as soon as we are, we can say what came after that
            return
        history = self._find_history(after, subscription.payer)
        if history is None:
            return
        subscription.mark_read()
        if self._has_owner:
            self._join(subscription, list_differences(self.source, history.known, subscription.style, after))
        elif history.had_owner:
            del self._waiting[subscription]
            subscription.begin(list_farewell(self.source, history.known, subscription.style, after))
            subscription.finish()
        else:
            subscription.after = None  # whatever comes now is new

    def _join(self, subscription: Subscription, changes: Sequence[Change]) -> None:
        del self._waiting[subscription]
        self._groups.setdefault(subscription.style, {})[subscription] = None
        subscription.begin(changes, is_prepaid=subscription.payer is self.source.payer)

    def _list_present(self, style: str | None) -> Sequence[Change]:
        """The present state, made once for all who come before the next change."""
        if self._read_micros - self._present_micros > PRESENT_MICROS:
            self._present.clear()
            self._present_micros = self._read_micros
        if style not in self._present:
            self._present[style] = list_present(self.source, style)
        return self._present[style]

    def _find_history(self, after: Version, payer: Payer) -> History | None:
        """What was known at a version: as remembered here, or as Firestore tells, which takes a while (None).

        Who asks first pays for that; it is read for all who wait for the same.
        """
        if after in self._read:
            return self._read[after]
        if self._has_owner and self.source.departures.check_covers(after):
            return History(self.source.departures.recall(self.source.documents.values(), after), had_owner=True)
        if after not in self._tasks:
            self._tasks[after] = asyncio.get_running_loop().create_task(self._read_history(after, payer))
        return None

    def _cancel_unwanted(self, after: Version | None) -> None:
        """Nothing is read for a version that nobody waits for any more."""
        if after in self._tasks and all(waiting.after != after for waiting in self._waiting):
            self._tasks.pop(after).cancel()

    async def _read_history(self, after: Version, payer: Payer) -> None:
        owner = None if self.owner is None else self.owner.target
        try:
            history = await self._histories.read(self.source.target, owner, after, payer)
        except RepositoryError as error:
            self._refuse_all(after, error)
        except Exception:  # a mistake of ours: who waits for it is told, and comes again
            log.exception("history_failed")
            self._refuse_all(after, UnavailableError(NO_ANSWER))
        else:
            self._tasks.pop(after, None)
            self._read[after] = history
            self._settle()
            self._read.pop(after, None)

    def _refuse_all(self, after: Version, error: RepositoryError) -> None:
        self._tasks.pop(after, None)
        for subscription in [waiting for waiting in self._waiting if waiting.after == after]:
            self._refuse(subscription, error)

    def _refuse(self, subscription: Subscription, error: RepositoryError) -> None:
        self._waiting.pop(subscription, None)
        subscription.fail(error)
        if self.is_idle:
            self._on_idle(self)
