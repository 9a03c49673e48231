"""Fifty workers, calls that fail, workers and servers that are killed: in the end every clip is there, once.

`python -m benchmarks.workers` does three runs: nothing fails; calls fail and workers are killed; the server is killed,
too. Each is followed by a look at the end from all sides. Prints a table; the exit code is 1 where anything is wrong.
"""

import argparse
import asyncio
import dataclasses
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.workers.checks import find_problems
from benchmarks.workers.plan import Plan
from benchmarks.workers.report import format_table
from benchmarks.workers.runner import Run, RunFailedError, finish_run

RUNS: dict[str, dict[str, Any]] = {
    "calm": {"failure_percent": 0.0, "worker_kills": 0, "server_kills": 0},
    "failing": {"server_kills": 0},
    "killed": {},
}


def main() -> int:
    """Does the runs and reports; returns the exit code."""
    arguments = _parse_arguments()
    runs: dict[str, Run] = {}
    for name in arguments.runs:
        folder = Path(tempfile.mkdtemp(prefix="clipgraph-workers-"))
        plan = dataclasses.replace(_make_plan(arguments), **RUNS[name])
        try:
            runs[name], problems = _do(name, plan, folder)
        except RunFailedError as error:
            problems = [str(error)]
        if problems:
            print("\n".join([f"The run `{name}` has ended wrong; its files are in {folder}:", *problems]))
            return 1
        shutil.rmtree(folder)
    print(format_table(runs))
    print("\nEvery clip is there once, completed and counted, with its files; reconcile finds no drift.")
    return 0


def _do(name: str, plan: Plan, folder: Path) -> tuple[Run, list[str]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=plan.clip_count)
        with finish_run(plan, folder, lambda clips: progress.update(task, completed=clips)) as run:
            progress.update(task, description=f"{name}: checking")
            return run, asyncio.run(find_problems(run))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    for field in dataclasses.fields(Plan):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help="%(default)s")
    parser.add_argument("--runs", nargs="+", choices=list(RUNS), default=list(RUNS), help="which runs to do; all")
    return parser.parse_args()


def _make_plan(arguments: argparse.Namespace) -> Plan:
    return Plan(**{field.name: getattr(arguments, field.name) for field in dataclasses.fields(Plan)})


if __name__ == "__main__":
    sys.exit(main())
