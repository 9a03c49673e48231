"""A run: the server, the worker processes, and the kills among them, until every worker is done."""

import contextlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workers.notes import Call, ClipsReader, read_calls
from benchmarks.workers.plan import Kill, Plan, Victim
from benchmarks.workers.server import ROOT, Server
from benchmarks.workers.worker import PLAN_FILENAME

POLL_SECONDS = 0.05
STALLED_AFTER_SECONDS = 120

Progress = Callable[[int], None]


class RunFailedError(Exception):
    """A worker or the server ended although nobody killed it, or nothing goes on any more."""


@dataclass
class Run:
    """A run that has ended; its server still serves."""

    plan: Plan
    server: Server
    seconds: float
    calls: list[Call]
    acknowledged: set[tuple[str, str]]
    """Video and clip of every completion that a worker was told of."""

    kills: list[Kill]


@contextlib.contextmanager
def finish_run(plan: Plan, folder: Path, progress: Progress = lambda _clips: None) -> Iterator[Run]:
    """The run, once all workers are done; `RunFailedError` where they cannot be."""
    server, crew, clips = Server(folder), Crew(plan, folder), ClipsReader(folder)
    plan.save(folder / PLAN_FILENAME)
    try:
        server.start()
        server.wait_until_ready()
        began_at = time.monotonic()
        crew.start(server.address)
        kills = _watch(plan, server, crew, clips, progress)
        seconds = time.monotonic() - began_at
        server.wait_until_ready()
        yield Run(plan, server, seconds, list(read_calls(folder)), clips.seen, kills)
    finally:
        crew.stop()
        server.stop()


class Crew:
    """The worker processes."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._address = ""
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, address: str) -> None:
        """All processes work."""
        self._address = address
        for number in range(self._plan.processes):
            self._start(number)

    @property
    def is_done(self) -> bool:
        """Whether every process has ended well."""
        codes = {number: process.poll() for number, process in self._processes.items()}
        if failed := [number for number, code in codes.items() if code]:
            raise RunFailedError(f"A worker process has failed: see {self._log_path(failed[0])}.")
        return None not in codes.values()

    def kill_one(self, dice: random.Random) -> None:
        """One of those that still work was killed, and has begun anew."""
        working = [number for number, process in self._processes.items() if process.poll() is None]
        if not working:
            return
        number = dice.choice(working)
        self._processes[number].send_signal(signal.SIGKILL)
        self._processes[number].wait()
        self._start(number)

    def stop(self) -> None:
        """No process is left."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _start(self, number: int) -> None:
        arguments = [str(self._folder), str(number), self._address]
        with self._log_path(number).open("ab") as log:
            self._processes[number] = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.workers.worker", *arguments], cwd=ROOT, stdout=log, stderr=log
            )

    def _log_path(self, number: int) -> Path:
        return self._folder / f"worker-{number}.log"


def _watch(plan: Plan, server: Server, crew: Crew, clips: ClipsReader, progress: Progress) -> list[Kill]:
    """The kills until all work was done."""
    kills, dice = plan.draw_kills(), random.Random(plan.seed)  # noqa: S311  no secret
    due, last_count, moved_at = 0, 0, time.monotonic()
    while not crew.is_done:
        count = clips.read_on()
        progress(count)
        while due < len(kills) and kills[due].at_clips <= count:
            _carry_out(kills[due], server, crew, dice)
            due += 1
        if not server.is_running:
            raise RunFailedError(f"The server has ended: see {server.log_path}.")
        if count != last_count:
            last_count, moved_at = count, time.monotonic()
        if time.monotonic() - moved_at > STALLED_AFTER_SECONDS:
            raise RunFailedError(f"{count} clips are completed, and nothing goes on.")
        time.sleep(POLL_SECONDS)
    progress(clips.read_on())
    return kills[:due]


def _carry_out(kill: Kill, server: Server, crew: Crew, dice: random.Random) -> None:
    if kill.victim is Victim.WORKERS:
        crew.kill_one(dice)
        return
    # The next kill waits until it serves: one that was never up has nothing to lose.
    server.wait_until_ready()
    server.kill(with_children=kill.victim is Victim.ALL_SERVERS)
    server.start()
