"""Abandoned transactions and versions that no read may reach any more are removed."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.api_core.exceptions import InvalidArgument
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient, AsyncTransaction

from embedded.firestore.server import FirestoreServer
from embedded.firestore.store import storage
from embedded.firestore.transactions import transactions
from tests.patience import PATIENCE_SECONDS

SHORT_SECONDS = 0.2


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    """A client of a server within this process, whose clocks a test can turn."""
    monkeypatch.setattr(transactions, "SWEEP_SECONDS", 0.02)
    monkeypatch.setattr(storage, "PRUNE_SECONDS", 0.02)
    server = FirestoreServer(tmp_path)
    await server.start()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    client = AsyncClient(project="expiry", credentials=AnonymousCredentials())
    yield client
    client.close()
    await server.stop()


async def test_an_idle_transaction_gives_back_its_locks(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that has read and gone away keeps nobody from writing, and finds its transaction expired."""
    reference = client.document("c/d")
    left = client.transaction()
    await left._begin()
    await reference.get(transaction=left)
    monkeypatch.setattr(transactions, "IDLE_SECONDS", SHORT_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await reference.set({"n": 1}, retry=None)
    with pytest.raises(InvalidArgument, match="expired"):
        await reference.get(transaction=left)


async def test_a_transaction_ends_however_busy_it_is(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads keep it from being idle, and do not make it last for ever."""
    busy = client.transaction()
    await busy._begin()
    await client.document("c/d").get(transaction=busy)
    monkeypatch.setattr(transactions, "TOTAL_SECONDS", SHORT_SECONDS)
    with pytest.raises(InvalidArgument, match="expired"):
        await asyncio.wait_for(read_for_ever(client, busy), PATIENCE_SECONDS)


async def read_for_ever(client: AsyncClient, transaction: AsyncTransaction) -> None:
    """Only an error ends it."""
    while True:
        await client.document("c/d").get(transaction=transaction)


async def test_versions_are_forgotten_when_their_hour_is_over(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the hour each is there; after it, the present state is all that is kept."""
    reference = client.document("c/d")
    for n in range(3):
        await reference.set({"n": n})
    file = sqlite3.connect(tmp_path / storage.FILE_NAME)
    assert file.execute("SELECT COUNT(*) FROM versions").fetchone() == (2,)
    monkeypatch.setattr(storage, "HISTORY_MICROS", 0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while file.execute("SELECT COUNT(*) FROM versions").fetchone() != (0,):
            await reference.get()
    file.close()
    assert (await reference.get()).to_dict() == {"n": 2}


async def test_forgetting_goes_on_after_an_error(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program holds the file for longer than is waited for: what is old goes once it lets go."""
    monkeypatch.setattr(storage, "HISTORY_MICROS", 0)
    other = sqlite3.connect(tmp_path / storage.FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "cannot forget old versions" not in told:
            await asyncio.sleep(0.1)
            told += capsys.readouterr().err
    other.execute("ROLLBACK")
    for number in range(3):
        await client.document("c/d").set({"number": number})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while other.execute("SELECT count(*) FROM versions WHERE valid_to < 9e18").fetchone()[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    other.close()
