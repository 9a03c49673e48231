"""Load from many callers: as much as is answered (closed), or as much as comes (open)."""

import asyncio
import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools

MAX_CONNECTIONS = 4_000
# The server closes a connection that is idle for 5 s; a request that is sent at that moment has no answer.
MAX_IDLE_SECONDS = 3.0
OK, SHED = 200, 503


class Caller(asyncio.Protocol):
    """A keep-alive connection that costs little; each request on it is another caller's."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._answered_at = asyncio.get_running_loop().time()

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_fresh(self) -> bool:
        """Whether the server keeps it open for another moment."""
        return self.is_open and asyncio.get_running_loop().time() - self._answered_at < MAX_IDLE_SECONDS

    def connection_made(self, transport: Any) -> None:
        """Requests can be sent."""
        self._transport = transport

    async def send(self, request: bytes) -> int:
        """The status of the answer, once all of it is there; 0 where the connection ended."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """Passes on what came."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Tells whoever waits."""
        self._finish(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells whoever waits."""
        del exc
        self._finish(0)

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()

    def _finish(self, status: int) -> None:
        self._answered_at = asyncio.get_running_loop().time()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


@dataclass
class Outcome:
    """The outcome of the requests of a run: seconds to the answer, and good answers in between, by status."""

    seconds: float
    by_status: dict[int, list[float]] = field(default_factory=dict)
    waits: dict[int, list[int]] = field(default_factory=dict)

    def add(self, status: int, seconds: float, waits: int = 0) -> None:
        """One more answer."""
        self.by_status.setdefault(status, []).append(seconds)
        self.waits.setdefault(status, []).append(waits)

    @property
    def good(self) -> int:
        """The number of good answers so far."""
        return len(self.by_status.get(OK, ()))

    def count_waits(self, status: int) -> float:
        """The median number of other requests' good answers between a request and its answer."""
        return statistics.median(self.waits[status])

    def rate(self, status: int) -> float:
        """Answers of a status in a second."""
        return len(self.by_status.get(status, ())) / self.seconds

    def percentile(self, status: int, percent: int) -> float:
        """Milliseconds within which this many in a hundred were answered so; 0 where none was."""
        taken = self.by_status.get(status, [])
        return 1000 * (statistics.quantiles(taken, n=100)[percent - 1] if len(taken) > 1 else sum(taken))

    @property
    def others(self) -> dict[int, int]:
        """How often there was any other answer, or none (0)."""
        return {status: len(taken) for status, taken in self.by_status.items() if status not in {OK, SHED}}


class Load:
    """Requests of many callers to one server."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._port = port
        self._requests: Iterator[bytes] = itertools.cycle(requests)
        self._idle: list[Caller] = []
        self._open = 0

    async def run_closed(self, clients: int, seconds: float) -> Outcome:
        """Each client sends its next request as soon as the last is answered."""
        loop = asyncio.get_running_loop()
        outcome, ends_at = Outcome(seconds), loop.time() + seconds

        async def run() -> None:
            while loop.time() < ends_at:
                await self._send(outcome, loop.time())

        began_at = loop.time()
        await asyncio.gather(*(run() for _ in range(clients)))
        outcome.seconds = loop.time() - began_at
        return outcome

    async def run_open(self, rate: float, seconds: float) -> Outcome:
        """Sends so many requests a second, whether or not any is answered; then waits for all of them."""
        loop = asyncio.get_running_loop()
        outcome, began_at, sent = Outcome(seconds), loop.time(), 0
        running: set[asyncio.Task[None]] = set()
        while (elapsed := loop.time() - began_at) < seconds:
            while sent < elapsed * rate:
                # Late as the generator may be, the request's time counts from when it was due.
                task = loop.create_task(self._send(outcome, began_at + sent / rate))
                running.add(task)
                task.add_done_callback(running.discard)
                sent += 1
            await asyncio.sleep(0.001)
        await asyncio.gather(*running)
        # Answers that come later than the load are no part of what was achieved meanwhile, or make it last longer.
        outcome.seconds = loop.time() - began_at
        return outcome

    def close(self) -> None:
        """Hangs up."""
        for caller in self._idle:
            caller.close()

    async def _send(self, outcome: Outcome, due_at: float) -> None:
        loop = asyncio.get_running_loop()
        caller = await self._take()
        if caller is None:
            outcome.add(-1, 0.0)
            return
        good = outcome.good
        status = await caller.send(next(self._requests))
        outcome.add(status, loop.time() - due_at, outcome.good - good)
        if caller.is_open:
            self._idle.append(caller)
        else:
            self._open -= 1

    async def _take(self) -> Caller | None:
        while self._idle:
            caller = self._idle.pop()
            if caller.is_fresh:
                return caller
            caller.close()
            self._open -= 1
        if self._open >= MAX_CONNECTIONS:
            return None
        self._open += 1
        _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", self._port)
        return caller
