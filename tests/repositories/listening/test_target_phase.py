import pytest

from repositories.listening.target_phase import TRANSITIONS, Signal, TargetPhase, move
from repositories.listening.target_state import TargetState
from repositories.listening.targets import ClipsTarget


def test_a_target_is_reached_in_every_phase() -> None:
    """No phase is without a way to it."""
    assert set(TRANSITIONS.values()) == set(TargetPhase)


def test_an_idle_target_takes_requests_only() -> None:
    """A target that was not requested, or was removed, can neither be reset nor become current."""
    requests = {Signal.REQUESTED_WITH_TOKEN, Signal.REQUESTED_WITHOUT_TOKEN}
    assert {signal for phase, signal in TRANSITIONS if phase is TargetPhase.IDLE} == requests
    with pytest.raises(ValueError, match="IDLE cannot take RESET"):
        move(TargetPhase.IDLE, Signal.RESET)


@pytest.mark.parametrize("phase", [phase for phase in TargetPhase if phase is not TargetPhase.IDLE])
def test_a_requested_target_takes_every_signal(phase: TargetPhase) -> None:
    """Firestore may say anything of a target that was requested."""
    assert {signal for known, signal in TRANSITIONS if known is phase} == set(Signal)


def test_a_snapshot_ends_a_load() -> None:
    """After its snapshot, a target that was loaded whole is told changes."""
    assert move(TargetPhase.LOADED, Signal.SNAPSHOT) is TargetPhase.CURRENT
    assert move(TargetPhase.LOADING, Signal.SNAPSHOT) is TargetPhase.CATCHING_UP


def test_the_token_decides_how_a_target_is_requested() -> None:
    """A target with a token keeps its documents until it is told otherwise; without one, they are told anew."""
    state = TargetState(ClipsTarget("u", "v"))
    with pytest.raises(ValueError, match="IDLE cannot take CURRENT"):
        state.mark_current()
    state.ask()
    state.mark_current()
    assert state.is_current
    state.token = b"a token"
    state.ask()
    assert not state.is_current
