"""The fan-out of one target's changes to its subscribers: one pass for each filter."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto

import structlog

from repositories.exceptions import InvalidVersionError, RepositoryError, UnavailableError
from repositories.firestore.rpc import NO_ANSWER
from repositories.listening.catch_up import list_differences, list_initial, list_removals, list_removals_since
from repositories.listening.changes import Change, DocumentChange, DocumentState, check_shown, to_change
from repositories.listening.past_reader import PastReader, PastState
from repositories.listening.read_accounts import ReadAccount
from repositories.listening.subscriptions import Subscription
from repositories.listening.target_state import TargetState
from repositories.listening.versions import Version

log = structlog.get_logger(__name__)

MAX_AHEAD_MICROS = 60_000_000
"""Versions of a later time than this, by Firestore's clock, were never given to anybody."""

INITIAL_MICROS = 60_000_000
"""The age up to which the initial changes are shared: a returning subscriber needs a version of the last hour."""


class FanOutPhase(Enum):
    """The phase of a fan-out.

    1. Subscriptions wait while it is LOADING, until each of its targets has a snapshot.
    2. Subscriptions begin, and receive changes, while it is LIVE.
    3. A fan-out that has failed, or was closed, is ENDED, and has no subscriptions.
    """

    LOADING = auto()
    LIVE = auto()
    ENDED = auto()


_NEXT_PHASES: Mapping[FanOutPhase, frozenset[FanOutPhase]] = {
    FanOutPhase.LOADING: frozenset({FanOutPhase.LIVE, FanOutPhase.ENDED}),
    FanOutPhase.LIVE: frozenset({FanOutPhase.ENDED}),
    FanOutPhase.ENDED: frozenset({FanOutPhase.ENDED}),  # one that has failed is closed as well
}


