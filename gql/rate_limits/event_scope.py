"""The limits of one event of a subscription: the time and the reads of a request, anew for each event."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gql.permissions import Principal
from gql.rate_limits.budgets import Budgets
from repositories.firestore.metering import count_paid_reads, count_reads


class LoaderCaches(Protocol):
    """A request's loaders, as far as an event needs them."""

    def clear(self) -> None:
        """Removes earlier loads."""


class EventScope:
    """The limits of the event that a subscription is at, from its change until its result."""

    bound_reads = 0
    """The most documents that an event can read."""

    deadline: asyncio.Timeout | None = None
    _release: Callable[[], None] | None = None

    async def begin(
        self,
        budgets: Budgets,
        principal: Principal,
        loaders: LoaderCaches,
        seconds: float,
        *,
        paid_reads: int = 0,
        is_prepaid: bool = False,
    ) -> None:
        """Reserves an event's reads, clears the loaders, and sets the deadline in `seconds`.

        The event's document counts as one read, unless it is prepaid, as a document of a first state is for the
        subscriber that it was read for. `paid_reads` are shown in the event's cost, and were charged before. Raises
        `RateLimitedError` if the caller's reads are used up.
        """
        # Thousands of events may wait, and nothing below need wait for anything: other tasks run first.
        await asyncio.sleep(0)
        if not is_prepaid or self.bound_reads > 1:
            await budgets.assert_reads_left(principal)
        # Other operations of the caller delay an event and never refuse it: they end soon.
        self._release = await budgets.reserve_in_turn(principal, self.bound_reads)
        loaders.clear()
        count_paid_reads(paid_reads)
        if not is_prepaid:
            count_reads(1)
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def end(self) -> None:
        """Releases the event's reads."""
        if self._release is not None:
            self._release()
            self._release = None
