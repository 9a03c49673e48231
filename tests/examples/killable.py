"""Runs examples/worker.py as often as it is told on stdin, each time in a process of its own that may be killed.

A request is a line of JSON, `{"arguments": […], "kill_at": [line, visit] or null}`. The answer is one, too:
`{"status": how the process ended, negative for a signal, "visited": the lines that it went through}`. Processes are
forked, because importing Google's client takes longer than all of the work.
"""

import json
import os
import signal
import sys
from collections import Counter
from types import FrameType
from typing import Any

from examples import worker


class Tracer:
    """Counts the visits of the worker's lines, and kills its own process at the one that is asked for."""

    def __init__(self, kill_at: tuple[int, int] | None) -> None:
        self.visits: Counter[int] = Counter()
        self._kill_at = kill_at

    def __call__(self, frame: FrameType, event: str, _: Any) -> "Tracer | None":
        """The trace function: Python calls it for every frame, and for every line of the worker's frames."""
        if frame.f_code.co_filename != worker.__file__:
            return None
        if event == "line":
            self.visits[frame.f_lineno] += 1
            if self._kill_at == (frame.f_lineno, self.visits[frame.f_lineno]):
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def run_worker(arguments: list[str], kill_at: tuple[int, int] | None) -> dict[str, Any]:
    """How a worker of its own process ended, and what it visited on the way there."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _run_and_exit(arguments, kill_at, write_end)
    os.close(write_end)
    with os.fdopen(read_end) as visited:
        text = visited.read()
    _, status = os.waitpid(child, 0)
    return {"status": os.waitstatus_to_exitcode(status), "visited": json.loads(text or "[]")}


def _run_and_exit(arguments: list[str], kill_at: tuple[int, int] | None, write_end: int) -> None:
    tracer = Tracer(kill_at)
    # Answers are written to stdout: what the worker prints must not be among them.
    os.dup2(2, 1)
    status = 0
    sys.settrace(tracer)
    try:
        worker.main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.settrace(None)
        with os.fdopen(write_end, "w") as visited:
            json.dump(list(tracer.visits.items()), visited)
        os._exit(status)


if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        kill_at = request["kill_at"]
        answer = run_worker(request["arguments"], None if kill_at is None else tuple(kill_at))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
