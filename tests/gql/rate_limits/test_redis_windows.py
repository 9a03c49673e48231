"""Budgets that processes share by a real Redis, and what becomes of them while it is away."""

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from gql.permissions import Principal, Role
from gql.rate_limits import redis_windows
from gql.rate_limits.budgets import Budgets, RateLimitedError
from gql.rate_limits.redis_windows import RedisWindows
from settings import Settings
from tests.gql.conftest import MakeClient

ALICE = Principal("alice", frozenset({Role.USER}), issuer="https://issuer.example")
EVE = Principal("eve", frozenset({Role.USER}), issuer="https://issuer.example")
SETTINGS = Settings(requests_per_minute_user=10, reads_per_minute_user=100)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis on a busy machine is not taken for one that is away."""
    monkeypatch.setattr(redis_windows, "TIMEOUT_SECONDS", 5)


@dataclass
class RedisServer:
    """A `redis-server` that can be killed, stopped and started anew on its port."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """It answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self.process = subprocess.Popen([*command, str(self.folder)], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert any(b"Ready to accept connections" in line for line in self.process.stdout)

    def kill(self) -> None:
        """It is gone, with all that it held."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    assert shutil.which("redis-server"), "apt-get install redis-server"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = RedisServer(listener.getsockname()[1], tmp_path)
    server.start()
    yield server
    server.kill()


@contextlib.asynccontextmanager
async def open_budgets(server: RedisServer, retry_seconds: float = 3600) -> AsyncIterator[Budgets]:
    """The budgets of one process."""
    budgets = Budgets(SETTINGS, RedisWindows(server.url, retry_seconds))
    yield budgets
    await budgets.close()


async def admit_until_refused(*processes: Budgets) -> int:
    """How many requests of Alice's are let in, sent to one process after the other."""
    for number in range(1000):
        try:
            await processes[number % len(processes)].admit(ALICE)
        except RateLimitedError:
            return number
    raise AssertionError("No request was refused.")


async def test_several_processes_enforce_one_budget(redis_server: RedisServer) -> None:
    """Three processes with one Redis admit ten requests of a caller together, and count another caller apart."""
    async with (
        open_budgets(redis_server) as one,
        open_budgets(redis_server) as two,
        open_budgets(redis_server) as three,
    ):
        assert await admit_until_refused(one, two, three) == 10
        assert (await two.admit(EVE)).remaining == 9


async def test_what_one_process_reads_the_others_know(redis_server: RedisServer) -> None:
    """Reads that one process charges refuse the caller in the other."""
    async with open_budgets(redis_server) as one, open_budgets(redis_server) as two:
        await one.charge(ALICE, 60)
        assert (await two.get_reads(ALICE)).remaining == 40
        await two.charge(ALICE, 60)
        with pytest.raises(RateLimitedError, match="documents"):
            await one.admit(ALICE)
        with pytest.raises(RateLimitedError, match="documents"):
            await one.assert_reads_left(ALICE)


async def test_a_window_has_an_end_in_redis(redis_server: RedisServer) -> None:
    """Of a minute from its first request on: later ones do not prolong it."""
    async with open_budgets(redis_server) as budgets:
        quotas = [await budgets.admit(ALICE) for _ in range(3)]
        windows = budgets._windows
        assert isinstance(windows, RedisWindows)
        keys = await windows._redis.keys("*")
        assert len(keys) == 1
        assert 0 < await windows._redis.ttl(keys[0]) <= 60
        assert [quota.reset_seconds for quota in quotas] == sorted((q.reset_seconds for q in quotas), reverse=True)
        assert quotas[0].reset_seconds <= 60


@pytest.mark.parametrize("harm", ["killed", "stopped"])
async def test_without_redis_each_process_has_budgets_of_its_own(redis_server: RedisServer, harm: str) -> None:
    """One line says so. Nobody is refused for it, nobody may do anything they like, nobody waits again and again."""
    async with open_budgets(redis_server) as budgets:
        await budgets.admit(ALICE)
        assert redis_server.process is not None
        if harm == "killed":
            redis_server.kill()
        else:
            redis_server.process.send_signal(signal.SIGSTOP)
        with capture_logs() as lines:
            assert await admit_until_refused(budgets) == 10
        assert [line["event"] for line in lines] == ["rate_limits_local"]


async def test_redis_that_is_back_is_shared_again(redis_server: RedisServer) -> None:
    """During an outage the budget is local; afterwards it is shared, and both changes are logged once."""
    async with open_budgets(redis_server, retry_seconds=0) as one, open_budgets(redis_server, retry_seconds=0) as two:
        redis_server.kill()
        with capture_logs() as lines:
            await one.admit(ALICE)
            await one.admit(ALICE)
            redis_server.start()
            await one.admit(ALICE)
            assert (await two.admit(ALICE)).remaining == 8
        assert [line["event"] for line in lines] == ["rate_limits_local", "rate_limits_shared"]


async def test_two_servers_answer_one_budget_down(redis_server: RedisServer, make_client: MakeClient) -> None:
    """The headers say what is left of it, whichever is asked."""
    changes = {"rate_limit_redis_url": SecretStr(redis_server.url), "requests_per_minute_worker": 3}
    clients = [await make_client(**changes) for _ in range(2)]
    answers = [await ask(clients[number % 2]) for number in range(4)]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


async def ask(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/graphql", json={"query": "{ viewer { userId } }"})


def test_an_address_that_is_no_redis_is_refused_at_start() -> None:
    """A rate limit URL that is not Redis's fails the validation of the settings."""
    with pytest.raises(ValueError, match="redis://"):
        Settings.model_validate({"rate_limit_redis_url": "http://localhost"})
