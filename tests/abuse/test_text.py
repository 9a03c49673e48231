"""Texts that took seconds of a server's CPU: each costs what a plain request costs, and its length a little more.

CPU is what the kernel counted for the server's main thread, the least of some tries, against a plain request's in the
same run; a well-behaved caller's wait is the CPU of the server's process from its request to its answer.
"""

import json
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.abuse.conftest import Target
from tests.abuse.search import RealServer, serve
from tests.abuse.surfaces import SURFACES, Surface
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

# A plain request takes some 3 ms; these took 2,000 and more.
MAX_TIMES_PLAIN = 15
SURFACE = {surface.name: surface for surface in SURFACES}
TEXTS: dict[str, tuple[Surface, bytes]] = {
    "path of half tokens": (SURFACE["path"], b"eyJaaaaa-" * 6_600),
    "field named by spaces": (
        SURFACE["variables of createVideo"],
        json.dumps({"input": {"videoId": "v", "videoUrl": "u", " " * 200_000: 1}}).encode(),
    ),
    "content type of semicolons": (SURFACE["header Content-Type"], b'application/json;"' + b";" * 59_000),
    "accept of semicolons": (SURFACE["header Accept"], b'application/json;"' + b";" * 59_000),
    "accept of types": (SURFACE["header Accept"], b"a/b;q=0.1," * 5_900),
    "path of keys": (SURFACE["path"], b"input_value=" * 4_900),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server that tells callers apart and does not tell them its schema, as in production."""
    with serve(tmp_path_factory.mktemp("text"), 1, is_open=False) as server:
        yield server


def measure(server: RealServer, surface: Surface, text: bytes) -> int:
    """The least of five, in nanoseconds."""
    return min(server.measure(surface, text) for _ in range(5))


@pytest.mark.parametrize("name", TEXTS)
def test_text_costs_what_a_plain_request_costs(server: RealServer, name: str) -> None:
    """A hostile text takes at most a fixed multiple of the processor time of a plain request."""
    surface, text = TEXTS[name]
    plain = measure(server, surface, surface.seeds[0])
    assert measure(server, surface, text) < MAX_TIMES_PLAIN * plain


def measure_waits(target: Target) -> float:
    """The processor time, in seconds, that the server takes before it answers `/livez`: the median of fifty."""
    seconds: list[float] = []
    with httpx.Client(base_url=target.address) as client:
        for _ in range(50):
            before = target.read_cpu_seconds()
            assert client.get("/livez").status_code == 200
            seconds.append(target.read_cpu_seconds() - before)
    return statistics.median(seconds)


@pytest.mark.parametrize("name", ["path of half tokens", "field named by spaces", "content type of semicolons"])
def test_others_are_answered_meanwhile(server: RealServer, name: str) -> None:
    """Three callers send nothing else."""
    surface, text = TEXTS[name]
    plain_seconds = measure(server, surface, surface.seeds[0]) / 1e9
    calm = measure_waits(server.target)
    is_over = threading.Event()

    def attack() -> None:
        while not is_over.is_set():
            server.send(surface, text)

    attackers = [threading.Thread(target=attack, daemon=True) for _ in range(3)]
    for attacker in attackers:
        attacker.start()
    try:
        attacked = measure_waits(server.target)
    finally:
        is_over.set()
        for attacker in attackers:
            attacker.join(PATIENCE_SECONDS)
    # Three busy connections are served in turn with this one; a text of two seconds would make it 600 times.
    assert attacked < calm + MAX_TIMES_PLAIN * plain_seconds
    assert Path(f"/proc/{server.target.process.pid}").exists()
