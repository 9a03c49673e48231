"""The processes under test: clipgraph and its peers, one process each, all over the same Firestore and S3."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.api.dataset import PROJECT
from benchmarks.api.plan import SLOW_LISTS
from embedded.endpoints import Endpoints

ROOT = Path(__file__).parents[2]
NODE_FOLDER = ROOT / "benchmarks" / "peers" / "node"
START_WITHIN_SECONDS = 60
STOP_TIMEOUT_SECONDS = 15

_COMMANDS = {
    "clipgraph": [sys.executable, "-m", "cli.main", "serve", "--port", "0", "--no-demo"],
    "naive": [sys.executable, "-m", "benchmarks.peers.naive"],
    "node": ["node", str(NODE_FOLDER / "server.js")],
    "r2-list": [sys.executable, "-m", "benchmarks.peers.r2_list"],
    "floor": [sys.executable, "-m", "benchmarks.peers.floor"],
    "wire": [sys.executable, "-m", "benchmarks.peers.wire"],
}
_COMMANDS |= dict.fromkeys(SLOW_LISTS, _COMMANDS["r2-list"])
# What is measured is how fast it can be; and many walls at once take longer than production has anybody wait.
_WITHOUT_LIMITS = {
    "CLIPGRAPH_FIRESTORE_TIMEOUT_SECONDS": "300",
    "CLIPGRAPH_REQUEST_TIMEOUT_SECONDS": "300",
    "CLIPGRAPH_REQUESTS_PER_MINUTE_WORKER": "1000000000",
    "CLIPGRAPH_READS_PER_MINUTE_WORKER": "1000000000",
}
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Process:
    """A program that says in its output where it listens."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self._log_path = folder / f"{name}.log"
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def wait_for_ports(self, count: int = 1) -> list[int]:
        """Where it listens, once it has said so; its output goes on to be written to its log."""
        ends_at = time.monotonic() + START_WITHIN_SECONDS
        while True:
            said = self.read_log()
            ports = [int(port) for port in _ADDRESS.findall(said)]
            if len(ports) >= count:
                return ports[:count]
            assert self._process.poll() is None, f"{self.name} has ended:\n{said}"
            assert time.monotonic() < ends_at, f"{self.name} does not say where it listens:\n{said}"
            time.sleep(0.02)

    @property
    def cpu_seconds(self) -> float:
        """The processor time that all of its threads have used so far: what /proc/PID/stat counts, in nanoseconds."""
        return time.clock_gettime((~self._process.pid << 3) | 2)  # clock_getcpuclockid(3), which Python does not have

    def send_signal(self, number: int) -> None:
        """The signal has been sent to it."""
        self._process.send_signal(number)

    def read_status(self) -> str:
        """The kernel's account of the process: /proc/PID/status."""
        return Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")

    def read_log(self) -> str:
        """The process's output so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """It has ended."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Backends:
    """Where a peer finds Firestore and S3, and settings of its own."""

    endpoints: Endpoints
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a peer: this process's own, less what the user has set for a clipgraph of theirs."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("CLIPGRAPH_")}
        return own | {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "FIRESTORE_EMULATOR_HOST": self.endpoints.firestore_host_port,
            "CLIPGRAPH_R2_ENDPOINT_URL": self.endpoints.r2_endpoint_url,
            "CLIPGRAPH_R2_BUCKET": self.endpoints.r2_bucket,
            "CLIPGRAPH_R2_ACCESS_KEY_ID": self.endpoints.r2_access_key_id,
            "CLIPGRAPH_R2_SECRET_ACCESS_KEY": self.endpoints.r2_secret_access_key,
            **_WITHOUT_LIMITS,
            **self.settings,
            # What servers run with in production.
            "NODE_ENV": "production",
        }


class Server:
    """A peer's process, which can be started anew."""

    def __init__(self, peer: str, backends: Backends, folder: Path) -> None:
        self.peer = peer
        self._backends = backends
        self._folder = folder
        self.start()

    def start(self) -> None:
        """The process runs, and will listen in a moment."""
        environment = self._backends.environment | {"BENCH_LIST_MS": str(SLOW_LISTS.get(self.peer, 0))}
        self.process = Process(self.peer, _COMMANDS[self.peer], environment, self._folder)
        self._port: int | None = None

    @property
    def port(self) -> int:
        """Where it listens; waits until it does."""
        if self._port is None:
            (self._port,) = self.process.wait_for_ports()
        return self._port

    def restart(self) -> None:
        """Removes all data that the server has kept."""
        self.process.stop()
        self.start()


def install_node_peer() -> None:
    """The node peer's packages are those of its package-lock.json."""
    installed, wanted = NODE_FOLDER / "node_modules" / ".package-lock.json", NODE_FOLDER / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=NODE_FOLDER, check=True, stdout=sys.stderr)
