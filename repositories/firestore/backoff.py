"""Waits before a failed call is tried again: growing, bounded, and random, so that rivals part."""

import random
from dataclasses import dataclass

_LAST_GROWTH = 16


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits in seconds: about `first_seconds`, then `factor` times as long each, up to `max_seconds`."""

    first_seconds: float
    factor: float
    max_seconds: float

    def compute_seconds(self, attempt: int) -> float:
        """The wait after the attempt (from 0 on): from half of the longest to all of it."""
        longest_seconds = min(self.max_seconds, self.first_seconds * self.factor ** min(attempt, _LAST_GROWTH))
        return random.uniform(0.5, 1.0) * longest_seconds  # noqa: S311  no attacker gains by guessing it


RPC_BACKOFF = Backoff(first_seconds=0.02, factor=2.0, max_seconds=1.0)
"""The waits of reads and commits, whose callers wait for them."""

STREAM_BACKOFF = Backoff(first_seconds=1.0, factor=1.5, max_seconds=15.0)
"""The waits of Listen streams and targets, which Firestore's own clients reconnect as slowly."""
