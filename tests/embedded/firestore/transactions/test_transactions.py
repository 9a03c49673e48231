"""Transactions through the real client."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Aborted
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore import AsyncClient, AsyncDocumentReference, AsyncTransaction
from google.cloud.firestore_v1.types import TransactionOptions

from embedded.firestore.server import FirestoreServer
from tests.patience import PATIENCE_SECONDS


async def test_concurrent_increments_lose_nothing(firestore_client: AsyncClient) -> None:
    """Concurrent transactions that increment one counter lose no increment."""
    counter = firestore_client.document("c/counter")
    await counter.set({"n": 0})

    @firestore.async_transactional
    async def increment(transaction: AsyncTransaction, reference: AsyncDocumentReference) -> None:
        snapshot = await reference.get(transaction=transaction)
        await asyncio.sleep(0.005)
        transaction.update(reference, {"n": snapshot.get("n") + 1})

    async def work() -> None:
        for _ in range(5):
            await increment(firestore_client.transaction(), counter)

    await asyncio.gather(*(work() for _ in range(20)))
    assert (await counter.get()).to_dict() == {"n": 100}


async def test_two_readers_of_one_document_cannot_both_write_it(firestore_client: AsyncClient) -> None:
    """One of them is aborted and retried: three attempts in all."""
    reference = firestore_client.document("c/d")
    attempts = 0
    both_have_read = asyncio.Barrier(2)

    async def append(name: str) -> None:
        @firestore.async_transactional
        async def run(transaction: AsyncTransaction) -> None:
            nonlocal attempts
            attempts += 1
            await reference.get(transaction=transaction)
            if attempts <= 2:
                await both_have_read.wait()
            transaction.set(reference, {name: True}, merge=True)

        await run(firestore_client.transaction())

    await asyncio.gather(append("first"), append("second"))
    assert (await reference.get()).to_dict() == {"first": True, "second": True}
    assert attempts == 3


async def test_what_a_query_found_in_a_transaction_stays_true(firestore_client: AsyncClient) -> None:
    """Five transactions each add a member only if they count fewer than three."""
    members = firestore_client.collection("members")

    async def join(name: str) -> None:
        @firestore.async_transactional
        async def run(transaction: AsyncTransaction) -> None:
            found = [snapshot async for snapshot in members.order_by("name").stream(transaction=transaction)]
            await asyncio.sleep(0.005)
            if len(found) < 3:
                transaction.create(members.document(name), {"name": name})

        await run(firestore_client.transaction())

    await asyncio.gather(*(join(f"m{number}") for number in range(5)))
    assert len(await members.get()) == 3


async def test_a_read_only_transaction_sees_one_moment(firestore_client: AsyncClient) -> None:
    """A read-only transaction reads the state of its beginning, though the document has changed since."""
    reference = firestore_client.document("c/d")
    await reference.set({"n": 1})
    transaction = firestore_client.transaction(read_only=True)
    await transaction._begin()
    await reference.set({"n": 2})
    assert (await reference.get(transaction=transaction)).to_dict() == {"n": 1}
    await transaction._rollback()


async def test_an_error_in_the_body_changes_nothing(firestore_client: AsyncClient) -> None:
    """A transaction whose body raises an error writes nothing."""
    reference = firestore_client.document("c/d")

    @firestore.async_transactional
    async def fail(transaction: AsyncTransaction) -> None:
        transaction.set(reference, {"n": 1})
        raise LookupError

    with pytest.raises(LookupError):
        await fail(firestore_client.transaction())
    assert not (await reference.get()).exists


async def overtake(client: AsyncClient, seconds: float, **mode: Any) -> list[str]:
    """Begins a transaction, reads, has others write that, and commits then or after the seconds: who came through."""
    reference = client.document("c/d")
    await reference.set({"n": 0})
    api, database = client._firestore_api, client._database_string
    begun = await api.begin_transaction(request={"database": database, "options": {"read_write": mode}})
    found = await api.batch_get_documents(
        request={"database": database, "documents": [reference._document_path], "transaction": begun.transaction}
    )
    assert [answer.found.fields["n"].integer_value async for answer in found] == [0]
    writing = asyncio.create_task(reference.set({"n": 1}))
    done, _ = await asyncio.wait([writing], timeout=seconds)
    update = {"update": {"name": reference._document_path, "fields": {"n": {"integer_value": 2}}}}
    came_through = ["writer"] if done else []
    try:
        await api.commit(
            request={"database": database, "transaction": begun.transaction, "writes": [update]}, retry=None
        )
        came_through.append("transaction")
    except Aborted:
        came_through.append("aborted")
    await writing
    return came_through


async def test_a_pessimistic_transaction_makes_writers_wait(firestore_client: AsyncClient) -> None:
    """A write beside a pessimistic transaction waits for its end."""
    assert await overtake(firestore_client, 0.3) == ["transaction"]


async def test_an_optimistic_transaction_is_aborted_instead(firestore_client: AsyncClient) -> None:
    """A write beside an optimistic transaction goes first, and the transaction is aborted."""
    mode = TransactionOptions.ConcurrencyMode.OPTIMISTIC
    assert await overtake(firestore_client, PATIENCE_SECONDS, concurrency_mode=mode) == ["writer", "aborted"]


async def test_optimistic_can_be_the_servers_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server started as optimistic aborts a transaction that was overtaken."""
    server = FirestoreServer(tmp_path, is_optimistic=True)
    await server.start()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    client = AsyncClient(project="optimistic", credentials=AnonymousCredentials())
    try:
        assert await overtake(client, PATIENCE_SECONDS) == ["writer", "aborted"]
    finally:
        client.close()
        await server.stop()
