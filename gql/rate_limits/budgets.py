"""Callers' budgets for a minute: requests, and documents read."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from gql.permissions import Principal
from gql.rate_limits.allowances import Allowance, resolve_allowance
from gql.rate_limits.read_reservations import ReadReservations
from gql.rate_limits.windows import SECONDS_PER_WINDOW, MemoryWindows, Usage, Windows
from settings import Settings

__all__ = ["AUTHENTICATED_KEY", "QUOTA_KEY", "SECONDS_PER_WINDOW", "Budgets", "Quota", "RateLimitedError"]

# Where a request keeps what is left, for its response.
QUOTA_KEY = "quota"
# Where the view says that it knows who is calling.
AUTHENTICATED_KEY = "is_caller_known"


# A value takes a microsecond or two of processor time, and a document that is read a hundred: cached lists make none.
FIELD_VALUES_PER_READ = 100
# R2 bills a call as Firestore does a read.
READS_PER_R2_CALL = 1


def count_charged_reads(r2_calls: int, field_values: int) -> int:
    """The reads of a minute's budget that calls to R2 and field values count as."""
    return READS_PER_R2_CALL * r2_calls + field_values // FIELD_VALUES_PER_READ


class RateLimitedError(Exception):
    """The caller's budget is used up; `message` names the unit."""

    def __init__(self, message: str, quota: "Quota") -> None:
        super().__init__(message)
        self.message = message
        self.quota = quota


@dataclass(frozen=True)
class Quota:
    """A caller's limit for a minute, the rest of it, and the seconds until it is full again."""

    limit: int
    remaining: int
    reset_seconds: int


class Budgets:
    """The budgets of all callers, in windows of a minute that begin with a caller's first request.

    A caller is known by their issuer and their id; an anonymous one by their address.
    """

    def __init__(self, settings: Settings, windows: Windows | None = None) -> None:
        self._settings = settings
        self._windows = windows or create_windows(settings)
        self._read_reservations = ReadReservations()

    async def admit(self, principal: Principal) -> Quota:
        """The caller's remaining requests; `RateLimitedError` if the requests or reads are used up."""
        allowance = self._resolve(principal)
        usage = await self._windows.add(principal.caller, requests=1)
        requests = _parse_requests_left(usage, allowance.requests)
        _assert_reads_left(usage, allowance.document_reads)
        return requests

    async def assert_reads_left(self, principal: Principal) -> None:
        """Raises `RateLimitedError` where the caller's reads are used up."""
        usage = await self._windows.add(principal.caller)
        _assert_reads_left(usage, self._resolve(principal).document_reads)

    async def admit_anonymous(self, address: str) -> Quota:
        """Counts a refusal; `RateLimitedError` where the address has had too many of them."""
        usage = await self._windows.add(f"address {address}", requests=1)
        return _parse_requests_left(usage, self._settings.requests_per_minute_anonymous)

    async def charge(self, principal: Principal, document_reads: int) -> None:
        """Charges reads, or their equivalents, to the caller's budget, even beyond it."""
        if document_reads:
            await self._windows.add(principal.caller, document_reads=document_reads)

    async def get_reads(self, principal: Principal) -> Quota:
        """The caller's remaining reads."""
        usage = await self._windows.add(principal.caller)
        return _make_quota(self._resolve(principal).document_reads, usage.document_reads, usage)

    @contextmanager
    def running(self, principal: Principal, bound: int) -> Iterator[None]:
        """Refuses what, with all that runs for the caller at this moment, could read more than a minute's budget.

        So nobody overdraws a budget by more than itself. What runs alone is never refused by its bound, which is
        far above what most requests read. This counts in this process only.
        """
        key, limit = principal.caller, self._resolve(principal).document_reads
        if not self._read_reservations.check_fits(key, bound, limit):
            running = self._read_reservations.get(key)
            message = (
                f"Your concurrent requests could read {running + bound:,} documents; the limit is {limit:,} a minute."
            )
            raise RateLimitedError(message, Quota(limit, max(0, limit - running), reset_seconds=1))
        self._read_reservations.reserve(key, bound)
        try:
            yield
        finally:
            self._read_reservations.release(key, bound)

    async def reserve_in_turn(self, principal: Principal, bound: int) -> Callable[[], None]:
        """As `running`, but waits for room instead of refusing; the answer ends it, and is to be called once."""
        key = principal.caller
        await self._read_reservations.reserve_in_turn(key, bound, self._resolve(principal).document_reads)
        return partial(self._read_reservations.release, key, bound)

    async def close(self) -> None:
        """Closes the connections to Redis, if there are any."""
        await self._windows.close()

    def _resolve(self, principal: Principal) -> Allowance:
        return resolve_allowance(self._settings, principal)


def create_windows(settings: Settings) -> Windows:
    """The windows of this process, or windows shared through the settings' Redis."""
    if settings.rate_limit_redis_url is None:
        return MemoryWindows()
    # Its imports take longer than all else here, and few need them.
    from gql.rate_limits.redis_windows import RedisWindows

    return RedisWindows(settings.rate_limit_redis_url.get_secret_value())


def _parse_requests_left(usage: Usage, limit: int) -> Quota:
    quota = _make_quota(limit, usage.requests, usage)
    if usage.requests > limit:
        raise RateLimitedError(f"You sent {limit:,} requests within a minute, which is the limit.", quota)
    return quota


def _assert_reads_left(usage: Usage, limit: int) -> None:
    if usage.document_reads >= limit:
        quota = _make_quota(limit, usage.document_reads, usage)
        raise RateLimitedError(f"You have used the {limit:,} reads of documents that you have a minute.", quota)


def _make_quota(limit: int, used: int, usage: Usage) -> Quota:
    return Quota(limit, max(0, limit - used), math.ceil(usage.seconds_left))
