"""What one event of a subscription may take: the time and the reads of a request, again for every event."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gql.errors import log_errors
from gql.execution.output_meter import OutputLimitError
from gql.rate_limits.errors import output_limit_exceeded, timed_out
from repositories.firestore.metering import count_paid_reads, count_reads

if TYPE_CHECKING:
    from gql.context import Context


class EventScope:
    """The event that an operation is at: from when its source hands it out until its result is made."""

    bound_reads = 0
    """What an event can read at most."""

    deadline: asyncio.Timeout | None = None
    _leave: Callable[[], None] | None = None

    async def begin(self, context: "Context", paid_reads: int = 0, *, is_prepaid: bool = False) -> None:
        """An event is about to be resolved, from nothing that was loaded before; `RateLimitedError` where it may not.

        The document that it tells of counts as one read, though all who follow it share it; unless it is prepaid, as
        those of a state are to whom it was read for. So many `paid_reads` are shown in its cost, and not charged again.
        """
        budgets, principal = context.services.budgets, context.principal
        # Thousands of events may be there already, and nothing below need wait: it is others' turn.
        await asyncio.sleep(0)
        if not is_prepaid or self.bound_reads > 1:
            await budgets.assert_reads_left(principal)
        # An event is not refused for what else runs for its caller: that ends soon, and events can wait.
        self._leave = await budgets.reserve_in_turn(principal, self.bound_reads)
        context.loaders.clear()
        count_paid_reads(paid_reads)
        if not is_prepaid:
            count_reads(1)
        if self.deadline is not None:
            seconds = context.services.settings.request_timeout_seconds
            self.deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def end(self) -> None:
        """What it read is no longer among what runs for its caller."""
        if self._leave is not None:
            self._leave()
            self._leave = None


async def each_in_time(results: AsyncGenerator[Any, None], context: "Context") -> AsyncGenerator[Any, None]:
    """The results of an operation; an event whose result is not made in time is TIMEOUT, and the last."""
    async with aclosing(results):
        while (result := await _next_in_time(results, context)) is not None:
            yield result
            if isinstance(result, LateResult):
                return


class LateResult(ExecutionResult):
    """The end of a subscription of which an event took too long, or made too much."""


def _end(context: "Context", error: GraphQLError) -> LateResult:
    """The last result: what is being loaded for it is given up."""
    context.loaders.cancel()
    log_errors([error])
    return LateResult(data=None, errors=[error])


async def _next_in_time(results: AsyncGenerator[Any, None], context: "Context") -> Any:
    """The next result, or None after the last. Only what begins an event has a deadline: between events is no hurry."""
    try:
        async with asyncio.timeout(None) as deadline:
            context.event.deadline = deadline
            return await anext(results, None)
    except OutputLimitError as error:
        return _end(context, output_limit_exceeded(error, OperationType.SUBSCRIPTION))
    except TimeoutError:
        if not deadline.expired():
            raise
        return _end(context, timed_out(context.services.settings.request_timeout_seconds, OperationType.SUBSCRIPTION))
    finally:
        context.event.end()
