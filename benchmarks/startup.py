"""How long until `clipgraph serve` is ready, and what it weighs then. `python -m benchmarks.startup`, in turns.

The floor is an interpreter that imports the libraries that clipgraph is fixed to, and does nothing.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmarks.api.dataset import PROJECT
from benchmarks.api.servers import Process
from embedded.endpoints import Endpoints
from embedded.stack import start_stack

LIBRARIES = "import google.cloud.firestore, strawberry, starlette.applications, uvicorn, pydantic_settings"
SERVE = [sys.executable, "-m", "cli.main", "serve", "--port", "0", "--no-demo"]

Taken = tuple[float, float, float]
"""Seconds until it is ready, of them the process's own processor time, and its memory in MiB."""


def import_libraries() -> Taken:
    """The floor."""
    code = f"{LIBRARIES}\nimport time; print(time.process_time(), open('/proc/self/status').read())"
    began_at = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    seconds = time.perf_counter() - began_at
    return seconds, float(said.split()[0]), read_memory(said)


def serve(folder: Path, environment: dict[str, str]) -> Taken:
    """From the command to the first 200 of `/readyz`, which asks Firestore and R2."""
    began_at = time.perf_counter()
    process = Process("clipgraph", SERVE, environment, folder)
    try:
        url = f"http://127.0.0.1:{process.wait_for_ports()[0]}/readyz"
        with urllib.request.urlopen(url) as answer:
            answer.read()
        seconds, cpu_seconds = time.perf_counter() - began_at, process.cpu_seconds
        return seconds, cpu_seconds, read_memory(process.read_status())
    finally:
        process.stop()


def read_memory(status: str) -> float:
    """MiB, as /proc/PID/status says it."""
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None, status
    return int(found[1]) / 1024


def make_environment(**settings: str) -> dict[str, str]:
    """The environment without what the user has set for a clipgraph of theirs."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CLIPGRAPH_")}
    return own | settings


def lead_to(endpoints: Endpoints) -> dict[str, str]:
    """The environment of a server whose Firestore and R2 run elsewhere."""
    return make_environment(
        GOOGLE_CLOUD_PROJECT=PROJECT,
        FIRESTORE_EMULATOR_HOST=endpoints.firestore_host_port,
        CLIPGRAPH_R2_ENDPOINT_URL=endpoints.r2_endpoint_url,
        CLIPGRAPH_R2_BUCKET=endpoints.r2_bucket,
        CLIPGRAPH_R2_ACCESS_KEY_ID=endpoints.r2_access_key_id,
        CLIPGRAPH_R2_SECRET_ACCESS_KEY=endpoints.r2_secret_access_key,
    )


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold", action="store_true", help="without a start of each before the first round")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clipgraph-startup-"))
    try:
        with start_stack(folder / "elsewhere") as stack:
            embedded = make_environment(CLIPGRAPH_DATA_DIR=str(folder / "data"))
            ways: dict[str, Callable[[], Taken]] = {
                "the libraries alone": import_libraries,
                "serve, Firestore and R2 elsewhere": lambda: serve(folder, lead_to(stack.endpoints)),
                "serve, embedded": lambda: serve(folder, embedded),
            }
            for way in () if arguments.cold else ways.values():
                way()
            rounds = [{name: way() for name, way in ways.items()} for _ in range(arguments.rounds)]
    finally:
        shutil.rmtree(folder)
    print("| | until ready | CPU | memory | of the libraries' time |\n| --- | ---: | ---: | ---: | ---: |")
    for name in rounds[0]:
        seconds, cpu_seconds, memory_mb = (
            statistics.median(column) for column in zip(*(r[name] for r in rounds), strict=True)
        )
        ratio = statistics.median(one[name][0] / one["the libraries alone"][0] for one in rounds)
        print(f"| {name} | {seconds:.2f} s | {cpu_seconds:.2f} s | {memory_mb:.0f} MiB | {ratio:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
