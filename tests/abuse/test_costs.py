"""Queries for too much, from a real server: they take little of its time, and a well-behaved caller feels little."""

import os
import statistics
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.abuse.conftest import NORMAL_QUERY, Target
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

URLS = " ".join(f"a{number}: url(expiresIn: {1000 + number}, download: true)" for number in range(30))
TOO_MUCH = {
    "30 URLs of each of 10,000 clips": (
        f'{{ video(videoId: "v") {{ clips(first: 10000) {{ nodes {{ {URLS} }} }} }} }}',
        "fieldValues",
    ),
    "highlights of 1,500 videos": ("{ videos(first: 1500) { nodes { highlights { id } } } }", "r2Calls"),
}
REQUESTS = 20
# Of the server's own time for a normal query. Executed, such a query takes a thousand times as much.
MAX_CPU_RATIO = 5
# Of the median of a normal query's time, which was 100 and more. On busy processors two that are sent at once wait for
# each other, and for all else that runs.
MAX_LATENCY_RATIO = 20
PAUSE_SECONDS = 0.05


def read_cpu_seconds(target: Target) -> float:
    """What the server has used of processors."""
    fields = Path(f"/proc/{target.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def time_normal_queries(target: Target) -> float:
    """The median of seconds that a well-behaved caller waits."""
    taken = []
    with httpx.Client(base_url=target.address, timeout=PATIENCE_SECONDS) as client:
        for _ in range(REQUESTS):
            begun_at = time.perf_counter()
            assert "errors" not in client.post("/graphql", json={"query": NORMAL_QUERY}).json()
            taken.append(time.perf_counter() - begun_at)
    return statistics.median(taken)


def count_cpu_seconds(target: Target, document: str) -> float:
    """The server's time for some requests, one after the other."""
    before = read_cpu_seconds(target)
    with httpx.Client(base_url=target.address, timeout=PATIENCE_SECONDS) as client:
        for _ in range(REQUESTS):
            client.post("/graphql", json={"query": document})
    return read_cpu_seconds(target) - before


@pytest.mark.parametrize(("document", "measure"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_refused_beside_a_well_behaved_caller(target: Target, document: str, measure: str) -> None:
    """Each costs the server less than a few normal queries, and who sends them over and over slows nobody much."""
    refusal = target.post(document).json()
    assert refusal["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert refusal["errors"][0]["extensions"]["measure"] == measure
    actual = refusal["extensions"]["cost"]["actual"]
    assert (actual["documentReads"], actual["rpcs"], actual["r2Calls"], actual["fieldValues"]) == (0, 0, 0, 0)
    time_normal_queries(target)
    normal = count_cpu_seconds(target, NORMAL_QUERY)
    assert count_cpu_seconds(target, document) < MAX_CPU_RATIO * max(normal, 0.01)
    calm = time_normal_queries(target)
    is_over = threading.Event()

    def attack() -> None:
        with httpx.Client(base_url=target.address, timeout=PATIENCE_SECONDS) as client:
            while not is_over.is_set():
                client.post("/graphql", json={"query": document})
                is_over.wait(PAUSE_SECONDS)

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        abused = time_normal_queries(target)
    finally:
        is_over.set()
        attacker.join()
    assert abused < MAX_LATENCY_RATIO * calm
    target.assert_answers()
