"""The tables of a stream's, a feed's and a target's states: each event is a row or refused, and final states stay."""

import itertools
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import pytest

from embedded.firestore.rpc.commit_hub import Feed
from embedded.firestore.rpc.listen_states import (
    FEED_TRANSITIONS,
    STREAM_TRANSITIONS,
    TARGET_TRANSITIONS,
    FeedEvent,
    FeedState,
    IllegalTransitionError,
    StateMachine,
    StreamEvent,
    StreamState,
    TargetEvent,
    TargetState,
)
from embedded.firestore.store.writer import CommitResult

Table = Mapping[tuple[Any, Any], Any]
TABLES: list[tuple[Table, type[Enum], type[Enum], Enum, Enum]] = [
    (TARGET_TRANSITIONS, TargetState, TargetEvent, TargetState.ADDED, TargetState.REMOVED),
    (FEED_TRANSITIONS, FeedState, FeedEvent, FeedState.FOLLOWING, FeedState.CLOSED),
    (STREAM_TRANSITIONS, StreamState, StreamEvent, StreamState.OPEN, StreamState.ENDED),
]
COMMIT = CommitResult(1, [], [])


def list_cases() -> Iterator[tuple[Table, Enum, Enum]]:
    """Each table with each state and each event of it."""
    for table, states, events, *_ in TABLES:
        for state, event in itertools.product(states, events):
            yield table, state, event


@pytest.mark.parametrize(("table", "state", "event"), list(list_cases()))
def test_each_event_in_each_state_is_a_row_or_refused(table: Table, state: Enum, event: Enum) -> None:
    """A machine moves as its table says; where it has no row, IllegalTransitionError is raised and the state stays."""
    machine: StateMachine[Enum, Enum] = StateMachine(state, table)
    if (state, event) in table:
        machine.change(event)
        assert machine.state is table[state, event]
    else:
        with pytest.raises(IllegalTransitionError):
            machine.change(event)
        assert machine.state is state


@pytest.mark.parametrize(("table", "states", "events", "first", "final"), TABLES)
def test_every_state_is_reached_and_the_final_one_stays(
    table: Table, states: type[Enum], events: type[Enum], first: Enum, final: Enum
) -> None:
    """From the first state, rows lead to all others; no row leads out of the final one; every event has a row."""
    reached = {first}
    for _ in states:
        reached |= {after for (before, _), after in table.items() if before in reached}
    assert reached == set(states)
    assert {after for (before, _), after in table.items() if before is final} <= {final}
    assert {event for _, event in table} == set(events)


def test_only_a_subscribed_target_that_was_told_its_documents_is_current() -> None:
    """A target is told commits after its subscription and its snapshot, in this order."""
    rows = {(before, event) for (before, event), after in TARGET_TRANSITIONS.items() if after is TargetState.CURRENT}
    assert {before for before, _ in rows} == {TargetState.RESUMING, TargetState.LOADING}
    assert {event for before, event in TARGET_TRANSITIONS if before is TargetState.ADDED} == {
        TargetEvent.SUBSCRIBE,
        TargetEvent.REMOVE,
    }


def test_a_feed_that_overflows_takes_no_commit_until_its_stream_catches_up() -> None:
    """A feed that is behind holds nothing and is not empty; after the stream has caught up, it takes commits again."""
    feed = Feed()
    feed.push(COMMIT, 1)
    feed.push(COMMIT, 10**9)
    assert feed.state is FeedState.BEHIND
    feed.push(COMMIT, 1)
    assert (len(feed), feed.is_empty) == (0, False)
    feed.catch_up()
    assert feed.is_empty
    feed.push(COMMIT, 1)
    assert (len(feed), feed.state) == (1, FeedState.FOLLOWING)


def test_a_closed_feed_stays_closed() -> None:
    """A feed whose server ends takes no commit, is never empty, and no catching up opens it."""
    feed = Feed()
    feed.close()
    feed.push(COMMIT, 1)
    feed.catch_up()
    feed.close()
    assert feed.state is FeedState.CLOSED
    assert (len(feed), feed.is_empty) == (0, False)
