"""A disk without room: each write says so, reads go on, and once there is room so do writes."""

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


async def test_full_disk_has_a_code_and_a_line_in_the_log(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is RESOURCE_EXHAUSTED with a line in the log; reads go on, and writes do when there is room."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    client = AsyncClient(project="full", credentials=AnonymousCredentials())
    await client.document("c/before").set({"text": "kept"})
    await server.fill_disk()
    with pytest.raises(ResourceExhausted, match="its disk is full"):
        await client.document("c/lost").create({"text": "x" * 900_000}, retry=None, timeout=PATIENCE_SECONDS)
    found = await client.document("c/before").get()
    assert found.to_dict() == {"text": "kept"}
    server.free_disk()
    assert not (await client.document("c/lost").get()).exists
    await client.document("c/after").set({"text": "x" * 900_000})
    assert (await client.document("c/after").get()).exists
    client.close()
    log = server.stop()
    assert "cannot write: its disk is full" in log
    assert "Traceback" not in log
