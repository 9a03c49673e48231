"""Long stretches of execution that let the event loop run in between, wherever they are.

What graphql-core and the columns do between two awaits can take seconds for lists of thousands: nobody else would be
served, and no deadline would come. Here that runs as a greenlet, which can be left in the middle, however deep, and be
gone on with in the loop's next round. Where it is cancelled meanwhile, the cancellation comes out of the pause.
"""

import asyncio
import threading
from collections.abc import Callable
from inspect import iscoroutine
from time import perf_counter
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # its stubs are a package of others

from gql.execution.time_slices import wait_for_time_slice

T = TypeVar("T")

# Others wait so long for the long stretches that are under way, which take turns; a pause costs 20 µs.
SECONDS_BETWEEN_CHECKPOINTS = 0.005
# Of greenlets without work, each of which has some 20 KB.
MAX_IDLE = 100


class _Stretch(greenlet):  # type: ignore[misc]  # as above
    """A greenlet that runs one piece of work after the other: making one costs 16 µs, and switching to it 1."""

    pauses_at = 0.0
    is_at_work = False
    unstarted: list[Any]
    """Coroutines that the work made, and nobody awaits if it never ends."""

    def run(self, work: Callable[[], Any]) -> None:
        """Runs the work, and waits for more."""
        while True:
            try:
                outcome: tuple[Any, BaseException | None] = work(), None
            except BaseException as error:  # noqa: BLE001  it is raised where the work was begun
                outcome = None, error
            self.is_at_work = False
            # Nothing of it is held while there is no work.
            del work
            work = self.parent.switch(outcome)


class _Idle(threading.local):
    """The greenlets of a thread that have no work."""

    def __init__(self) -> None:
        self.stretches: list[_Stretch] = []


_idle = _Idle()


def checkpoint() -> None:
    """Lets the event loop run, where it has not for a while; raises `CancelledError` where the task was cancelled."""
    stretch = getcurrent()
    if type(stretch) is _Stretch and perf_counter() >= stretch.pauses_at:
        stretch.parent.switch()
        stretch.pauses_at = perf_counter() + SECONDS_BETWEEN_CHECKPOINTS


def close_if_abandoned(awaitable: T) -> T:
    """The awaitable, which is closed where the work that made it is given up before anybody awaits it."""
    stretch = getcurrent()
    if type(stretch) is _Stretch and iscoroutine(awaitable):
        stretch.unstarted.append(awaitable)
    return awaitable


async def run_with_checkpoints(work: Callable[[], T]) -> T:
    """The result of `work`, in which other tasks may run at each `checkpoint`."""
    stretch = _idle.stretches.pop() if _idle.stretches else _Stretch()
    answer, error = await _run(stretch, work)
    stretch.gr_context = None
    unstarted, stretch.unstarted = stretch.unstarted, []
    if len(_idle.stretches) < MAX_IDLE:
        _idle.stretches.append(stretch)
    if error is None:
        return cast("T", answer)
    for coroutine in unstarted:
        coroutine.close()
    raise error


async def _run(stretch: _Stretch, work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    driver = getcurrent()
    stretch.parent, stretch.gr_context = driver, driver.gr_context
    stretch.pauses_at, stretch.unstarted, stretch.is_at_work = perf_counter() + SECONDS_BETWEEN_CHECKPOINTS, [], True
    outcome = stretch.switch(work)
    while stretch.is_at_work:
        try:
            await asyncio.sleep(0)
            # One stretch a round: where all that are under way went on at once, others would wait for each of them.
            await wait_for_time_slice()
        except BaseException as error:  # noqa: BLE001  the work is to know
            outcome = stretch.throw(error)
        else:
            outcome = stretch.switch()
    return cast("tuple[T | None, BaseException | None]", outcome)
