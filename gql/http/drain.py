"""The end of a process: long connections are told to come again, to another process."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from functools import cached_property
from types import FrameType
from typing import cast

SIGNALS = (signal.SIGTERM, signal.SIGINT)
RETRY_AFTER_SECONDS = 1


class Drain:
    """Whether this process is about to end. It does not begin a second time, and it has no way back."""

    @cached_property
    def begun(self) -> asyncio.Future[None]:
        """Done once the process is about to end. Ask for it where a loop runs."""
        return asyncio.get_running_loop().create_future()

    @property
    def has_begun(self) -> bool:
        """Whether new streams are refused."""
        return self.begun.done()

    def begin(self) -> None:
        """Streams end, and no new one begins."""
        if not self.begun.done():
            self.begun.set_result(None)


@contextlib.contextmanager
def draining_at_signals(drain: Drain) -> Iterator[None]:
    """Begins the drain at the signals that end a process, before whoever handles them is told.

    Servers wait for streams to end before they tell the app that the end has come. What runs in a thread of somebody
    else's process, such as a test's, gets no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(drain.begin)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    # A signal that nobody handles would go on doing nothing, or end the process as ever.
    handled = [number for number, handler in before.items() if callable(handler)]
    for number in handled:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in handled:
            # Unless somebody has put up their own since.
            if signal.getsignal(number) is handle:
                signal.signal(number, cast("signal.Handlers", before[number]))
