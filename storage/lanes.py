"""Lanes to R2: a thread pool for each kind of call, with a bounded share for each caller.

A caller who asks for a thousand files waits for their own calls: other callers use the remaining threads, and calls of
another kind have other threads.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class LaneName(Enum):
    """The kind of calls that a lane runs."""

    CHECKS = "checks"
    """HEAD requests, for which a change to COMPLETED waits."""

    READS = "reads"
    """Objects' contents, and lists."""

    CHANGES = "changes"
    """Uploads and deletes, with the lists that deletes need."""


@dataclass(frozen=True, slots=True)
class LaneSize:
    """The numbers of calls that run in a lane at once, of all callers and of each."""

    threads: int
    per_caller: int


LANE_SIZES = {
    LaneName.CHECKS: LaneSize(threads=16, per_caller=8),
    LaneName.READS: LaneSize(threads=16, per_caller=8),
    LaneName.CHANGES: LaneSize(threads=8, per_caller=4),
}


@dataclass
class R2Usage:
    """The caller of R2, and the number of its calls that have begun."""

    caller: str
    calls: int = 0


_usage: ContextVar[R2Usage | None] = ContextVar("r2_usage", default=None)


@contextlib.contextmanager
def using_r2(usage: R2Usage) -> Iterator[None]:
    """Every call within is counted in `usage` and has its caller's place in a lane, also in tasks begun within."""
    before = _usage.get()
    _usage.set(usage)
    try:
        yield
    finally:
        # Not by a token: frameworks leave a context manager in another context than they entered it in.
        _usage.set(before)


@dataclass
class _Share:
    """A caller's part of a lane."""

    places: asyncio.Semaphore
    calls: int = 0
    """The number of calls that run or wait."""


class Lane:
    """Threads for one kind of call. A caller's calls beyond their share wait on the event loop, in no thread."""

    def __init__(self, name: LaneName, size: LaneSize) -> None:
        self._per_caller = size.per_caller
        self._threads = ThreadPoolExecutor(size.threads, thread_name_prefix=f"r2-{name.value}")
        self._shares: dict[str, _Share] = {}

    @property
    def callers(self) -> int:
        """The number of callers whose calls run or wait."""
        return len(self._shares)

    async def run(self, call: Callable[[], T]) -> T:
        """The call's answer. A call that is cancelled while it waits never runs.

        A call that is cancelled while it runs keeps its place until its thread is free: a caller who disconnects and
        returns gets no second share.
        """
        usage = _usage.get()
        if usage is None:
            return await asyncio.wrap_future(self._threads.submit(call))
        free = await self._enter(usage.caller)
        usage.calls += 1
        try:
            future = self._threads.submit(call)
        except BaseException:
            free()
            raise
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _call_on(loop, free))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """No call begins any more; the lane does not wait for running ones."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, caller: str) -> Callable[[], None]:
        """Takes a place in the caller's share, once one is free; the answer frees it."""
        share = self._shares.setdefault(caller, _Share(asyncio.Semaphore(self._per_caller)))
        share.calls += 1
        try:
            await share.places.acquire()
        except BaseException:
            self._leave(caller, share)
            raise

        def free() -> None:
            share.places.release()
            self._leave(caller, share)

        return free

    def _leave(self, caller: str, share: _Share) -> None:
        share.calls -= 1
        if not share.calls:
            self._shares.pop(caller, None)


def _call_on(loop: asyncio.AbstractEventLoop, free: Callable[[], None]) -> None:
    """Calls `free` on the loop's thread, unless the loop is closed and has no waiting calls."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(free)
