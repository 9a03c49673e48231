"""Many clients at once on few documents: nothing is lost, nobody starves, and no two wait for each other for ever.

CLIPGRAPH_CONTENTION_CLIENTS=50 asks for that many clients, of 20 increments each.
"""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore import AsyncClient, AsyncTransaction, FieldFilter

from tests.embedded.firestore.effort import effort, is_full, tell, timeout

pytestmark = pytest.mark.prove

CLIENTS = effort("CONTENTION_CLIENTS", 12)
INCREMENTS = 20 if is_full("CONTENTION_CLIENTS") else 5
WORK_SECONDS = 0.005
ACCOUNTS = 6
BALANCE = 100


@pytest.fixture
async def clients(firestore_client: AsyncClient) -> AsyncIterator[list[AsyncClient]]:
    """Clients of one database, each with a connection of its own."""
    made = [AsyncClient(project=firestore_client.project, credentials=AnonymousCredentials()) for _ in range(CLIENTS)]
    yield made
    for client in made:
        client.close()


async def _increment(client: AsyncClient) -> None:
    """Increments the counter in a transaction that takes its time."""
    counter = client.document("c/counter")

    @firestore.async_transactional
    async def run(transaction: AsyncTransaction) -> None:
        snapshot = await counter.get(transaction=transaction)
        await asyncio.sleep(WORK_SECONDS)
        transaction.update(counter, {"n": snapshot.get("n") + 1})

    await run(client.transaction())


@timeout("CONTENTION_CLIENTS")
async def test_every_increment_of_every_client_counts(
    clients: list[AsyncClient], request: pytest.FixtureRequest
) -> None:
    """All succeed, though the clients try no more than five times."""
    await clients[0].document("c/counter").set({"n": 0})

    async def work(client: AsyncClient) -> None:
        for _ in range(INCREMENTS):
            await _increment(client)

    await asyncio.gather(*map(work, clients))
    total = (await clients[0].document("c/counter").get()).get("n")
    assert total == CLIENTS * INCREMENTS
    tell(request, f"{CLIENTS} clients, {total} increments")


async def _transfer(client: AsyncClient, giver: str, taker: str) -> None:
    """Moves money between two accounts, as far as there is some."""
    accounts = client.collection("accounts")

    @firestore.async_transactional
    async def run(transaction: AsyncTransaction) -> None:
        first = await accounts.document(giver).get(transaction=transaction)
        await asyncio.sleep(0)
        second = await accounts.document(taker).get(transaction=transaction)
        amount = min(7, first.get("balance"))
        transaction.update(accounts.document(giver), {"balance": first.get("balance") - amount})
        transaction.update(accounts.document(taker), {"balance": second.get("balance") + amount})

    await run(client.transaction())


async def _sum_balances(client: AsyncClient, transaction: AsyncTransaction | None = None) -> int:
    query = client.collection("accounts").order_by("balance")
    return sum([snapshot.get("balance") async for snapshot in query.stream(transaction=transaction)])


async def test_money_is_neither_made_nor_lost(clients: list[AsyncClient]) -> None:
    """Transfers cross each other, and whoever looks at all accounts at once sees the same total."""
    batch = clients[0].batch()
    for n in range(ACCOUNTS):
        batch.set(clients[0].document(f"accounts/{n}"), {"balance": BALANCE})
    await batch.commit()
    dice = random.Random(7)  # noqa: S311 - a choice of accounts
    is_done = asyncio.Event()

    async def work(client: AsyncClient) -> None:
        for _ in range(INCREMENTS):
            giver, taker = dice.sample(range(ACCOUNTS), 2)
            await _transfer(client, str(giver), str(taker))

    async def watch(client: AsyncClient) -> int:
        looks = 0
        while not is_done.is_set():
            assert await _sum_balances(client) == ACCOUNTS * BALANCE
            reading = client.transaction(read_only=True)
            await reading._begin()
            assert await _sum_balances(client, reading) == ACCOUNTS * BALANCE
            await reading._rollback()
            looks += 1
        return looks

    watching = asyncio.create_task(watch(clients[0]))
    await asyncio.gather(*map(work, clients[1:9]))
    is_done.set()
    assert await watching > 0
    assert await _sum_balances(clients[0]) == ACCOUNTS * BALANCE


async def test_a_rule_over_several_documents_holds(clients: list[AsyncClient]) -> None:
    """Of two who are on call, one may leave if the other stays: each asks by a query, and both want to go."""
    for turn in range(4):
        people = clients[0].collection(f"people{turn}")
        await people.document("a").set({"on_call": True})
        await people.document("b").set({"on_call": True})
        await asyncio.gather(_leave(clients[0], people.id, "a"), _leave(clients[1], people.id, "b"))
        left = [snapshot.id async for snapshot in people.where(filter=FieldFilter("on_call", "==", True)).stream()]
        assert len(left) == 1


async def _leave(client: AsyncClient, collection: str, name: str) -> None:
    people = client.collection(collection)

    @firestore.async_transactional
    async def run(transaction: AsyncTransaction) -> None:
        query = people.where(filter=FieldFilter("on_call", "==", True))
        on_call = [snapshot.id async for snapshot in query.stream(transaction=transaction)]
        await asyncio.sleep(WORK_SECONDS)
        if len(on_call) > 1:
            transaction.update(people.document(name), {"on_call": False})

    await run(client.transaction())
