"""Counts what the server's own protocols refuse: bad HTTP, bad handshakes, and anonymous requests in an overload."""

import asyncio
from contextlib import suppress

from gql.rate_limits.allowances import resolve_address
from gql.rate_limits.budgets import Budgets, RateLimitedError
from settings import Settings

# Where the process keeps the object that counts.
REFUSALS_KEY = "refusals"
# Counted at the same time, which takes long only where Redis counts: a flood is to be no flood for it.
MAX_COUNTING = 100

RawHeaders = list[tuple[bytes, bytes]]


class RefusalCounter:
    """Counts against the address of a connection, as `AnonymousLimit` does for what the app refuses.

    The refusal itself stays what it is: it ends the connection, or costs less than to look up whether it is one of
    too many.
    """

    def __init__(self, budgets: Budgets, settings: Settings) -> None:
        self._budgets = budgets
        self._trusted_hops = settings.trusted_proxy_hops
        # Where no issuer is set, no request has a token, and none counts as anonymous.
        names = {"authorization", (settings.auth_token_header or "").lower()} if settings.has_issuer else set()
        self._token_headers = frozenset(name.encode() for name in names if name)
        self._counting = set[asyncio.Task[None]]()

    def check_anonymous(self, headers: RawHeaders) -> bool:
        """Whether an unread request has no token; to check whether a token is good costs too much here."""
        return bool(self._token_headers) and self._token_headers.isdisjoint(name for name, _ in headers)

    def count(self, client: tuple[str, int] | None, headers: RawHeaders) -> None:
        """The address has one refusal more, in a moment."""
        if len(self._counting) >= MAX_COUNTING:
            return
        scope = {"type": "http", "client": client, "headers": headers}
        task = asyncio.get_running_loop().create_task(self._count(resolve_address(scope, self._trusted_hops)))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    async def _count(self, address: str) -> None:
        with suppress(RateLimitedError):
            await self._budgets.admit_anonymous(address)
