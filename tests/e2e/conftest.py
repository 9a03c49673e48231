"""The program as a user runs it: `clipgraph serve` as a process, over a data directory of the test's own."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.patience import PATIENCE_SECONDS


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    address: str
    output: str

    def query(self, document: str, **variables: Any) -> Any:
        """The data of a document that must succeed."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"content-type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:  # noqa: S310
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Ends it as Ctrl-C does, and answers its exit code."""
        self.process.send_signal(sent)
        return self.process.wait(PATIENCE_SECONDS)


def start_server(data_dir: Path, log: IO[bytes], *options: str, program: str = "cli.main") -> Server:
    """Starts `clipgraph serve` on a free port and waits until it prints its address."""
    command = [sys.executable, "-m", program, "serve", "--port", "0", "--data-dir", str(data_dir), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    output = ""
    until = time.monotonic() + PATIENCE_SECONDS
    for line in process.stdout:
        output += line.decode()
        if "curl" in output and line.strip().startswith(b"-d"):
            break
        assert time.monotonic() < until, output
    found = re.search(r"http://127\.0\.0\.1:\d+", output)
    assert found, output
    return Server(process, found.group(), output)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers, and ends those that still run when the test is over."""
    with contextlib.ExitStack() as cleanup:

        def serve(data_dir: Path = tmp_path / "data", *options: str, program: str = "cli.main") -> Server:
            log = cleanup.enter_context((tmp_path / "server.log").open("ab"))
            server = start_server(data_dir, log, *options, program=program)
            cleanup.callback(_end, server)
            return server

        yield serve


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over the demo bucket, for tests that only look."""
    folder = tmp_path_factory.mktemp("demo")
    with (folder / "server.log").open("ab") as log:
        server = start_server(folder / "data", log)
        yield server
        _end(server)


def _end(server: Server) -> None:
    if server.process.poll() is None:
        server.stop(signal.SIGTERM)
    assert server.process.stdout is not None
    server.process.stdout.close()
