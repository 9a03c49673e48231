import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from embedded.endpoints import check_answering, read_endpoints, write_endpoints
from embedded.stack import DataDirectoryInUseError, EmbeddedError, Endpoints, Stack, connect_or_start, start_stack
from storage.r2 import R2Storage
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

SERVE = """
import sys, time
from pathlib import Path
from embedded.stack import start_stack
with start_stack(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A directory that does not exist yet, with a name that must be quoted."""
    return tmp_path / "new" / "data dir"


@pytest.fixture
def serving_process(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that serves `data_dir`."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def open_firestore(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client as any program would open it."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", endpoints.firestore_host_port)
    client: Any = firestore.Client(project="demo-clipgraph")
    yield client
    client.close()


def fetch(endpoints: Endpoints, key: str) -> bytes:
    storage = open_storage(endpoints)
    with urllib.request.urlopen(storage.presign_get(key)) as answer:  # noqa: S310 - http only
        storage.close()
        body: bytes = answer.read()
        return body


def open_storage(endpoints: Endpoints) -> R2Storage:
    return R2Storage(
        endpoints.r2_endpoint_url, endpoints.r2_bucket, endpoints.r2_access_key_id, endpoints.r2_secret_access_key
    )


async def put(endpoints: Endpoints, key: str, body: bytes) -> None:
    storage = open_storage(endpoints)
    await storage.put(key, body)
    storage.close()


async def test_everything_is_there_after_a_restart(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, documents and credentials outlive the servers."""
    with start_stack(data_dir) as stack:
        before = stack.endpoints
        await put(before, "u/v/clips/a.mp4", b"real bytes")
        with open_firestore(before, monkeypatch) as client:
            client.document("users/u").set({"name": "demo"})
    with start_stack(data_dir) as stack:
        assert fetch(stack.endpoints, "u/v/clips/a.mp4") == b"real bytes"
        with open_firestore(stack.endpoints, monkeypatch) as client:
            assert client.document("users/u").get().to_dict() == {"name": "demo"}
        assert stack.endpoints.r2_secret_access_key == before.r2_secret_access_key


def test_stopped_stack_leaves_nothing_behind(data_dir: Path) -> None:
    """A stopped stack no longer answers, and stopping it twice is harmless."""
    stack = start_stack(data_dir)
    endpoints = stack.endpoints
    assert stack.is_running
    assert read_endpoints(data_dir) == endpoints
    assert (data_dir / "endpoints.json").stat().st_mode & 0o777 == 0o600
    stack.stop()
    stack.stop()
    assert not stack.is_running
    assert not check_answering(endpoints)
    assert read_endpoints(data_dir) is None


def test_second_stack_is_refused(data_dir: Path, serving_process: "subprocess.Popen[str]") -> None:
    """And the first goes on serving."""
    with pytest.raises(DataDirectoryInUseError, match=f"process {serving_process.pid}"):
        start_stack(data_dir)
    endpoints = read_endpoints(data_dir)
    assert endpoints is not None
    assert check_answering(endpoints)


def test_killed_clipgraph_leaves_no_orphans(data_dir: Path, serving_process: "subprocess.Popen[str]") -> None:
    """After kill -9 both servers end by themselves, and the next start works at once."""
    endpoints = read_endpoints(data_dir)
    assert endpoints is not None
    serving_process.kill()
    serving_process.wait()
    with start_stack(data_dir) as stack:
        assert stack.is_running
        assert stack.endpoints.r2_access_key_id == endpoints.r2_access_key_id
    wait_until(lambda: not check_answering(endpoints))
    assert str(data_dir) not in _list_commands()


def _list_commands() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["firestore", "r2"])
def test_server_that_dies_comes_back_where_it_was(data_dir: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Twice, and each time a line in the log says so."""
    with start_stack(data_dir) as stack, caplog.at_level(logging.ERROR, "embedded"):
        for _ in range(2):
            old_pid = kill(stack, name)
            wait_until(partial(check_back, stack, name, old_pid))
        assert stack.is_running
    assert [record.message.partition(" (")[0] for record in caplog.records] == [f"The embedded {name} server ended"] * 2


def kill(stack: Stack, name: str) -> int:
    """The id of the server's process, which is dead."""
    pid = pid_of(stack, name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def pid_of(stack: Stack, name: str) -> int | None:
    process = next(server.child._process for server in stack._servers if server.child.name == name)
    return None if process is None else process.pid


def check_back(stack: Stack, name: str, old_pid: int) -> bool:
    """Whether another process of the server answers at the old address."""
    return pid_of(stack, name) not in {None, old_pid} and check_answering(stack.endpoints)


def test_connect_uses_the_servers_that_run(data_dir: Path, serving_process: "subprocess.Popen[str]") -> None:
    """And leaves them running."""
    with connect_or_start(data_dir) as endpoints:
        assert endpoints == read_endpoints(data_dir)
    assert check_answering(endpoints)
    assert serving_process.poll() is None


def test_connect_starts_servers_where_none_run(data_dir: Path) -> None:
    """And stops them at the end, also when the work fails."""
    seen: list[Endpoints] = []

    def work() -> None:
        with connect_or_start(data_dir) as endpoints:
            seen.append(endpoints)
            assert check_answering(endpoints)
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert not check_answering(seen[0])


def test_connect_waits_for_servers_that_are_starting(data_dir: Path) -> None:
    """The lock is taken before there are endpoints: several at once share one stack, or take turns."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom embedded.stack import connect_or_start\n"
        "with connect_or_start(Path(sys.argv[1])) as endpoints: print(endpoints.r2_access_key_id)"
    )
    command = [sys.executable, "-c", script, str(data_dir)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=PATIENCE_SECONDS)[0] for process in processes}
    assert len(answers) == 1
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_stale_endpoints_lead_nowhere(data_dir: Path) -> None:
    """Endpoints of a dead stack are not used: a new one is started."""
    data_dir.mkdir(parents=True)
    stale = Endpoints("127.0.0.1:9", "http://127.0.0.1:9", "clips", "old", "old")
    write_endpoints(data_dir, stale)
    assert not check_answering(stale)
    with connect_or_start(data_dir) as endpoints:
        assert endpoints != stale


def test_server_that_cannot_start_says_why(data_dir: Path) -> None:
    """One line, nothing left running, and the directory free."""
    (data_dir / "firestore").parent.mkdir(parents=True)
    (data_dir / "firestore").touch()
    with pytest.raises(EmbeddedError, match="embedded firestore server did not start") as caught:
        start_stack(data_dir)
    assert "\n" not in str(caught.value)
    (data_dir / "firestore").unlink()
    start_stack(data_dir).stop()


def test_folder_that_is_a_file_is_told(data_dir: Path) -> None:
    """A data folder that is a file is refused."""
    data_dir.mkdir(parents=True)
    (data_dir / "r2").touch()
    with pytest.raises(EmbeddedError, match="cannot be used"):
        start_stack(data_dir)
