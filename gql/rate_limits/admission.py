"""Admission: how many requests run at once in this process. Requests beyond the limit are refused unread."""

import asyncio
import time
from collections.abc import Collection

import structlog

log = structlog.get_logger(__name__)

# Requests that ran are gone by then, and clients do not all come at once.
RETRY_AFTER_SECONDS = 1
LOG_SECONDS = 1.0
OVERLOADED_MESSAGE = "The server is overloaded. Try again in a moment."
# Where a request's state has its slot.
REQUEST_SLOT_KEY = "request_slot"


class RequestSlot:
    """One request's slot among the running ones, until `release`; `arrived_at` is in the loop's time."""

    __slots__ = ("_admission", "_is_held", "arrived_at")

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self._is_held = True
        self.arrived_at = asyncio.get_running_loop().time()

    def release(self) -> None:
        """Another request may run."""
        if self._is_held:
            self._admission.in_flight -= 1
            self._is_held = False

    def reacquire(self) -> bool:
        """Whether the request has its place again; another may have it by now, and all others too."""
        self._is_held = self._is_held or self._admission.try_enter()
        return self._is_held


class Admission:
    """Grants slots, at most `limit` at once. Requests never wait for one: a queue would only make responses late."""

    def __init__(self, limit: int, allowed_origins: Collection[str] = ()) -> None:
        """Pages of `allowed_origins` may read a refusal."""
        self.in_flight = 0
        self.allowed_origins = frozenset(origin.encode() for origin in allowed_origins)
        self._limit = limit
        self._unlogged = 0
        self._logged_at = 0.0

    def acquire(self) -> RequestSlot | None:
        """A slot; None where all are taken."""
        return RequestSlot(self) if self.try_enter() else None

    def try_enter(self) -> bool:
        """Whether one request more runs now."""
        if self.in_flight >= self._limit:
            self._count_refusal()
            return False
        self.in_flight += 1
        return True

    def _count_refusal(self) -> None:
        """A line a second at most: thousands are refused within one, and each line costs more than the refusal."""
        self._unlogged += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            log.warning("requests_shed", count=self._unlogged, in_flight=self.in_flight)
            self._unlogged, self._logged_at = 0, now


class OverloadedError(Exception):
    """While a request's body was waited for, others took all places."""
