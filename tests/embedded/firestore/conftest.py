"""The real server as a process of its own, and the real client in a project that nobody else uses."""

import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def firestore_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without indexes to enforce, for as long as the tests run."""
    data_dir = tmp_path_factory.mktemp("firestore")
    command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), "--exit-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["host_port"]
        process.terminate()
    assert process.returncode == 0


@pytest.fixture
async def firestore_client(firestore_address: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    """A client in a project of its own, so that every test begins with an empty database."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_address)
    client = AsyncClient(project=f"test-{secrets.token_hex(6)}", credentials=AnonymousCredentials())
    yield client
    client.close()
