"""The states of a Listen stream, of its feed and of its targets, and every way from one to another.

A target:

1. A target is ADDED once its client is told its id. Then the hub gives its commits to the stream's feed: SUBSCRIBED.
2. From one snapshot, a target with a usable resume token is told what has changed since (RESUMING); a target without
   one is told everything (LOADING). A token that cannot be used resets the target: its client forgets, and it loads.
3. After that snapshot the target is CURRENT: it alone is told commits, and changes that the feed has dropped.
4. A target that ends, is refused or is removed by its client is REMOVED, from whatever state. The hub has forgotten it.

A feed:

5. A FOLLOWING feed holds every commit that its stream has not told. Beyond its bounds it forgets them and is BEHIND: it
   takes no commit until its stream has caught up from the present state.
6. A CLOSED feed takes no commit any more. It is never empty again, and its stream ends with UNAVAILABLE.

A stream:

7. On an OPEN stream the client chooses the ids of its targets. After its first target without an id the stream is
   NUMBERING: the server chooses, and refuses a target that has an id.
8. An ENDED stream has no targets.

REMOVED, CLOSED and ENDED are final. A target that is asked for again is a new one.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Generic, TypeVar


class TargetState(Enum):
    """The state of a target on its stream."""

    ADDED = auto()
    SUBSCRIBED = auto()
    RESUMING = auto()
    LOADING = auto()
    CURRENT = auto()
    REMOVED = auto()


class TargetEvent(Enum):
    """An event in the life of a target."""

    SUBSCRIBE = auto()
    RESUME = auto()
    LOAD = auto()
    RESET = auto()
    CURRENT = auto()
    REMOVE = auto()


class FeedState(Enum):
    """The state of the commits that wait for a stream."""

    FOLLOWING = auto()
    BEHIND = auto()
    CLOSED = auto()


class FeedEvent(Enum):
    """An event in the life of a feed."""

    OVERFLOW = auto()
    CATCH_UP = auto()
    CLOSE = auto()


class StreamState(Enum):
    """The state of a stream, by who chooses the ids of its targets."""

    OPEN = auto()
    NUMBERING = auto()
    ENDED = auto()


class StreamEvent(Enum):
    """An event in the life of a stream."""

    ADD_WITH_ID = auto()
    ADD_WITHOUT_ID = auto()
    END = auto()


_T, _TE = TargetState, TargetEvent
TARGET_TRANSITIONS: Mapping[tuple[TargetState, TargetEvent], TargetState] = {
    (_T.ADDED, _TE.SUBSCRIBE): _T.SUBSCRIBED,
    (_T.SUBSCRIBED, _TE.RESUME): _T.RESUMING,
    (_T.SUBSCRIBED, _TE.LOAD): _T.LOADING,
    (_T.SUBSCRIBED, _TE.RESET): _T.LOADING,
    (_T.RESUMING, _TE.CURRENT): _T.CURRENT,
    (_T.LOADING, _TE.CURRENT): _T.CURRENT,
    **{(state, _TE.REMOVE): _T.REMOVED for state in _T if state is not _T.REMOVED},
}

FEED_TRANSITIONS: Mapping[tuple[FeedState, FeedEvent], FeedState] = {
    (FeedState.FOLLOWING, FeedEvent.OVERFLOW): FeedState.BEHIND,
    (FeedState.FOLLOWING, FeedEvent.CATCH_UP): FeedState.FOLLOWING,  # a new target has found commits that wait
    (FeedState.BEHIND, FeedEvent.CATCH_UP): FeedState.FOLLOWING,
    (FeedState.CLOSED, FeedEvent.CATCH_UP): FeedState.CLOSED,  # the server ends while the stream catches up
    **{(state, FeedEvent.CLOSE): FeedState.CLOSED for state in FeedState},
}

STREAM_TRANSITIONS: Mapping[tuple[StreamState, StreamEvent], StreamState] = {
    (StreamState.OPEN, StreamEvent.ADD_WITH_ID): StreamState.OPEN,
    (StreamState.OPEN, StreamEvent.ADD_WITHOUT_ID): StreamState.NUMBERING,
    (StreamState.NUMBERING, StreamEvent.ADD_WITHOUT_ID): StreamState.NUMBERING,
    (StreamState.OPEN, StreamEvent.END): StreamState.ENDED,
    (StreamState.NUMBERING, StreamEvent.END): StreamState.ENDED,
}

State = TypeVar("State", bound=Enum)
Event = TypeVar("Event", bound=Enum)


class IllegalTransitionError(Exception):
    """The table has no row for the event in this state, and the state stays."""


class StateMachine(Generic[State, Event]):
    """A state that changes by the rows of its table alone."""

    def __init__(self, state: State, transitions: Mapping[tuple[State, Event], State]) -> None:
        self._state = state
        self._transitions = transitions

    @property
    def state(self) -> State:
        """The state; only `change` changes it."""
        return self._state

    def change(self, event: Event) -> None:
        """Moves to the state that the table gives; IllegalTransitionError where it gives none."""
        after = self._transitions.get((self._state, event))
        if after is None:
            raise IllegalTransitionError(f"{self._state} cannot take {event}.")
        self._state = after