class FanOut:
    """The subscribers to the documents of `source`, which end with the video in `owner` (None: they never end)."""

    def __init__(
        self,
        source: TargetState,
        owner: TargetState | None,
        past_reader: PastReader,
        on_idle: "Callable[[FanOut], None]",
    ) -> None:
        self.target = source.target
        self.source = source
        self.owner = owner
        self.states = (source,) if owner is None or owner is source else (owner, source)
        self.error: RepositoryError | None = None
        self._phase = FanOutPhase.LOADING
        self.is_eager = True  # whether a subscription waits for a time, and not for a change
        self._past_reader = past_reader
        self._on_idle = on_idle
        self._groups: dict[str | None, dict[Subscription, None]] = {}
        self._waiting: dict[Subscription, None] = {}  # for the first state, for the video, or for a past state
        self._read: dict[Version, PastState] = {}
        self._tasks: dict[Version, asyncio.Task[None]] = {}
        self._initial: dict[str | None, Sequence[Change]] = {}
        self._initial_micros = 0

    @property
    def is_idle(self) -> bool:
        """Whether there is no subscriber."""
        return not self._waiting and not any(self._groups.values())

    @property
    def is_current(self) -> bool:
        """Whether all targets are current."""
        return all(state.is_current for state in self.states)

    def add(self, subscription: Subscription) -> None:
        """The subscription receives the present state, or the changes since its version, and then every change."""
        subscription.on_close(self._leave)
        self._waiting[subscription] = None
        self._settle()

    def tell(self) -> None:
        """All subscribers have received the changes of the targets' last snapshots."""
        self._go_live_once_loaded()
        if self._phase is not FanOutPhase.LIVE:
            return
        if self.source.changes:
            self._initial.clear()
        end = self._find_end()
        if end is not None:
            self._end(end.version.micros)
        elif self.source.changes:
            for style, group in self._groups.items():
                changes = [to_change(change, style) for change in self.source.changes]
                self._offer(group, [change for change in changes if change is not None])
        self._settle()

    def fail(self, error: RepositoryError) -> None:
        """All subscriptions have failed with the error, and no further one may come."""
        self.error = error
        self._move_to(FanOutPhase.ENDED)
        for subscription in self._clear():
            subscription.fail(error)
        self._on_idle(self)

    def close(self) -> None:
        """All subscriptions have ended, and their waiting changes are dropped."""
        self._move_to(FanOutPhase.ENDED)
        for subscription in self._clear():
            subscription.abandon()

    def _go_live_once_loaded(self) -> None:
        if self._phase is FanOutPhase.LOADING and all(state.read_micros is not None for state in self.states):
            self._move_to(FanOutPhase.LIVE)

    def _move_to(self, phase: FanOutPhase) -> None:
        if phase not in _NEXT_PHASES[self._phase]:
            raise AssertionError(f"A fan-out that is {self._phase.name} cannot become {phase.name}.")
        self._phase = phase

    @property
    def _has_owner(self) -> bool:
        """Whether the video exists to which the documents belong."""
        return self.owner is None or any(check_shown(document, None) for document in self.owner.documents.values())

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

    def _find_end(self) -> DocumentChange | None:
        """The change by which the video was deleted; None where it was not."""
        for change in self.owner.changes if self.owner is not None else ():
            if check_shown(change.before, None) and not check_shown(change.after, None):
                return change
        return None

    def _end(self, micros: int) -> None:
        """All shown documents are removed, and every subscription ends."""
        before: dict[str, DocumentState | None] = dict(self.source.documents)
        before |= {change.id: change.before for change in self.source.changes}
        shown = [document for document in before.values() if document is not None]
        for style, group in self._groups.items():
            self._offer(group, list_removals((document for document in shown if check_shown(document, style)), micros))
            for subscription in group:
                subscription.finish()
        self._groups.clear()

    def _settle(self) -> None:
        """Each waiting subscription that can begin has received its first changes."""
        self._go_live_once_loaded()
        self.is_eager = self._phase is FanOutPhase.LOADING
        if self._phase is FanOutPhase.LIVE:
            for subscription in list(self._waiting):
                self._begin(subscription)
        if self.is_idle:
            self._on_idle(self)

    def _begin(self, subscription: Subscription) -> None:
        after = subscription.after
        if after is None:
            subscription.mark_read()
            if self._has_owner:
                self._join(subscription, self._list_initial(subscription.style))
            return
        if after.micros > self.source.estimate_now_micros() + MAX_AHEAD_MICROS:
            self._refuse(subscription, InvalidVersionError())
            return
        if after.micros > self._read_micros:
            self.is_eager = True  # another process has seen more: the subscription begins once this one has, too
            return
        past_state = self._find_past_state(after, subscription.account)
        if past_state is None:
            return
        subscription.mark_read()
        if self._has_owner:
            self._join(subscription, list_differences(self.source, past_state.known, subscription.style, after))
        elif past_state.had_owner:
            del self._waiting[subscription]
            subscription.begin(list_removals_since(self.source, past_state.known, subscription.style, after))
            subscription.finish()
        else:
            subscription.after = None  # whatever comes now is new

    def _join(self, subscription: Subscription, changes: Sequence[Change]) -> None:
        del self._waiting[subscription]
        self._groups.setdefault(subscription.style, {})[subscription] = None
        subscription.begin(changes, is_prepaid=subscription.account is self.source.account)

    def _list_initial(self, style: str | None) -> Sequence[Change]:
        """The initial changes, built once for all subscribers that come before the next change."""
        if self._read_micros - self._initial_micros > INITIAL_MICROS:
            self._initial.clear()
            self._initial_micros = self._read_micros
        if style not in self._initial:
            self._initial[style] = list_initial(self.source, style)
        return self._initial[style]

    def _find_past_state(self, after: Version, account: ReadAccount) -> PastState | None:
        """The state at a version: from the removal log, or from Firestore, which takes a while (None until then).

        The first subscriber that asks pays for the read; it serves all that wait for the same version.
        """
        if after in self._read:
            return self._read[after]
        if self._has_owner and self.source.removals.check_covers(after):
            return PastState(self.source.removals.recall(self.source.documents.values(), after), had_owner=True)
        if after not in self._tasks:
            self._tasks[after] = asyncio.get_running_loop().create_task(self._read_past_state(after, account))
        return None

    def _cancel_unwanted(self, after: Version | None) -> None:
        """No state is read for a version that no subscription waits for."""
        if after in self._tasks and all(waiting.after != after for waiting in self._waiting):
            self._tasks.pop(after).cancel()

    async def _read_past_state(self, after: Version, account: ReadAccount) -> None:
        owner = None if self.owner is None else self.owner.target
        try:
            past_state = await self._past_reader.read(self.source.target, owner, after, account)
        except RepositoryError as error:
            self._refuse_all(after, error)
        except Exception:  # a bug: the waiting subscriptions fail, and can come again
            log.exception("past_state_failed")
            self._refuse_all(after, UnavailableError(NO_ANSWER))
        else:
            self._tasks.pop(after, None)
            self._read[after] = past_state
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
