"""The server under the workers: the real `clipgraph serve`, killed and started again on the same port."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30
# Below what kernels give to outgoing connections: a worker that tries a dead port there can meet itself on it.
PORTS = range(20_000, 32_000)


class Server:
    """`clipgraph serve` over a data directory of the run's own."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.log_path = folder / "server.log"
        self._port = find_free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """The process runs, and will answer in a moment."""
        options = ["--port", str(self._port), "--data-dir", str(self.data_dir), "--no-demo"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "serve", *options], cwd=ROOT, stdout=log, stderr=log
            )

    def wait_until_ready(self) -> None:
        """It answers, and so do its Firestore and its S3."""
        ends_at = time.monotonic() + READY_WITHIN_SECONDS
        while not self._check_ready():
            assert self.is_running, f"The server has ended: see {self.log_path}."
            assert time.monotonic() < ends_at, f"The server does not answer: see {self.log_path}."
            time.sleep(0.05)

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def kill(self, *, with_children: bool) -> None:
        """The process is gone, as after `kill -9`; so are its Firestore and S3, or they notice and end."""
        assert self._process is not None
        # Its children are found first: orphans belong to another. They die last: it would start them again.
        children = _list_descendants(self._process.pid) if with_children else []
        for pid in (self._process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Ends every process of the server."""
        if self._process is None or not self.is_running:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(with_children=True)

    def _check_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as response:  # noqa: S310  ours
                return int(response.status) == 200
        except OSError:
            return False


def find_free_port() -> int:
    """A port that nobody listens on, and that nobody is given by chance."""
    while True:
        port = random.choice(PORTS)  # noqa: S311  no secret
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def _list_descendants(pid: int) -> list[int]:
    """The processes that the process has started, and those that they have."""
    command = ["ps", "-A", "-o", "pid=", "-o", "ppid="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = defaultdict(list)
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children[parent].append(child)
    found = [pid]
    for one in found:  # grows as it goes
        found.extend(children[one])
    return found[1:]
