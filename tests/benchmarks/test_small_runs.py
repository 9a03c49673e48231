"""The other benchmarks run, small as they are made here, and say what they claim to."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.prove, pytest.mark.once]

ROOT = Path(__file__).parents[2]


def run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # 1 says that a claim does not hold, which so small a run may say; Python says it of an exception.
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_signatures() -> None:
    """The benchmark of signatures prints its ratio."""
    assert re.search(r"\| ratio \| \d+\.\d \|", run("signatures"))


def test_stages() -> None:
    """The benchmark of stages prints a page's total."""
    said = run("stages", "--workload", "page", "--requests", "3")
    assert re.search(r"\| all \| \d+\.\d ms \| \d+\.\d ms \|", said)


def test_growth() -> None:
    """The benchmark of growth prints both claims, each with its fit."""
    said = run("growth", "--clips", "1000", "--rounds", "1", "--seconds", "0", "--page-sizes", "10", "50", "100")
    assert said.count("(at most 1.5)") == 2
    assert said.count("R² = ") == 2


def test_soak() -> None:
    """All kinds of requests are sent: the server's answers are what the run needs to go on."""
    said = run("soak", "--requests", "300", "--users", "2")
    assert re.search(r"From 20% of the requests on it grew by -?\d+\.\d%", said)


def test_startup() -> None:
    """The benchmark of the start prints the embedded server's row."""
    said = run("startup", "--rounds", "1", "--cold")
    assert "| serve, embedded |" in said


def test_live() -> None:
    """Every change reaches every subscriber, and what polls sees all of them, too."""
    watching = ["--subscribers", "2", "--on-one-video", "3", "--commits", "20"]
    said = run("live", *watching, "--pollers", "3", "--seconds", "2", "--poll-seconds", "0.2")
    assert re.search(r"\| 3 \| 1 \| 60 \|", said)
    assert re.search(r"\| subscriptions \| 30 \| 30 \|", said)
    assert re.search(r"\| polling \| 30 \| 30 \|", said)


def test_firestore_startup() -> None:
    """The embedded Firestore answers, holds its documents and is reset; each peer has a row, or is named as missing."""
    said = run("firestore_startup", "--rounds", "1")
    assert re.search(r"\| clipgraph firestore \| \d+\.\d\d s \| .* \| \d+ ms \|", said)
    for name in ("Google's emulator", "@firestore-emulator/server@0.3.15"):
        assert f"| {name} |" in said or f"{name}: not on this machine" in said
