"""How fast is clipgraph, held against other ways to do the same? `make bench`, or `python -m benchmarks.api`.

Every peer is a process of its own, asked over HTTP, over the same Firestore and S3. See docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.api.checks import AnswersDifferError
from benchmarks.api.plan import PEERS, Cell, Plan
from benchmarks.api.report import format_tables, summarise, to_json
from benchmarks.api.runner import Measured, run
from benchmarks.api.workloads import WORKLOADS
from benchmarks.signatures import measure as measure_signing

QUICK = Plan(rounds=1, clients=4, seconds=0.2, cold_requests=3)

PEERS_WITHOUT_NODE = [peer for peer in PEERS if peer not in {"clipgraph", "node"}]


def main() -> int:
    """Measures and reports; returns the exit code: 1 where a peer answers otherwise, 2 without npm."""
    arguments = _parse_arguments()
    # So that a terminated run ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = _make_plan(arguments)
    if "node" in plan.peers and shutil.which("npm") is None:
        print(f"The peer in Node needs npm. Without it: --peer {' '.join(PEERS_WITHOUT_NODE)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="clipgraph-bench-") as folder:
        try:
            measured = _measure(plan, Path(folder))
        except AnswersDifferError as error:
            print(error, file=sys.stderr)
            return 1
    results, signing = summarise(measured), measure_signing()
    print(format_tables(results, signing))
    if arguments.json:
        arguments.json.write_text(json.dumps(to_json(plan, results, signing), indent=2) + "\n", encoding="utf-8")
    return 0


def _measure(plan: Plan, folder: Path) -> dict[Cell, Measured]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    total = len(plan.list_cells()) * plan.rounds
    # Refreshed between measurements only: a thread that draws takes its time from what is measured.
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task("", total=total)

        def say(text: str, done: int = 0) -> None:
            progress.update(task, description=text, advance=done, refresh=True)
            if not done and not progress.console.is_terminal:
                progress.console.print(text, highlight=False)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(plan, folder, say))


def _make_plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else Plan()
    given = {
        "workloads": arguments.workload and tuple(arguments.workload),
        "peers": arguments.peer and tuple(dict.fromkeys(["clipgraph", *arguments.peer])),
        "rounds": arguments.rounds,
        "clients": arguments.clients,
        "seconds": arguments.seconds,
        "delay_ms": arguments.delay_ms,
    }
    return replace(plan, **{name: value for name, value in given.items() if value is not None})


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, four clients: about a minute")
    parser.add_argument("--workload", nargs="+", choices=list(WORKLOADS), help="which workloads; all")
    parser.add_argument("--peer", nargs="+", choices=PEERS, help="which peers beside clipgraph; all")
    parser.add_argument("--rounds", type=int, help=f"{Plan.rounds}")
    parser.add_argument(
        "--clients", type=int, help=f"how many send at once where throughput is measured; {Plan.clients}"
    )
    parser.add_argument("--seconds", type=float, help=f"the least time of each measurement; {Plan.seconds:g}")
    parser.add_argument("--delay-ms", type=float, help=f"a round trip's delay, 0 for none; {Plan.delay_ms:g}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
