"""The database's files shrink while the server runs."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient

from embedded.firestore.model.errors import UnavailableError
from embedded.firestore.rpc import handlers
from embedded.firestore.server import FirestoreServer
from embedded.firestore.store import file_size, storage
from embedded.firestore.store.sqlite_schema import migrate
from tests.embedded.firestore.raw import SERVICE, message
from tests.patience import PATIENCE_SECONDS

KIB = 1024
TEXT = "x" * 500 * KIB


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FirestoreServer]:
    """A server within this process, which looks after its files all the time."""
    monkeypatch.setattr(storage, "PRUNE_SECONDS", 0.02)
    monkeypatch.setattr(storage, "LOG_SECONDS", 0.02)
    server = FirestoreServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def client(server: FirestoreServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[AsyncClient]:
    """A client of the server."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    client = AsyncClient(project="size", credentials=AnonymousCredentials())
    yield client
    client.close()


async def wait_for_log(file: Path, *, below_bytes: int) -> None:
    """The log has become smaller than that."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while file_size.read_log_bytes(file) >= below_bytes:  # noqa: ASYNC110 - the server is not to be told
            await asyncio.sleep(0.01)


async def test_log_is_emptied_when_nobody_writes(client: AsyncClient, tmp_path: Path) -> None:
    """The writes are in the file then, and still there."""
    await client.document("c/d").set({"text": TEXT})
    await wait_for_log(tmp_path / storage.FILE_NAME, below_bytes=1)
    assert (tmp_path / storage.FILE_NAME).stat().st_size > len(TEXT)
    assert (await client.document("c/d").get()).get("text") == TEXT


@pytest.mark.parametrize(("read_seconds", "max_reads"), [(0, 20_000), (0.3, 300)])
async def test_log_is_emptied_while_others_read_and_write(
    server: FirestoreServer,
    client: AsyncClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_seconds: float,
    max_reads: int,
) -> None:
    """Reads overlap at all times, and each takes longer than commits wait; now and then there is a moment without any.

    Three times in a row: once may be luck.
    """
    monkeypatch.setattr(file_size, "MAX_LOG_BYTES", 1024 * KIB)
    file, truncate_log = tmp_path / storage.FILE_NAME, file_size.truncate_log
    assert read_seconds == 0 or read_seconds > file_size.LOG_WAIT_SECONDS
    is_over, emptied_count, reads_count = asyncio.Event(), 0, 0

    def watch(connection: sqlite3.Connection, wait_seconds: float) -> None:
        nonlocal emptied_count
        truncate_log(connection, wait_seconds)
        if wait_seconds and not file_size.read_log_bytes(file):  # it waits only where others have just written
            emptied_count += 1

    async def write() -> None:
        while not is_over.is_set():
            await client.document("c/d").set({"text": TEXT, "n": asyncio.get_running_loop().time()})

    async def read(delay_seconds: float) -> None:
        nonlocal reads_count
        await asyncio.sleep(delay_seconds)
        while not is_over.is_set():
            assert server._storage is not None
            async with server._storage.snapshot():
                await asyncio.sleep(read_seconds)
            await client.document("c/d").get()
            reads_count += 1

    monkeypatch.setattr(file_size, "truncate_log", watch)
    work = asyncio.gather(write(), write(), *(read(at * read_seconds / 4) for at in range(4)))
    while emptied_count < 3 and reads_count < max_reads:  # noqa: ASYNC110 - the server is not to be told
        await asyncio.sleep(0.01)
    is_over.set()
    await work
    assert emptied_count >= 3


async def test_file_gives_back_what_was_deleted(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the versions of the past are forgotten, at most a quarter or 4 MB is free, and the rest whole."""
    file = tmp_path / storage.FILE_NAME
    for number in range(30):
        await client.document(f"c/{number}").set({"text": TEXT})
    await wait_for_log(file, below_bytes=1)
    largest_bytes = file.stat().st_size
    assert largest_bytes > 30 * len(TEXT)
    for number in range(1, 30):
        await client.document(f"c/{number}").delete()
    monkeypatch.setattr(storage, "HISTORY_MICROS", 0)
    bound_bytes = (file_size.MIN_FREE_PAGES + 1) * file_size.PAGE_BYTES + 4 * len(TEXT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while file.stat().st_size > bound_bytes:  # noqa: ASYNC110 - the server is not to be told
            await asyncio.sleep(0.01)
    assert (await client.document("c/0").get()).get("text") == TEXT
    assert [snapshot.id for snapshot in await client.collection("c").get()] == ["0"]


async def test_file_of_an_older_version_can_shrink(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written anew at the next start, which says so, and not at the one after that."""
    old = sqlite3.connect(tmp_path / storage.FILE_NAME)
    old.execute("PRAGMA page_size = 16384")
    old.execute("PRAGMA journal_mode = WAL")
    old.close()
    old = sqlite3.connect(tmp_path / storage.FILE_NAME)
    migrate(old)
    old.close()
    for said in (1, 0):
        opened = storage.Storage.open(tmp_path)
        opened.start()
        await opened.close()
        assert capsys.readouterr().err.count("anew") == said
    file = sqlite3.connect(tmp_path / storage.FILE_NAME)
    assert file.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()


async def read_all(call: Any) -> None:
    """Takes the answers that are left."""
    async for _ in call:
        pass


async def test_read_that_nobody_takes_is_ended(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query whose client reads one answer and no more is UNAVAILABLE after a while; other reads go on."""
    for number in range(30):
        await client.document(f"c/{number}").set({"text": TEXT})
    monkeypatch.setattr(handlers, "STALL_SECONDS", 0.3)
    has_given_up = asyncio.Event()

    def give_up(text: str) -> UnavailableError:
        has_given_up.set()
        return UnavailableError(text)

    monkeypatch.setattr(handlers, "UnavailableError", give_up)
    channel: Any
    async with grpc.aio.insecure_channel(str(client._emulator_host)) as channel:
        call = channel.unary_stream(f"/{SERVICE}/RunQuery")(
            message("RunQueryRequest")(
                parent=f"{client._database_string}/documents", structured_query={"from_": [{"collection_id": "c"}]}
            ).SerializeToString()
        )
        await anext(aiter(call))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await has_given_up.wait()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await read_all(call)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(await client.collection("c").get()) == 30
