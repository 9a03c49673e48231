"""Reads that start a subscription: charged as they happen, and shown in the cost of its next event."""

import asyncio
from collections.abc import Callable
from contextvars import Context as EmptyContext

from gql.permissions import Principal
from gql.rate_limits.budgets import Budgets
from repositories.listening.read_accounts import ReadAccount
from repositories.listening.subscriptions import Subscription


class SubscriptionCharges:
    """A subscription's charges to its caller's budget, by its `account`, also after its end."""

    def __init__(self, budgets: Budgets, principal: Principal) -> None:
        self.account = ReadAccount(principal.caller, self._pay, self._release)
        self._budgets = budgets
        self._principal = principal
        self._due = 0
        self._unshown = 0
        self._charging: asyncio.Task[None] | None = None
        self._changes: Subscription | None = None
        self._release_reads: Callable[[], None] | None = None

    async def open(self, watch: Callable[[ReadAccount], Subscription], bound: int) -> Subscription:
        """The subscription, once its first reads are reserved beside the caller's others.

        The reservation ends when the first state is read. `RateLimitedError` if the minute's reads are used up.
        """
        self._release_reads = await self._budgets.reserve_in_turn(self._principal, bound)
        try:
            await self._budgets.assert_reads_left(self._principal)
            self._changes = watch(self.account)
            self._changes.on_read(self._release)
        except BaseException:
            self._release_reads()
            raise
        return self._changes

    async def take_charged(self) -> int:
        """How many documents were read and charged since the last time."""
        if self._charging is not None:
            await asyncio.wait([self._charging])  # which is not cancelled with whoever waits for it
        paid, self._unshown = self._unshown, 0
        return paid

    def _pay(self, document_reads: int) -> None:
        self._due += document_reads
        self._unshown += document_reads
        if self._charging is None:
            # Not in the context of whoever reads: this is nobody else's cost.
            self._charging = asyncio.get_running_loop().create_task(self._charge(), context=EmptyContext())

    async def _charge(self) -> None:
        try:
            while self._due:
                due, self._due = self._due, 0
                await self._budgets.charge(self._principal, due)
        finally:
            self._charging = None

    def _release(self) -> None:
        if (
            self._release_reads is None
            or self._changes is None
            or not self._changes.is_read
            or not self.account.is_idle
        ):
            return
        release_reads, self._release_reads = self._release_reads, None
        release_reads()
