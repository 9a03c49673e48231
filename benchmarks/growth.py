"""The cost of growth: the same page of stores that hold ever more, and pages that hold ever more themselves.

`make bench-growth`: three stores, asked for the same pages in turns; then pages of 10 to 5,000 clips. Cold is without
clips in memory (`CLIPGRAPH_CLIP_CACHE_MB=0`), so that each request reads its documents. The exit code is 1 where a
claim does not hold.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson
import uvloop

from benchmarks.api.dataset import load_documents, user_name
from benchmarks.api.measurement import Latency, measure_latency, warm_up
from benchmarks.api.servers import Backends, Server
from benchmarks.api.workloads import WORKLOADS
from cli.stack import INDEXES_FILE
from embedded.stack import start_stack

CLIPS_A_USER = 1_000
PAGE_SIZES = (10, 100, 500, 1_000, 2_000, 5_000)
MAX_RATIO = 1.5
MIN_FIT = 0.99
"""Of the coefficient of determination: how much of what pages cost their number of clips explains."""


class Store(NamedTuple):
    """A Firestore with so many clips, and a clipgraph that keeps clips in memory and one that does not."""

    clips: int
    warm: Server
    cold: Server

    def find(self, *, is_cold: bool) -> Server:
        """The one or the other."""
        return self.cold if is_cold else self.warm


def main() -> int:
    """Loads, measures and reports; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--clips", type=int, default=1_000_000, help="how many the largest store holds; %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--page-sizes", type=int, nargs="+", default=list(PAGE_SIZES), help="in clips, multiples of five; %(default)s"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="the least time of each measurement; %(default)g")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipgraph-growth-") as folder, contextlib.ExitStack() as cleanup:
        users = arguments.clips // CLIPS_A_USER
        print(f"loading {users * CLIPS_A_USER:,} clips", file=sys.stderr)
        ten = cleanup.enter_context(open_store(Path(folder) / "ten", 10, {"ten": 1}))
        one = cleanup.enter_context(open_store(Path(folder) / "one", CLIPS_A_USER, {"page": 1, "long": 1}))
        all_users = cleanup.enter_context(
            open_store(Path(folder) / "all", users * CLIPS_A_USER, {"ten": 1, "page": users})
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            holds = [
                runner.run(compare("10 clips", "ten", [ten, all_users], arguments)),
                runner.run(compare("20 videos with 10 clips each", "page", [one, all_users], arguments)),
                *(runner.run(fit(one, arguments, is_cold=is_cold)) for is_cold in (True, False)),
            ]
    return 0 if all(holds) else 1


@contextlib.contextmanager
def open_store(folder: Path, clips: int, kinds: dict[str, int]) -> Iterator[Store]:
    """Everything runs, and holds so many users of each kind."""
    with contextlib.ExitStack() as cleanup:
        stack = cleanup.enter_context(start_stack(folder / "data", indexes_file=INDEXES_FILE))
        for kind, users in kinds.items():
            load_documents(stack.endpoints.firestore_host_port, [kind], users)
        servers = []
        for name, settings in (("warm", {}), ("cold", {"CLIPGRAPH_CLIP_CACHE_MB": "0"})):
            (folder / name).mkdir()
            servers.append(Server("clipgraph", Backends(stack.endpoints, settings), folder / name))
            cleanup.callback(servers[-1].process.stop)
        yield Store(clips, *servers)


async def compare(page: str, kind: str, stores: list[Store], arguments: argparse.Namespace) -> bool:
    """Prints what the same page costs in each store; tells whether the ratio holds."""
    few, many = stores
    print(f"\n| p50 of a page of {page} | {few.clips:,} clips | {many.clips:,} clips | ratio (at most {MAX_RATIO}) |")
    print("| --- | ---: | ---: | ---: |", flush=True)
    body = orjson.dumps(
        {"query": WORKLOADS["page"].document, "operationName": "page", "variables": {"userId": user_name(kind, 0)}}
    )
    holds = True
    for is_cold in (True, False):
        taken: list[list[float]] = [[], []]
        for _ in range(arguments.rounds):
            for at, store in enumerate(stores):
                latency = await _measure(store.find(is_cold=is_cold), body, arguments.seconds)
                taken[at].append(1000 * statistics.median(latency.seconds))
        few_ms, many_ms = map(statistics.median, taken)
        holds &= many_ms <= MAX_RATIO * few_ms
        print(
            f"| {'cold' if is_cold else 'warm'} | {few_ms:.2f} ms | {many_ms:.2f} ms | {many_ms / few_ms:.2f} |",
            flush=True,
        )
    return holds


async def fit(store: Store, arguments: argparse.Namespace, *, is_cold: bool) -> bool:
    """Prints what pages of growing size cost, and the line through them; tells whether it is one."""
    print(f"\n| clips a page, {'cold' if is_cold else 'warm'} | p50 | CPU a request | CPU a clip |")
    print("| ---: | ---: | ---: | ---: |", flush=True)
    server = store.find(is_cold=is_cold)
    sizes = arguments.page_sizes
    cpu_ms: dict[int, list[float]] = {size: [] for size in sizes}
    p50_ms: dict[int, list[float]] = {size: [] for size in sizes}
    for _, size in itertools.product(range(arguments.rounds), sizes):
        latency = await _measure(server, _make_long_page(size), arguments.seconds)
        cpu_ms[size].append(1000 * latency.cpu_seconds)
        p50_ms[size].append(1000 * statistics.median(latency.seconds))
    medians = [statistics.median(cpu_ms[size]) for size in sizes]
    for size, median in zip(sizes, medians, strict=True):
        print(
            f"| {size:,} | {statistics.median(p50_ms[size]):.1f} ms | {median:.1f} ms | {1000 * median / size:.0f} µs |"
        )
    slope, intercept = statistics.linear_regression(sizes, medians)
    determination = statistics.correlation(sizes, medians) ** 2
    print(
        f"\n{intercept:.1f} ms and {1000 * slope:.1f} µs a clip; R² = {determination:.4f} (at least {MIN_FIT})",
        flush=True,
    )
    return determination >= MIN_FIT


def _make_long_page(size: int) -> bytes:
    """A request for so many clips: a fifth of them of each of five videos, which have a thousand."""
    document = WORKLOADS["wall"].document.replace("first: 20", "first: 5").replace("first: 50", f"first: {size // 5}")
    return orjson.dumps({"query": document, "operationName": "wall", "variables": {"userId": user_name("long", 0)}})


async def _measure(server: Server, body: bytes, seconds: float) -> Latency:
    await warm_up(server, itertools.repeat(body))
    return await measure_latency(server, itertools.repeat(body), seconds)


if __name__ == "__main__":
    sys.exit(main())
