"""Where the milliseconds of a request go. `python -m benchmarks.stages --workload wall`, cold and warm.

The server runs with a clock that interrupts it after each millisecond of processor time, and counts in which part of
the code it is. Unlike a profiler that counts calls, that leaves parts with many small functions as fast as they are.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

import uvloop

from benchmarks.api.client import Connection
from benchmarks.api.dataset import load_documents
from benchmarks.api.servers import Backends, Process
from benchmarks.api.workloads import WORKLOADS
from cli.stack import INDEXES_FILE
from embedded.stack import start_stack

SAMPLE_SECONDS = 0.001
# The first that a file's path holds, from the innermost frame outwards; what lies in none counts for its caller.
STAGES = {
    "storage/": "signing",
    "repositories/firestore/decoding": "protobuf to Python",
    "repositories/firestore/transport": "gRPC",
    "repositories/firestore/rpc": "gRPC",
    "/grpc/": "gRPC",
    "google/": "gRPC",
    "repositories/": "models and pages",
    "pydantic": "models and pages",
    "gql/cost/": "limits and cost",
    "gql/rate_limits/": "limits and cost",
    "gql/http/limits/": "limits and cost",
    "gql/trusted_documents": "limits and cost",
    "gql/execution/": "executing fields",
    "strawberry/types/arguments": "arguments",
    "graphql/execution/values": "arguments",
    "graphql/utilities/coerce": "arguments",
    "graphql/execution": "executing fields",
    "gql/clips/": "executing fields",
    "gql/videos/": "executing fields",
    "gql/relay": "executing fields",
    "gql/loaders": "executing fields",
    "graphql/": "parsing and validating",
    "strawberry/": "Strawberry",
    "gql/logs": "log",
    "structlog": "log",
    "/logging/": "log",
    "gql/http/view": "JSON and response",
    "gql/": "HTTP",
    "uvicorn": "HTTP",
    "starlette": "HTTP",
    "asyncio": "event loop",
}


def find_stage(frame: FrameType | None) -> str:
    """The part of the code that the frame lies in."""
    while frame is not None:
        path = frame.f_code.co_filename
        for part, stage in STAGES.items():
            if part in path:
                return stage
        frame = frame.f_back
    return "else"


def serve(file: Path) -> None:
    """Runs `clipgraph serve`, sampled between two SIGUSR1; at the end, the samples are in the file."""
    from cli.main import main

    samples: Counter[str] = Counter()

    def switch(number: int, frame: FrameType | None) -> None:
        del number, frame
        is_running = signal.getitimer(signal.ITIMER_PROF)[0] > 0
        signal.setitimer(signal.ITIMER_PROF, *((0, 0) if is_running else (SAMPLE_SECONDS, SAMPLE_SECONDS)))
        if is_running:
            file.with_suffix(".new").write_text(json.dumps(samples))
            file.with_suffix(".new").rename(file)

    signal.signal(signal.SIGUSR1, switch)
    signal.signal(signal.SIGPROF, lambda _, frame: samples.update([find_stage(frame)]))
    main(["serve", "--port", "0", "--no-demo"])


async def measure(process: Process, file: Path, workload: str, requests: int) -> dict[str, float]:
    """Milliseconds of each stage a request."""
    bodies = WORKLOADS[workload].make_bodies(0)
    async with Connection(process.wait_for_ports()[0]) as connection:
        for _ in range(5):
            await connection.post(next(bodies))
        process.send_signal(signal.SIGUSR1)
        used_before = process.cpu_seconds
        for _ in range(requests):
            await connection.post(next(bodies))
        used_ms = 1000 * (process.cpu_seconds - used_before) / requests
        process.send_signal(signal.SIGUSR1)
        # A signal is seen when the loop wakes up.
        while not await asyncio.to_thread(file.exists):
            await connection.post(next(bodies))
    samples: dict[str, int] = json.loads(await asyncio.to_thread(file.read_text))
    total = sum(samples.values())
    return {stage: used_ms * count / total for stage, count in samples.items()}


def main() -> int:
    """Starts everything, measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--workload", choices=list(WORKLOADS), default="wall")
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return 0
    found = {}
    with tempfile.TemporaryDirectory(prefix="clipgraph-stages-") as name:
        folder = Path(name)
        with start_stack(folder / "data", indexes_file=INDEXES_FILE) as stack:
            load_documents(stack.endpoints.firestore_host_port, [arguments.workload], 1)
            for mode, cache_mb in (("cold", "0"), ("warm", "64")):
                environment = Backends(stack.endpoints, {"CLIPGRAPH_CLIP_CACHE_MB": cache_mb}).environment
                file = folder / f"{mode}.json"
                command = [sys.executable, "-m", "benchmarks.stages", "--serve", str(file)]
                process = Process(mode, command, environment, folder)
                try:
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                        found[mode] = runner.run(measure(process, file, arguments.workload, arguments.requests))
                finally:
                    process.stop()
    report(arguments.workload, found["cold"], found["warm"])
    return 0


def report(workload: str, cold: dict[str, float], warm: dict[str, float]) -> None:
    """Prints the stages, the longest first."""
    print(f"| CPU of a `{workload}` | cold | warm |\n| --- | ---: | ---: |")
    for stage in sorted(cold | warm, key=lambda stage: -cold.get(stage, 0)):
        print(f"| {stage} | {cold.get(stage, 0):.1f} ms | {warm.get(stage, 0):.1f} ms |")
    print(f"| all | {sum(cold.values()):.1f} ms | {sum(warm.values()):.1f} ms |")


if __name__ == "__main__":
    sys.exit(main())
