"""ClearData: tests begin with an empty database, and nobody is left with what is gone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.cloud.firestore import AsyncClient

from tests.embedded.firestore.streams import Wire, above, open_wire, put, query
from tests.patience import PATIENCE_SECONDS

OTHER = "projects/other/databases/(default)"


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    """A server of this test alone."""
    async with open_wire(tmp_path) as wire:
        yield wire


@pytest.fixture
def other(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> AsyncClient:
    """Google's client of another project on the same server."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", wire.server.host_port)
    return AsyncClient(project="other")


async def find(wire: Wire) -> list[str]:
    """The ids of the documents whose n is above zero, by their index."""
    return [name.rpartition("/")[2] for name in await wire.run_query(query(where=above(0)), None)]


async def test_one_database_is_cleared(wire: Wire, other: AsyncClient) -> None:
    """A named database has no documents, no index entries and takes new ones; the other database keeps its own."""
    await wire.commit(put("c/a", n=1), put("c/b", n=2), put("c/b/d/x", n=3))
    await other.document("c/kept").set({"n": 1})
    await wire.clear()
    assert await find(wire) == []
    await wire.commit(put("c/b", n=7))
    assert await find(wire) == ["b"]
    assert (await other.document("c/kept").get()).exists
    await wire.clear("")
    assert not (await other.document("c/kept").get()).exists
    assert await find(wire) == []


async def test_an_empty_server_is_cleared_as_well(wire: Wire) -> None:
    """A database that nothing was ever written to can be cleared, and so can a server without any."""
    await wire.clear(OTHER)
    await wire.clear("")
    await wire.commit(put("c/a", n=1))
    assert await find(wire) == ["a"]


async def test_listeners_are_told(wire: Wire) -> None:
    """A listener is told of all deletes as one commit, also one that was away and resumes."""
    await wire.commit(put("c/a", n=9), put("c/b", n=9))
    async with wire.listen() as stream:
        await stream.add_query(1, query(where=above(5)))
        await stream.snapshot()
        token = stream.resume_token
        await wire.clear()
        assert sorted(await stream.until("consistent")) == ["consistent", "delete c/a", "delete c/b"]
    async with wire.listen() as resumed:
        await resumed.add_query(1, query(where=above(5)), resume_token=token)
        assert sorted((await resumed.snapshot())[1:-2]) == ["delete c/a", "delete c/b"]


async def test_the_past_stays(wire: Wire) -> None:
    """A read at a time before the clear finds the documents of then."""
    await wire.commit(put("c/a", n=1))
    async with wire.listen() as stream:
        await stream.add_query(1, query())
        await stream.snapshot()
    await wire.clear()
    assert len(await wire.run_query(query(where=above(0)), stream.read_time)) == 1
    assert await find(wire) == []


async def test_an_open_transaction_ends(wire: Wire, other: AsyncClient) -> None:
    """A transaction that a test left open holds no lock afterwards, and its commit is refused and writes nothing."""
    await other.document("c/a").set({"n": 1})
    transaction = other.transaction()
    await transaction._begin()
    await other.document("c/a").get(transaction=transaction)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await wire.clear("")
    transaction.set(other.document("c/a"), {"n": 2})
    with pytest.raises(Exception, match="expired or is no longer valid"):
        await transaction._commit()
    assert not (await other.document("c/a").get()).exists


async def test_a_wrong_name_clears_nothing(wire: Wire) -> None:
    """A name that is no database's is refused with INVALID_ARGUMENT, and every document stays."""
    await wire.commit(put("c/a", n=1))
    for name in ("p", "projects/p", "projects/p/databases/(default)/documents"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await wire.clear(name)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await find(wire) == ["a"]


async def test_a_cleared_database_stays_so(tmp_path: Path) -> None:
    """After a restart, what was cleared is gone, and later commits are there."""
    async with open_wire(tmp_path) as wire:
        await wire.commit(put("c/a", n=1))
        await wire.clear()
        await wire.commit(put("c/b", n=1))
    async with open_wire(tmp_path) as wire:
        assert await find(wire) == ["b"]


async def test_a_failed_clear_leaves_everything(wire: Wire) -> None:
    """Where the disk refuses the deletion, every document and index entry stays, and the server goes on."""
    await wire.commit(put("c/a", n=1))
    assert wire.server._storage is not None
    connection = wire.server._storage._connection
    connection.execute("CREATE TRIGGER refuse BEFORE DELETE ON documents BEGIN SELECT RAISE(FAIL, 'no'); END")
    with pytest.raises(grpc.aio.AioRpcError):
        await wire.clear()
    assert await find(wire) == ["a"]
    connection.execute("DROP TRIGGER refuse")
    await wire.commit(put("c/b", n=1))
    assert sorted(await find(wire)) == ["a", "b"]


async def test_as_many_statements_for_many_documents_as_for_few(wire: Wire) -> None:
    """A reset takes as long a list of SQL statements for two hundred documents as for two: none is of one document."""
    assert wire.server._storage is not None
    counts = []
    for documents in (2, 200):
        await wire.commit(*(put(f"c/{number}", n=number) for number in range(documents)))
        statements: list[str] = []
        wire.server._storage._connection.set_trace_callback(statements.append)
        await wire.clear()
        wire.server._storage._connection.set_trace_callback(None)
        counts.append(len(statements))
        assert await find(wire) == []
    assert counts[0] == counts[1]
