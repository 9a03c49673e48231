"""How much each caller has used within the minute, in this process's memory."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

SECONDS_PER_WINDOW = 60
# More than a request can add, so that what has ended goes sooner than it came.
_REMOVED_PER_CALL = 2


class Usage(NamedTuple):
    """A caller's use of the present window, and the seconds until it ends."""

    requests: int
    document_reads: int
    seconds_left: float


class Windows(Protocol):
    """The windows of all callers. A window begins with its caller's first use, and lasts a minute."""

    async def add(self, caller: str, *, requests: int = 0, document_reads: int = 0) -> Usage:
        """Adds to the caller's use, and answers the total."""

    async def close(self) -> None:
        """Releases resources outside of this process."""


class _Window:
    __slots__ = ("caller", "document_reads", "ends_at", "requests")

    def __init__(self, caller: str, ends_at: float) -> None:
        self.caller = caller
        self.ends_at = ends_at
        self.requests = 0
        self.document_reads = 0


class MemoryWindows:
    """Windows in memory. A call costs the same however many callers there are.

    All windows last equally long, so they end in the order in which they began: each call looks at the two oldest, and
    none walks through all. The clock is monotonic: it does not jump when the machine's time is set.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._by_age: deque[_Window] = deque()

    async def add(self, caller: str, *, requests: int = 0, document_reads: int = 0) -> Usage:
        """Adds to the caller's use, and answers the total."""
        now = self._clock()
        self._remove_ended(now)
        window = self._windows.get(caller)
        if window is None or window.ends_at <= now:
            window = self._begin(caller, now)
        window.requests += requests
        window.document_reads += document_reads
        return Usage(window.requests, window.document_reads, window.ends_at - now)

    async def close(self) -> None:
        """Releases no resource: the windows are in this process's memory."""

    def _begin(self, caller: str, now: float) -> _Window:
        window = self._windows[caller] = _Window(caller, now + SECONDS_PER_WINDOW)
        self._by_age.append(window)
        return window

    def _remove_ended(self, now: float) -> None:
        for _ in range(_REMOVED_PER_CALL):
            if not self._by_age or self._by_age[0].ends_at > now:
                return
            window = self._by_age.popleft()
            # The caller may have a newer one by now.
            if self._windows.get(window.caller) is window:
                del self._windows[window.caller]
