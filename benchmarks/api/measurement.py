"""How long requests take, what they cost the server, and how many of them fit into a second."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.api.client import Connection
from benchmarks.api.servers import Server

MIN_REQUESTS = 3
MAX_WARM_UP_REQUESTS = 5
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Latency:
    """Requests one after the other, and the processor time of the server process for each."""

    seconds: list[float]
    cpu_seconds: float


async def measure_latency(server: Server, bodies: Iterator[bytes], seconds: float) -> Latency:
    """One client, until the time is over or there is no body left; at least some requests whatever they take."""
    taken: list[float] = []
    async with Connection(server.port) as connection:
        ends_at, used_before = time.perf_counter() + seconds, server.process.cpu_seconds
        for body in bodies:
            began_at = time.perf_counter()
            await connection.post(body)
            ended_at = time.perf_counter()
            taken.append(ended_at - began_at)
            if ended_at > ends_at and len(taken) >= MIN_REQUESTS:
                break
        used = server.process.cpu_seconds - used_before
    return Latency(taken, used / len(taken))


async def measure_throughput(server: Server, clients: Sequence[Iterator[bytes]], seconds: float) -> float:
    """Requests a second: each client sends one after the other, and begins none when the time is over."""
    async with asyncio.TaskGroup() as tasks:
        began_at = time.perf_counter()
        running = [tasks.create_task(_send(server.port, bodies, began_at + seconds)) for bodies in clients]
    return sum(task.result() for task in running) / (time.perf_counter() - began_at)


async def warm_up(server: Server, bodies: Iterator[bytes]) -> float:
    """The server has loaded what it loads at first use; the seconds that the last of some requests took."""
    async with Connection(server.port) as connection:
        first_at = began_at = time.perf_counter()
        for body in itertools.islice(bodies, MAX_WARM_UP_REQUESTS):
            began_at = time.perf_counter()
            await connection.post(body)
            if time.perf_counter() - first_at > WARM_UP_SECONDS:
                break
        return time.perf_counter() - began_at


async def _send(port: int, bodies: Iterator[bytes], ends_at: float) -> int:
    async with Connection(port) as connection:
        for count, body in enumerate(bodies, start=1):
            await connection.post(body)
            if time.perf_counter() > ends_at:
                return count
    return count
