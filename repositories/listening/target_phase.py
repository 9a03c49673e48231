"""The phases of a target on its stream.

1. A target that is requested with a resume token catches up; without one, it is loaded whole.
2. A reset loads the target whole, in every phase but IDLE.
3. A target is current, or loaded, once Firestore says that it has sent everything up to now.
4. A snapshot ends a load: documents that were not sent since its begin are gone. A current target stays current.
5. A target that Firestore removes is idle, and receives nothing until it is requested again.

`TargetState` alone moves between phases, by `move`.
"""

from collections.abc import Mapping
from enum import Enum, auto


class TargetPhase(Enum):
    """The phase of a target, by what Firestore sends of it."""

    IDLE = auto()
    """Nothing: the target was not requested yet, or was removed."""
    CATCHING_UP = auto()
    """Changes since the last snapshot; more of them follow."""
    LOADING = auto()
    """Every document; more of them follow."""
    CURRENT = auto()
    """Changes as they are committed."""
    LOADED = auto()
    """Every document, and they are all sent; the next snapshot replaces the last one."""


class Signal(Enum):
    """An event in the life of a target."""

    REQUESTED_WITH_TOKEN = auto()
    REQUESTED_WITHOUT_TOKEN = auto()
    RESET = auto()
    CURRENT = auto()
    SNAPSHOT = auto()
    REMOVED = auto()


_P, _S = TargetPhase, Signal
_REQUESTED = tuple(phase for phase in _P if phase is not _P.IDLE)

TRANSITIONS: Mapping[tuple[TargetPhase, Signal], TargetPhase] = {
    **{(phase, _S.REQUESTED_WITH_TOKEN): _P.CATCHING_UP for phase in _P},
    **{(phase, _S.REQUESTED_WITHOUT_TOKEN): _P.LOADING for phase in _P},
    **{(phase, _S.RESET): _P.LOADING for phase in _REQUESTED},
    **{(phase, _S.REMOVED): _P.IDLE for phase in _REQUESTED},
    (_P.CATCHING_UP, _S.CURRENT): _P.CURRENT,
    (_P.CURRENT, _S.CURRENT): _P.CURRENT,
    (_P.LOADING, _S.CURRENT): _P.LOADED,
    (_P.LOADED, _S.CURRENT): _P.LOADED,
    (_P.CATCHING_UP, _S.SNAPSHOT): _P.CATCHING_UP,
    (_P.CURRENT, _S.SNAPSHOT): _P.CURRENT,
    (_P.LOADING, _S.SNAPSHOT): _P.CATCHING_UP,
    (_P.LOADED, _S.SNAPSHOT): _P.CURRENT,
}


def move(phase: TargetPhase, signal: Signal) -> TargetPhase:
    """The phase after the signal; ValueError where the signal cannot come in this phase."""
    try:
        return TRANSITIONS[phase, signal]
    except KeyError:
        raise ValueError(f"A target that is {phase.name} cannot take {signal.name}.") from None
