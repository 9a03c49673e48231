"""A normal query's time with and without abuse: `python -m benchmarks.abuse`, in minutes.

One `clipgraph serve` and one client. Normal queries are timed in turns: some while nothing else goes on, some while
the abuse does, again and again, so that a busy machine slows both. Printed are the medians and the 99th percentiles
without and with it, their ratio, and what the server's memory grew by. `--before TREE` does the same to the code of
another checkout, for columns to compare with; `--only TEXT` chooses abuses by their names.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from benchmarks.subscribers import SUBSCRIBERS, prepare
from tests.abuse.conftest import NORMAL_QUERY, Target, start_tree
from tests.abuse.documents import ABUSES

ROUNDS = 3
QUERIES_PER_TURN = 40
LIMIT_RATIO = 2.0
# Between two sent by the same abuser: each is one of many hands, and none waits long.
PAUSE_SECONDS = 0.05
HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
Attack = Callable[["Outside"], Coroutine[Any, Any, None]]


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

    async def attack(target: "Outside") -> None:
        async with httpx.AsyncClient(base_url=target.address) as client:
            while True:
                await client.post("/graphql", content=body, headers={"content-type": "application/json"})
                await asyncio.sleep(PAUSE_SECONDS)

    return attack


def hold_connections(count: int, head: bytes) -> Attack:
    """The abuse that opens connections, begins a request on each, and says a byte a second from then on."""

    async def drip(target: "Outside") -> None:
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

    async def attack(target: "Outside") -> None:
        await asyncio.gather(*(drip(target) for _ in range(count)))

    return attack


async def hold_idle_sockets(target: "Outside") -> None:
    """Two thousand WebSockets that say nothing; who is refused comes again."""

    async def hold() -> None:
        while True:
            with contextlib.suppress(InvalidStatus, ConnectionClosed, OSError, TimeoutError):
                async with open_socket(target) as socket:
                    await socket.wait_closed()
            await asyncio.sleep(10)

    await asyncio.gather(*(hold() for _ in range(2_000)))


async def flood_socket(target: "Outside") -> None:
    """Operations on a WebSocket as fast as it takes them, and again on the next."""
    message = {"type": "subscribe", "payload": {"query": "{ videos { nodes { id } } }"}}
    while True:
        with contextlib.suppress(ConnectionClosed, InvalidStatus):
            async with open_socket(target) as socket:
                await socket.send('{"type": "connection_init"}')
                for number in range(10_000):
                    await socket.send(json.dumps({**message, "id": str(number)}))
        await asyncio.sleep(PAUSE_SECONDS)


async def send_body(target: "Outside") -> None:
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


async def send_bomb(target: "Outside") -> None:
    """A body that says it is compressed."""
    async with httpx.AsyncClient(base_url=target.address) as client:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        while True:
            await client.post("/graphql", content=b"\x1f\x8b" + b"\0" * 100_000, headers=headers)
            await asyncio.sleep(PAUSE_SECONDS)


def open_socket(target: "Outside") -> connect:
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
    **SUBSCRIBERS,
}


@dataclass(frozen=True)
class Outside:
    """A server as an attacker knows it; the owner of its data directory has the keys that make tokens."""

    port: int
    data_dir: Path

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Measured:
    """Milliseconds of normal queries without and with an abuse, and what the memory grew by at most."""

    calm: list[float]
    abused: list[float]
    growth_mb: int

    @property
    def ratio(self) -> float:
        """Of the 99th percentiles."""
        return find_p99(self.abused) / find_p99(self.calm)

    def describe(self) -> str:
        """The columns of a row."""
        calm, abused = statistics.median(self.calm), statistics.median(self.abused)
        p99s = f"{find_p99(self.calm):.1f} | {find_p99(self.abused):.1f}"
        return f"{calm:.1f} | {abused:.1f} | {abused / calm:.2f} | {p99s} | {self.ratio:.2f} | {self.growth_mb:+}"


def find_p99(milliseconds: list[float]) -> float:
    """The 99th percentile, or of fewer than a hundred the second of them."""
    return sorted(milliseconds)[-max(2, len(milliseconds) // 100)]


async def measure(target: Target, name: str) -> Measured:
    """The times without and with the abuse, in turns."""
    calm: list[float] = []
    abused: list[float] = []
    memory = target.read_memory_bytes()
    most = memory
    async with httpx.AsyncClient(base_url=target.address, timeout=60) as client:
        await time_queries(client)
        for _ in range(ROUNDS):
            calm += await time_queries(client)
            command = [sys.executable, "-m", "benchmarks.abuse", "--attack", name, str(target.port)]
            abuser = await asyncio.create_subprocess_exec(
                *command,
                str(target.data_dir),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert abuser.stdout is not None
            await abuser.stdout.readline()  # it takes a while to start
            await asyncio.sleep(2)
            abused += await time_queries(client)
            most = max(most, target.read_memory_bytes())
            abuser.kill()
            await abuser.wait()
            await asyncio.sleep(0.2)
    return Measured([one * 1000 for one in calm], [one * 1000 for one in abused], (most - memory) >> 20)


COLUMNS = "calm p50 ms | abused p50 ms | ratio | calm p99 ms | abused p99 ms | ratio | MiB"


async def measure_tree(names: list[str], tree: Path | None, videos: int) -> dict[str, Measured]:
    """All abuses of a server with this code, each told as it is done."""
    measured = {}
    with tempfile.TemporaryDirectory() as folder, start_tree(tree, Path(folder)) as target:
        if set(names) & SUBSCRIBERS.keys():
            await prepare(target.data_dir, videos)
        for name in names:
            measured[name] = await measure(target, name)
            print(f"| {name} | {measured[name].describe()} |", flush=True)
    return measured


async def run(before: Path | None, only: str, videos: int) -> int:
    """Prints the table; 1 where a normal query's 99th percentile was twice its usual or more."""
    names = [name for name in ATTACKS if only in name]
    head = f"| abuse | {COLUMNS} |\n|{' --- |' * 8}"
    earlier = {}
    if before is not None:
        print(f"Before:\n\n{head}")
        earlier = await measure_tree(names, before, videos)
    print(f"\nNow:\n\n{head}" if before else head)
    measured = await measure_tree(names, None, videos)
    if earlier:
        print("\n| abuse | p99 ratio before | after | MiB before | after |\n| --- | --- | --- | --- | --- |")
        for name, now in measured.items():
            then = earlier[name]
            print(f"| {name} | {then.ratio:.2f} | {now.ratio:.2f} | {then.growth_mb:+} | {now.growth_mb:+} |")
    return int(max(one.ratio for one in measured.values()) >= LIMIT_RATIO)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="A normal query's time with and without abuse.")
    parser.add_argument("--before", type=Path, help="a checkout whose code is measured first, to compare")
    parser.add_argument("--only", default="", help="abuses whose names have this text")
    parser.add_argument("--videos", type=int, default=100_000, help="how many videos a subscriber hoards")
    parser.add_argument("--attack", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.attack:
        name, port, data_dir = given.attack
        print("begins", flush=True)
        asyncio.run(ATTACKS[name](Outside(int(port), Path(data_dir))))
    return asyncio.run(run(given.before, given.only, given.videos))


if __name__ == "__main__":
    sys.exit(main())
