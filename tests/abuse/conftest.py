"""`clipgraph serve` as a process, and what its kernel knows of it."""

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.patience import PATIENCE_SECONDS

NORMAL_QUERY = "{ videos(first: 3) { nodes { title clips(first: 2) { nodes { title thumbnailUrl } } } } }"


@dataclass
class Target:
    """A running server under attack."""

    process: subprocess.Popen[bytes]
    port: int
    log_path: Path

    @property
    def data_dir(self) -> Path:
        """Where its data is."""
        return self.log_path.parent / "data"

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, document: str, **request: Any) -> httpx.Response:
        """The response to a document."""
        body = {"query": document, **request}
        return httpx.post(f"{self.address}/graphql", json=body, timeout=PATIENCE_SECONDS)

    def assert_answers(self) -> None:
        """The queries of all other callers are answered as ever."""
        answer = self.post(NORMAL_QUERY).json()
        assert "errors" not in answer
        assert self.process.poll() is None

    def read_memory_bytes(self) -> int:
        """The memory that the server holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found.group(1)) * 1024

    def read_cpu_seconds(self) -> float:
        """The processor time that it has used: its own count, whoever else is busy on the machine."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def read_log(self) -> list[dict[str, Any]]:
        """Its log lines so far."""
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def start_target(folder: Path, *options: str, **environment: str) -> contextlib.AbstractContextManager[Target]:
    """Runs a server over a data directory of its own, with a demo bucket."""
    return start_tree(None, folder, *options, **environment)


@contextlib.contextmanager
def start_tree(tree: Path | None, folder: Path, *options: str, **environment: str) -> Iterator[Target]:
    """As `start_target`, with another checkout's code."""
    import os

    log_path = folder / "server.log"
    command = [sys.executable, "-m", "cli.main", "serve", "--port", "0", "--data-dir", str(folder / "data"), *options]
    # All abuse comes from one address: what is refused is to be refused for what it is.
    unlimited = {"CLIPGRAPH_REQUESTS_PER_MINUTE_ANONYMOUS": "1000000", "CLIPGRAPH_MAX_REQUESTS_IN_FLIGHT": "1000"}
    settings = {"CLIPGRAPH_LOG_FORMAT": "json", **unlimited, **environment}
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **settings}, cwd=tree
        )
    try:
        yield Target(process, _wait_for_port(process), log_path)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def _wait_for_port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    until = time.monotonic() + PATIENCE_SECONDS
    for line in process.stdout:
        if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
            port = urlsplit(found.group().decode()).port
            assert port
            return port
        assert time.monotonic() < until
    raise AssertionError("The server did not start.")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One server for all abuse, which has to stand it one after the other."""
    with start_target(tmp_path_factory.mktemp("abuse")) as target:
        yield target
