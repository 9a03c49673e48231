"""A network that fails: some requests never arrive, some answers never do, some are refused, some are slow."""

import asyncio
import random

import httpx

SLOW_SECONDS = 0.3, 1.5
# Within this, a request is on its way, in work, or just answered.
HANG_UP_WITHIN_SECONDS = 0.3
FAULTS = ("dropped", "hung up", "answer lost", "refused", "slow")


class FaultyTransport(httpx.AsyncBaseTransport):
    """A transport of which so many percent of the requests go wrong."""

    def __init__(self, transport: httpx.AsyncBaseTransport, percent: float, dice: random.Random) -> None:
        self._transport = transport
        self._percent = percent
        self._dice = dice

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The server's answer, or what a network makes of it."""
        if self._dice.uniform(0, 100) >= self._percent:
            return await self._transport.handle_async_request(request)
        fault = self._dice.choice(FAULTS)
        if fault == "dropped":
            raise httpx.ConnectError("The request was dropped.", request=request)
        if fault == "refused":
            return httpx.Response(503, request=request)
        if fault == "hung up":
            return await self._hang_up(request)
        response = await self._transport.handle_async_request(request)
        if fault == "slow":
            await asyncio.sleep(self._dice.uniform(*SLOW_SECONDS))
            return response
        await response.aclose()
        raise httpx.ReadError("The answer was lost.", request=request)

    async def aclose(self) -> None:
        """Its connections are closed."""
        await self._transport.aclose()

    async def _hang_up(self, request: httpx.Request) -> httpx.Response:
        """Closes the connection after a while, whatever the server is doing then."""
        try:
            async with asyncio.timeout(self._dice.uniform(0, HANG_UP_WITHIN_SECONDS)):
                return await self._transport.handle_async_request(request)
        except TimeoutError:
            raise httpx.ReadError("The connection was lost.", request=request) from None
