"""The states of a lock's owner, and every way from one to another.

- OPEN: it reads and takes locks. In a circle of waits, the youngest owner gives way.
- COMMITTING: its writes are on their way to the disk. No other owner pushes it aside.
- FAILED: it gave way. It holds nothing and waits for nobody; its reads go on in the state it has seen; its commit is
  refused with ABORTED, and its client tries again.
- ENDED: it has committed, or was rolled back. It holds nothing and waits for nobody.

FAILED and ENDED are final. A commit that meets others' queries goes back to OPEN, waits for them, and begins again.
Waiting is no state: a client may send several reads of one transaction at once, and each waits for its own lock.
"""

from enum import Enum


class OwnerState(Enum):
    """Where an owner of locks stands."""

    OPEN = "open"
    COMMITTING = "committing"
    FAILED = "failed"
    ENDED = "ended"


class OwnerEvent(Enum):
    """An event of an owner of locks."""

    COMMIT = "commit"
    QUERY_CONFLICT = "query conflict"
    GIVE_WAY = "give way"
    END = "end"


FINAL = frozenset({OwnerState.FAILED, OwnerState.ENDED})

TRANSITIONS = {
    (OwnerState.OPEN, OwnerEvent.COMMIT): OwnerState.COMMITTING,
    (OwnerState.OPEN, OwnerEvent.QUERY_CONFLICT): OwnerState.OPEN,  # the second of two commits has met the same query
    (OwnerState.OPEN, OwnerEvent.GIVE_WAY): OwnerState.FAILED,
    (OwnerState.OPEN, OwnerEvent.END): OwnerState.ENDED,
    (OwnerState.COMMITTING, OwnerEvent.COMMIT): OwnerState.COMMITTING,  # a client may send Commit twice
    (OwnerState.COMMITTING, OwnerEvent.QUERY_CONFLICT): OwnerState.OPEN,
    (OwnerState.COMMITTING, OwnerEvent.GIVE_WAY): OwnerState.FAILED,  # a read beside its commit has waited too long
    (OwnerState.COMMITTING, OwnerEvent.END): OwnerState.ENDED,
    (OwnerState.FAILED, OwnerEvent.QUERY_CONFLICT): OwnerState.FAILED,
    (OwnerState.FAILED, OwnerEvent.GIVE_WAY): OwnerState.FAILED,
    (OwnerState.FAILED, OwnerEvent.END): OwnerState.FAILED,
    (OwnerState.ENDED, OwnerEvent.QUERY_CONFLICT): OwnerState.ENDED,
    (OwnerState.ENDED, OwnerEvent.GIVE_WAY): OwnerState.ENDED,
    (OwnerState.ENDED, OwnerEvent.END): OwnerState.ENDED,
}
"""The rest is refused: after FAILED and ENDED, no commit begins."""
