"""What each caller may do in a minute: requests, and documents read. In this process's memory."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from gql.permissions import Principal
from gql.rate_limits.allowances import Allowance, resolve_allowance
from gql.rate_limits.running_reads import RunningReads
from settings import Settings

SECONDS_PER_WINDOW = 60
# Where a request keeps what is left, for its response.
QUOTA_KEY = "quota"


class RateLimitedError(Exception):
    """The caller has had what they may have for now; `message` says of what."""

    def __init__(self, message: str, quota: "Quota") -> None:
        super().__init__(message)
        self.message = message
        self.quota = quota


@dataclass(frozen=True)
class Quota:
    """How much of something a caller may have in a minute, how much is left of it, and when all of it is back."""

    limit: int
    remaining: int
    resets_at: float

    @property
    def reset_seconds(self) -> int:
        """Whole seconds until all of it is back."""
        return max(0, math.ceil(self.resets_at - time.time()))


class Budgets:
    """The budgets of all callers, in windows of a minute that begin with a caller's first request."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._running_reads = RunningReads()

    async def admit(self, principal: Principal) -> Quota:
        """What is left of the caller's requests; `RateLimitedError` where requests or reads are used up."""
        allowance = self._resolve(principal)
        requests = await self._take("requests", principal.user_id, allowance.requests, 1)
        await self.assert_reads_left(principal)
        return requests

    async def assert_reads_left(self, principal: Principal) -> None:
        """Raises `RateLimitedError` where the caller's reads are used up."""
        reads = await self.get_reads(principal)
        if reads.remaining == 0:
            raise RateLimitedError(
                f"You have read {reads.limit:,} documents within a minute, which is all you may.", reads
            )

    async def admit_stranger(self, address: str) -> None:
        """Counts a request that was refused; `RateLimitedError` where the address has sent too many of them."""
        await self._take("strangers", address, self._settings.requests_per_minute_anonymous, 1)

    async def charge(self, principal: Principal, document_reads: int) -> None:
        """What was read is taken off the caller's budget, also where it is more than was left."""
        if document_reads:
            item = self._get_item("reads", self._resolve(principal).document_reads)
            await self._limiter.hit(item, principal.user_id, cost=document_reads)

    async def get_reads(self, principal: Principal) -> Quota:
        """What is left of the caller's reads."""
        allowance = self._resolve(principal)
        return await self._get_quota("reads", principal.user_id, allowance.document_reads)

    @contextmanager
    def running(self, principal: Principal, bound: int) -> Iterator[None]:
        """Refuses what, with all that runs for the caller at this moment, could read more than a minute's budget.

        So nobody overdraws a budget by more than itself. What runs alone is never refused by its bound, which is
        far above what most requests read.
        """
        key, limit = principal.user_id, self._resolve(principal).document_reads
        if not self._running_reads.check_room(key, bound, limit):
            running = self._running_reads.get(key)
            message = (
                f"What you have running could read {running + bound:,} documents, and you may read {limit:,} a minute."
            )
            raise RateLimitedError(message, Quota(limit, max(0, limit - running), time.time() + 1))
        self._running_reads.enter(key, bound)
        try:
            yield
        finally:
            self._running_reads.leave(key, bound)

    async def run_in_turn(self, principal: Principal, bound: int) -> Callable[[], None]:
        """As `running`, but waits for room instead of refusing; the answer ends it, and is to be called once."""
        key = principal.user_id
        await self._running_reads.enter_in_turn(key, bound, self._resolve(principal).document_reads)
        return partial(self._running_reads.leave, key, bound)

    def _resolve(self, principal: Principal) -> Allowance:
        return resolve_allowance(self._settings, principal)

    async def _take(self, kind: str, key: str, limit: int, amount: int) -> Quota:
        is_allowed = await self._limiter.hit(self._get_item(kind, limit), key, cost=amount)
        quota = await self._get_quota(kind, key, limit)
        if not is_allowed:
            raise RateLimitedError(f"You have sent {limit:,} requests within a minute, which is all you may.", quota)
        return quota

    async def _get_quota(self, kind: str, key: str, limit: int) -> Quota:
        stats = await self._limiter.get_window_stats(self._get_item(kind, limit), key)
        return Quota(limit, stats.remaining, stats.reset_time)

    def _get_item(self, kind: str, limit: int) -> Any:
        return RateLimitItemPerMinute(limit, namespace=kind)
