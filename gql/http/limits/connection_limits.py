"""Limits on WebSockets and event streams: how many a caller has open, and how many messages one sends."""

import time
from collections import Counter
from typing import Self

# A page's subscriptions and what it asks for meanwhile; who runs this much waits for some of it to end.
MAX_OPERATIONS = 50
# A person's page sends a handful; the answer to a flood costs more than the flood.
MAX_MESSAGES_PER_SECOND = 100
# Whoever opens a socket says at once who they are.
CONNECTION_INIT_SECONDS = 10
CONNECTION_SLOT_KEY = "connection_slot"
CONNECTION_LIMIT_KEY = "connection_limit"


class ConnectionLimit:
    """The number of WebSockets and event streams of each caller; of an address before the caller is known."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[str] = Counter()

    def acquire(self, holder: str) -> "ConnectionSlot | None":
        """A seat of the holder's; None where they have all they may have."""
        return ConnectionSlot(self, holder) if self.add(holder) else None

    def add(self, holder: str) -> bool:
        """Whether the holder has one seat more now."""
        if self._taken[holder] >= self._limit:
            return False
        self._taken[holder] += 1
        return True

    def remove(self, holder: str) -> None:
        """The holder has one seat less."""
        self._taken[holder] -= 1
        if not self._taken[holder]:
            del self._taken[holder]


class ConnectionSlot:
    """One open socket's or stream's place, until `release`."""

    def __init__(self, limit: ConnectionLimit, holder: str) -> None:
        self._connections = limit
        self._holder = holder

    def move(self, holder: str) -> bool:
        """Whether the seat is the new holder's now; where they have no room it stays as it was."""
        if not self._connections.add(holder):
            return False
        self._connections.remove(self._holder)
        self._holder = holder
        return True

    def release(self) -> None:
        """Frees the slot for another connection."""
        self._connections.remove(self._holder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class MessageRate:
    """Counts a socket's messages, second by second."""

    def __init__(self, limit: int = MAX_MESSAGES_PER_SECOND) -> None:
        self._limit = limit
        self._ends_at = 0.0
        self._counted = 0

    def check(self) -> bool:
        """Whether this message is one that may come."""
        now = time.monotonic()
        if now >= self._ends_at:
            self._ends_at, self._counted = now + 1, 0
        self._counted += 1
        return self._counted <= self._limit
