"""Transactions through the real client."""

import asyncio

import pytest
from google.cloud import firestore
from google.cloud.firestore import AsyncClient, AsyncDocumentReference, AsyncTransaction


async def test_concurrent_increments_lose_nothing(firestore_client: AsyncClient) -> None:
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
    reference = firestore_client.document("c/d")
    await reference.set({"n": 1})
    transaction = firestore_client.transaction(read_only=True)
    await transaction._begin()
    await reference.set({"n": 2})
    assert (await reference.get(transaction=transaction)).to_dict() == {"n": 1}
    await transaction._rollback()


async def test_an_error_in_the_body_changes_nothing(firestore_client: AsyncClient) -> None:
    reference = firestore_client.document("c/d")

    @firestore.async_transactional
    async def fail(transaction: AsyncTransaction) -> None:
        transaction.set(reference, {"n": 1})
        raise LookupError

    with pytest.raises(LookupError):
        await fail(firestore_client.transaction())
    assert not (await reference.get()).exists
