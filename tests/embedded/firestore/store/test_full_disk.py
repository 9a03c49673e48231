"""A disk without room: each write says so, reads go on, and once there is room so do writes."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import ResourceExhausted
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient

from tests.embedded.firestore.process import ServerProcess
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server as a process, whose files can be kept from growing."""
    with ServerProcess(tmp_path) as server:
        yield server


def limit_files(server: ServerProcess, size_bytes: int) -> None:
    """No file of the process may have more bytes from now on."""
    assert server._process is not None
    resource.prlimit(server._process.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


async def test_full_disk_has_a_code_and_a_line_in_the_log(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is RESOURCE_EXHAUSTED with a line in the log; reads go on, and writes do when there is room."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    client = AsyncClient(project="full", credentials=AnonymousCredentials())
    await client.document("c/before").set({"text": "kept"})
    limit_files(server, max(path.stat().st_size for path in tmp_path.iterdir()))  # noqa: ASYNC240
    with pytest.raises(ResourceExhausted, match="its disk is full"):
        await client.document("c/lost").create({"text": "x" * 900_000}, retry=None, timeout=PATIENCE_SECONDS)
    found = await client.document("c/before").get()
    assert found.to_dict() == {"text": "kept"}
    limit_files(server, resource.RLIM_INFINITY)
    assert not (await client.document("c/lost").get()).exists
    await client.document("c/after").set({"text": "x" * 900_000})
    assert (await client.document("c/after").get()).exists
    client.close()
    log = server.stop()
    assert "cannot write: its disk is full" in log
    assert "Traceback" not in log
