"""Clocks that a test holds: minutes go by at once, and at the same moment of the test on every machine."""

import asyncio
import time

import pytest


class MovedClock:
    """The time of day, and the event loop's, which go on as they do but for what a test moves them ahead."""

    def __init__(self, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seconds = 0.0
        of_day, of_loop = time.time, loop.time
        monkeypatch.setattr(time, "time", lambda: of_day() + self._seconds)
        monkeypatch.setattr(loop, "time", lambda: of_loop() + self._seconds)

    def advance(self, seconds: float) -> None:
        """Moves both clocks ahead: timers that are due by then fire at the loop's next turn."""
        self._seconds += seconds
