"""The table of a lock owner's states: what is final stays so, and nothing beside the table happens."""

import itertools

import pytest

from embedded.firestore.transactions.locks import LockFailedError, Owner
from embedded.firestore.transactions.owner_states import FINAL, TRANSITIONS, OwnerEvent, OwnerState

WAYS = {
    OwnerState.OPEN: (),
    OwnerState.COMMITTING: (OwnerEvent.COMMIT,),
    OwnerState.FAILED: (OwnerEvent.GIVE_WAY,),
    OwnerState.ENDED: (OwnerEvent.END,),
}


def make_owner(state: OwnerState) -> Owner:
    """An owner that has come into this state."""
    owner = Owner(1)
    for event in WAYS[state]:
        owner.change(event)
    return owner


@pytest.mark.parametrize(("state", "event"), list(itertools.product(OwnerState, OwnerEvent)))
def test_each_event_in_each_state_is_a_row_or_refused(state: OwnerState, event: OwnerEvent) -> None:
    """An owner moves as the table says; where it has no row, LockFailedError is raised and the state stays."""
    owner = make_owner(state)
    if (state, event) in TRANSITIONS:
        owner.change(event)
        assert owner.state is TRANSITIONS[state, event]
    else:
        with pytest.raises(LockFailedError):
            owner.change(event)
        assert owner.state is state


@pytest.mark.parametrize("state", sorted(FINAL, key=str))
def test_final_states_are_never_left(state: OwnerState) -> None:
    """No row leads out of FAILED or ENDED, no commit begins there, and whoever waits for the owner is woken."""
    assert {after for (before, _), after in TRANSITIONS.items() if before is state} == {state}
    assert (state, OwnerEvent.COMMIT) not in TRANSITIONS
    assert make_owner(state).ended.is_set()
