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


class _WorkerGreenlet(greenlet):  # type: ignore[misc]  # as above
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
        self.greenlets: list[_WorkerGreenlet] = []


_idle = _Idle()


def checkpoint() -> None:
    """Lets the event loop run, where it has not for a while; raises `CancelledError` where the task was cancelled."""
    worker = getcurrent()
    if type(worker) is _WorkerGreenlet and perf_counter() >= worker.pauses_at:
        worker.parent.switch()
        worker.pauses_at = perf_counter() + SECONDS_BETWEEN_CHECKPOINTS


def close_if_abandoned(awaitable: T) -> T:
    """The awaitable, which is closed where the work that made it is given up before anybody awaits it."""
    worker = getcurrent()
    if type(worker) is _WorkerGreenlet and iscoroutine(awaitable):
        worker.unstarted.append(awaitable)
    return awaitable


async def run_with_checkpoints(work: Callable[[], T]) -> T:
    """The result of `work`, in which other tasks may run at each `checkpoint`."""
    worker = _idle.greenlets.pop() if _idle.greenlets else _WorkerGreenlet()
    answer, error = await _run(worker, work)
    worker.gr_context = None
    unstarted, worker.unstarted = worker.unstarted, []
    if len(_idle.greenlets) < MAX_IDLE:
        _idle.greenlets.append(worker)
    if error is None:
        return cast("T", answer)
    for coroutine in unstarted:
        coroutine.close()
    raise error


async def _run(worker: _WorkerGreenlet, work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    driver = getcurrent()
    worker.parent, worker.gr_context = driver, driver.gr_context
    worker.pauses_at, worker.unstarted, worker.is_at_work = perf_counter() + SECONDS_BETWEEN_CHECKPOINTS, [], True
    outcome = worker.switch(work)
    while worker.is_at_work:
        try:
            await asyncio.sleep(0)
            # One greenlet a round: where all that are under way went on at once, others would wait for each of them.
            await wait_for_time_slice()
        except BaseException as error:  # noqa: BLE001  the work is to know
            outcome = worker.throw(error)
        else:
            outcome = worker.switch()
    return cast("tuple[T | None, BaseException | None]", outcome)
