"""What one event of a subscription may take: the time and the reads of a request, again for every event."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing
from typing import TYPE_CHECKING, Any

from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gql.errors import log_errors
from gql.rate_limits.budgets import RateLimitedError
from gql.rate_limits.errors import timed_out
from repositories.metering import count_reads

if TYPE_CHECKING:
    from gql.context import Context

# Between looks whether there is room for an event. Most events take less.
WAIT_SECONDS = 0.02


class EventScope:
    """The event that an operation is at: from when its source hands it out until its result is made."""

    bound_reads = 0
    """What an event can read at most."""

    deadline: asyncio.Timeout | None = None
    _running: AbstractContextManager[None] | None = None

    async def begin(self, context: "Context") -> None:
        """An event is about to be resolved, from nothing that was loaded before; `RateLimitedError` where it may not.

        The document that it tells of counts as one read, though all who follow it share it.
        """
        budgets, principal = context.services.budgets, context.principal
        # Thousands of events may be there already, and nothing below need wait: it is others' turn.
        await asyncio.sleep(0)
        await budgets.assert_reads_left(principal)
        self._running = await _enter_when_there_is_room(lambda: budgets.running(principal, self.bound_reads))
        context.loaders.clear()
        count_reads(1)
        if self.deadline is not None:
            seconds = context.services.settings.request_timeout_seconds
            self.deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def end(self) -> None:
        """What it read is no longer among what runs for its caller."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


async def _enter_when_there_is_room(
    make_running: Callable[[], AbstractContextManager[None]],
) -> AbstractContextManager[None]:
    """An event is not refused for what else runs for its caller: that ends soon, and events can wait."""
    while True:
        running = make_running()
        try:
            running.__enter__()
        except RateLimitedError:
            await asyncio.sleep(WAIT_SECONDS)
        else:
            return running


async def each_in_time(results: AsyncGenerator[Any, None], context: "Context") -> AsyncGenerator[Any, None]:
    """The results of an operation; an event whose result is not made in time is TIMEOUT, and the last."""
    async with aclosing(results):
        while (result := await _next_in_time(results, context)) is not None:
            yield result
            if isinstance(result, LateResult):
                return


class LateResult(ExecutionResult):
    """The end of a subscription of which an event took too long."""


async def _next_in_time(results: AsyncGenerator[Any, None], context: "Context") -> Any:
    """The next result, or None after the last. Only what begins an event has a deadline: between events is no hurry."""
    try:
        async with asyncio.timeout(None) as deadline:
            context.event.deadline = deadline
            return await anext(results, None)
    except TimeoutError:
        if not deadline.expired():
            raise
        context.loaders.cancel()
        error = timed_out(context.services.settings.request_timeout_seconds, OperationType.SUBSCRIPTION)
        log_errors([error])
        return LateResult(data=None, errors=[error])
    finally:
        context.event.end()
