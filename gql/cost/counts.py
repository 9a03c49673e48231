"""Counts of long lists, which are billed by their length: bounded by the reads that are left to their request."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from gql.cost.firestore_reads import COUNT_READS
from gql.rate_limits.errors import too_expensive
from repositories.firestore.metering import INDEX_ENTRIES_PER_READ


@dataclass
class CountAllowance:
    """The reads that an operation may spend on counts beyond its bound, and those that it has spent."""

    limit: int
    spent: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def count(self, count: Callable[[int], Awaitable[int]]) -> int:
        """The answer of `count`, limited to the reads that are left; QUERY_TOO_EXPENSIVE if the list is longer.

        The bound of a document has `COUNT_READS` for each count. A longer list is counted again, one list at a time,
        as far as the rest of the operation's reads goes.
        """
        within_bound = COUNT_READS * INDEX_ENTRIES_PER_READ
        counted = await count(within_bound)
        if counted < within_bound:
            return counted
        async with self._lock:
            return await self._count_anew(count)

    async def _count_anew(self, count: Callable[[int], Awaitable[int]]) -> int:
        left = self.limit - self.spent
        counted = await count(left * INDEX_ENTRIES_PER_READ) if left > 0 else 0
        self.spent += math.ceil(counted / INDEX_ENTRIES_PER_READ)
        if counted >= left * INDEX_ENTRIES_PER_READ:
            message = "Counting this list could read more than {bound} documents; the limit allows {limit} more."
            raise too_expensive(message, measure="documentReads", bound=left + 1, limit=max(0, left))
        return counted


_allowance: ContextVar[CountAllowance | None] = ContextVar("count_allowance", default=None)


def get_count_allowance() -> CountAllowance:
    """The allowance of the operation that runs."""
    return _allowance.get() or CountAllowance(0)


@contextmanager
def allowing_counts(allowance: CountAllowance) -> Iterator[None]:
    """Counts within are bounded by this allowance, also in tasks that start within."""
    before = _allowance.get()
    _allowance.set(allowance)
    try:
        yield
    finally:
        # Not by a token: frameworks leave a context manager in another context than they entered it in.
        _allowance.set(before)
