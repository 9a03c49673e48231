"""The benchmark runs, from its data to its tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.prove, pytest.mark.once]

ROOT = Path(__file__).parents[2]
PEERS = ["naive", "r2-list", "floor", "wire"]


def test_a_tiny_run_measures_every_peer_that_answers_right(tmp_path: Path) -> None:
    """Without the peer in Node, whose packages come from the network."""
    file = tmp_path / "results.json"
    small = ["--quick", "--clients", "2", "--seconds", "0", "--delay-ms", "0", "--workload", "page", "write"]
    command = [sys.executable, "-m", "benchmarks.api", *small, "--peer", *PEERS, "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())["results"]
    measured = {(result["workload"], result["peer"], result["is_cold"]) for result in results}
    asked = {("page", peer, False) for peer in ("clipgraph", *PEERS)}
    asked |= {("write", "clipgraph", False), ("write", "naive", False)}
    assert measured == asked | {("page", "clipgraph", True), ("write", "clipgraph", True)}
    assert all(result["p50_ms"] > 0 and result["requests_per_second"] > 0 for result in results)
    assert "| page | naive |" in done.stdout
