"""Queries for too much, from a real server: they take little of its time, and a well-behaved caller feels little."""

import asyncio
import json
import statistics

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
    "highlights of 1,500 videos": ("{ videos(first: 1500) { nodes { highlights { sceneId } } } }", "r2Calls"),
}
JSON = {"content-type": "application/json"}
PAIRS = 40
# Of the server's own time for a normal query. Executed, such a query takes a thousand times as much.
MAX_CPU_RATIO = 5
# Of the least that the server does until a well-behaved caller has their answer: alone, and when a query for too much
# comes just before theirs. Processor time, in turns, and the least of each: other processes only add to it. To parse
# and refuse 30 URLs takes what a normal query takes (medians of 1.96 to 2.50 were measured), and highlights half of it.
MAX_WAIT_RATIO = 2.5
# Of the slowest twentieth: parsed documents are left to the garbage collector, which runs in some of them.
MAX_SLOWEST_RATIO = 10


class Pair:
    """A well-behaved caller and an attacker, each with a connection of their own."""

    def __init__(self, target: Target, document: str) -> None:
        self._target = target
        self._request = json.dumps({"query": document}).encode()
        self.alone: list[float] = []
        self.beside: list[float] = []

    async def run(self) -> None:
        """Asks in turns without and with the attacker."""
        async with (
            httpx.AsyncClient(base_url=self._target.address, timeout=PATIENCE_SECONDS) as caller,
            httpx.AsyncClient(base_url=self._target.address, timeout=PATIENCE_SECONDS) as attacker,
        ):
            for _ in range(PAIRS):
                self.alone.append(await self._ask(caller))
                attack = asyncio.create_task(attacker.post("/graphql", content=self._request, headers=JSON))
                # It is sent, and ours is sent while the server has it.
                await asyncio.sleep(0)
                self.beside.append(await self._ask(caller))
                await attack

    async def _ask(self, client: httpx.AsyncClient) -> float:
        """The server's processor time until the answer to a normal query."""
        before = self._target.read_cpu_seconds()
        answer = await client.post("/graphql", json={"query": NORMAL_QUERY})
        seconds = self._target.read_cpu_seconds() - before
        assert "errors" not in answer.json()
        return seconds


def count_cpu_seconds(target: Target, document: str) -> float:
    """The server's time for some requests, one after the other."""
    with httpx.Client(base_url=target.address, timeout=PATIENCE_SECONDS) as client:
        client.post("/graphql", json={"query": document})
        before = target.read_cpu_seconds()
        for _ in range(PAIRS):
            client.post("/graphql", json={"query": document})
        return target.read_cpu_seconds() - before


@pytest.mark.parametrize(("document", "measure"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_refused_beside_a_well_behaved_caller(target: Target, document: str, measure: str) -> None:
    """Each costs the server less than a few normal queries, and who sends them over and over slows nobody much."""
    refusal = target.post(document).json()
    assert refusal["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert refusal["errors"][0]["extensions"]["measure"] == measure
    actual = refusal["extensions"]["cost"]["actual"]
    assert (actual["documentReads"], actual["rpcs"], actual["r2Calls"], actual["fieldValues"]) == (0, 0, 0, 0)
    assert count_cpu_seconds(target, document) < MAX_CPU_RATIO * count_cpu_seconds(target, NORMAL_QUERY)
    pair = Pair(target, document)
    asyncio.run(pair.run())
    assert min(pair.beside) < MAX_WAIT_RATIO * min(pair.alone)
    slowest = statistics.quantiles(pair.beside, n=20)[-1]
    assert slowest < MAX_SLOWEST_RATIO * statistics.quantiles(pair.alone, n=20)[-1]
    target.assert_answers()
