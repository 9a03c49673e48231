"""A normal query's time with and without abuse: `python -m benchmarks.abuse`, in minutes.

One `clipgraph serve` and one client. Normal queries are timed in turns: some while nothing else goes on, some while
the abuse does, again and again, so that a busy machine slows both. Printed are the medians of each and their ratio.
"""

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.abuse.conftest import NORMAL_QUERY, Target, start_target
from tests.abuse.documents import ABUSES

ROUNDS = 3
QUERIES_PER_TURN = 20
LIMIT_RATIO = 2.0
# Between two sent by the same abuser: each is one of many hands, and none waits long.
PAUSE_SECONDS = 0.05
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
Attack = Callable[[Target], Awaitable[None]]


async def time_queries(client: httpx.AsyncClient) -> list[float]:
    """Seconds that each of some normal queries took."""
    seconds = []
    for _ in range(QUERIES_PER_TURN):
        started_at = time.perf_counter()
        response = await client.post("/graphql", json={"query": NORMAL_QUERY})
        seconds.append(time.perf_counter() - started_at)
        assert "errors" not in response.json()
    return seconds


def send_document(document: str) -> Attack:
    """The abuse that sends a document over and over."""
    body = json.dumps({"query": document})

    async def attack(target: Target) -> None:
        async with httpx.AsyncClient(base_url=target.address) as client:
            while True:
                await client.post("/graphql", content=body, headers={"content-type": "application/json"})
                await asyncio.sleep(PAUSE_SECONDS)

    return attack


def hold_connections(count: int, head: bytes) -> Attack:
    """The abuse that opens connections, begins a request on each, and says a byte a second from then on."""

    async def drip(target: Target) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
            try:
                writer.write(head)
                while not reader.at_eof() and not writer.is_closing():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(1)
            except ConnectionError:
                await asyncio.sleep(1)
            finally:
                writer.transport.abort()

    async def attack(target: Target) -> None:
        await asyncio.gather(*(drip(target) for _ in range(count)))

    return attack


async def hold_idle_sockets(target: Target) -> None:
    """Two thousand WebSockets that say nothing; who is refused comes again."""

    async def hold() -> None:
        while True:
            with contextlib.suppress(InvalidStatus, ConnectionClosed, OSError, TimeoutError):
                async with open_socket(target) as socket:
                    await socket.wait_closed()
            await asyncio.sleep(10)

    await asyncio.gather(*(hold() for _ in range(2_000)))


async def flood_socket(target: Target) -> None:
    """Operations on a WebSocket as fast as it takes them, and again on the next."""
    message = {"type": "subscribe", "payload": {"query": "{ videos { nodes { id } } }"}}
    while True:
        with contextlib.suppress(ConnectionClosed, InvalidStatus):
            async with open_socket(target) as socket:
                await socket.send('{"type": "connection_init"}')
                for number in range(10_000):
                    await socket.send(json.dumps({**message, "id": str(number)}))
        await asyncio.sleep(PAUSE_SECONDS)


async def send_body(target: Target) -> None:
    """100 MB in a body without a length."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        with contextlib.suppress(ConnectionError):
            writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(1_600):
                writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
                await writer.drain()
                if reader.at_eof():
                    break
        writer.transport.abort()
        await asyncio.sleep(PAUSE_SECONDS)


async def send_bomb(target: Target) -> None:
    """A body that says it is compressed."""
    async with httpx.AsyncClient(base_url=target.address) as client:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        while True:
            await client.post("/graphql", content=b"\x1f\x8b" + b"\0" * 100_000, headers=headers)
            await asyncio.sleep(PAUSE_SECONDS)


def open_socket(target: Target) -> connect:
    """A WebSocket to the server."""
    return connect(
        f"ws://127.0.0.1:{target.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None
    )


ATTACKS: dict[str, Attack] = {
    **{name: send_document(abuse.document) for name, abuse in ABUSES.items()},
    "200 slow headers": hold_connections(200, HEAD + b"X-Slow: "),
    "200 slow bodies": hold_connections(200, HEAD + b"Content-Length: 1000\r\n\r\n{"),
    "2,000 idle WebSockets": hold_idle_sockets,
    "a flood of operations": flood_socket,
    "100 MB bodies": send_body,
    "compressed bodies": send_bomb,
}


async def attack_from_outside(name: str, address_port: int) -> None:
    """What the second process does: the attack, until it is ended."""

    class Outside:
        port = address_port
        address = f"http://127.0.0.1:{address_port}"

    await ATTACKS[name](Outside())  # type: ignore[arg-type]  # of a target it needs the address only


async def measure(target: Target, name: str) -> tuple[float, float]:
    """The medians in milliseconds without and with the abuse."""
    calm: list[float] = []
    abused: list[float] = []
    async with httpx.AsyncClient(base_url=target.address, timeout=60) as client:
        await time_queries(client)
        for _ in range(ROUNDS):
            calm += await time_queries(client)
            command = [sys.executable, "-m", "benchmarks.abuse", name, str(target.port)]
            abuser = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
            await asyncio.sleep(2)
            abused += await time_queries(client)
            abuser.kill()
            await abuser.wait()
            await asyncio.sleep(0.2)
    return statistics.median(calm) * 1000, statistics.median(abused) * 1000


async def run() -> int:
    """Prints the table; 1 where a normal query took twice its time or more."""
    worst = 0.0
    print("| abuse | calm ms | abused ms | ratio |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder, start_target(Path(folder)) as target:
        for name in ATTACKS:
            calm, abused = await measure(target, name)
            worst = max(worst, abused / calm)
            print(f"| {name} | {calm:.1f} | {abused:.1f} | {abused / calm:.2f} |", flush=True)
        print(f"RSS at the end: {target.read_memory_bytes() >> 20} MiB")
    return int(worst >= LIMIT_RATIO)


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(attack_from_outside(sys.argv[1], int(sys.argv[2])))
    else:
        sys.exit(asyncio.run(run()))
