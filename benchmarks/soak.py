"""Does memory stay flat? A server is sent a million requests of all kinds, and weighed all along.

`make bench-soak`, or `python -m benchmarks.soak --requests 9999`. Pages and single videos of many users, documents that
no other is like, documents that are refused. What is claimed: from a fifth of the requests on, a line through the
memory rises by less than 5 % of it. The exit code is 1 where it does not hold.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import uvloop
from rich.console import Console
from rich.progress import Progress

from benchmarks.api.client import Connection
from benchmarks.api.dataset import load_documents, user_name, video_id
from benchmarks.api.servers import Backends, Server
from benchmarks.api.workloads import WORKLOADS
from benchmarks.startup import read_memory
from cli.stack import INDEXES_FILE
from embedded.stack import start_stack

CLIENTS = 8
USERS = 50
SAMPLES = 50
SETTLED_AFTER = 0.2
MAX_GROWTH = 0.05
# Of small memory, so that what it holds is pushed out all the time.
SETTINGS = {"CLIPGRAPH_CLIP_CACHE_MB": "4"}

_VIEWER = "{ viewer { userId roles } }"
_VIDEO = "query video($userId: ID!, $videoId: ID!) { video(userId: $userId, videoId: $videoId) { title clipsCount } }"
_COVER = (
    "query c($userId: ID!) { videos(first: 2, userId: $userId) { nodes { id cover { thumbnailUrl(expiresIn: %d) } } } }"
)
_WRONG = "{ viewer { userId nothing%d } }"


def make_requests(dice: random.Random, users: int) -> Iterator[bytes]:
    """Requests without end, most of them small."""
    while True:
        user = dice.randrange(users)
        kind = dice.random()
        variables: dict[str, object] = {"userId": user_name("page", user)}
        if kind < 0.7:
            yield _make_request(_VIEWER)
        elif kind < 0.93:
            yield _make_request(_VIDEO, variables | {"videoId": video_id(dice.randrange(20))})
        elif kind < 0.95:
            yield _make_request(_COVER % dice.randrange(1, 604_800), variables)
        elif kind < 0.985:
            yield _make_request(_WRONG % dice.randrange(10**9))
        elif kind < 0.99:
            yield WORKLOADS["page"].make_body(user)
        else:
            yield _make_request(_VIEWER + " " * dice.randrange(1, 20_000))


def _make_request(query: str, variables: dict[str, object] | None = None) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


class Soak:
    """A run: clients that send, and what the server weighed at each sample."""

    def __init__(self, server: Server, requests: int, users: int) -> None:
        self._server = server
        self._requests = requests
        self._users = users
        self._sent = 0
        self.memory_mb: list[float] = []

    async def run(self) -> None:
        """All requests are answered."""
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("requests", total=self._requests)
            async with asyncio.TaskGroup() as tasks:
                for number in range(CLIENTS):
                    tasks.create_task(self._send(random.Random(number)))  # noqa: S311  no secret
                while self._sent < self._requests:
                    await asyncio.sleep(0.5)
                    progress.update(task, completed=self._sent)
                    if self._sent >= len(self.memory_mb) * self._requests / SAMPLES:
                        self.memory_mb.append(read_memory(self._server.process.read_status()))

    async def _send(self, dice: random.Random) -> None:
        async with Connection(self._server.port, takes_errors=True) as connection:
            for body in make_requests(dice, self._users):
                if self._sent >= self._requests:
                    return
                self._sent += 1
                await connection.post(body)


def report(memory_mb: list[float], requests: int) -> bool:
    """Prints what it weighed, and tells whether the claim holds."""
    print("| requests | memory |\n| ---: | ---: |")
    for at in range(0, len(memory_mb), max(1, len(memory_mb) // 10)):
        print(f"| {at * requests // SAMPLES:,} | {memory_mb[at]:.1f} MiB |")
    settled = memory_mb[int(len(memory_mb) * SETTLED_AFTER) :]
    slope, begin = statistics.linear_regression(range(len(settled)), settled)
    growth = slope * len(settled) / begin
    print(
        f"\nFrom {SETTLED_AFTER:.0%} of the requests on it grew by {growth:.1%} (claimed: less than {MAX_GROWTH:.0%})."
    )
    return growth < MAX_GROWTH


def main() -> int:
    """Measures and reports; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=USERS, help="%(default)s, with 1,000 clips each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipgraph-soak-") as name:
        folder = Path(name)
        with start_stack(folder / "data", indexes_file=INDEXES_FILE) as stack:
            load_documents(stack.endpoints.firestore_host_port, ["page"], arguments.users)
            server = Server("clipgraph", Backends(stack.endpoints, SETTINGS), folder)
            try:
                soak = Soak(server, arguments.requests, arguments.users)
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(soak.run())
            finally:
                server.process.stop()
    return 0 if report(soak.memory_mb, arguments.requests) else 1


if __name__ == "__main__":
    sys.exit(main())
