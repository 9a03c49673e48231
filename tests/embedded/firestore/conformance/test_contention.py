"""Clients that read the same documents crosswise: each comes through within its client's five attempts, rule 37."""

import random
from typing import Any

import pytest
from google.cloud import firestore

from tests.embedded.firestore.conformance.place import ONCE, Place
from tests.embedded.firestore.conformance.rows import scenario
from tests.embedded.firestore.conformance.test_optimistic import ABORTED, OptimisticTransaction
from tests.embedded.firestore.conformance.transactions import (
    assert_waits,
    begin,
    beside,
    commit,
    read,
    rollback,
    setting,
)
from tests.patience import PATIENCE_SECONDS

CLIENTS, TRANSFERS = 20, 2
MODES = pytest.mark.parametrize(
    "transaction_class", [firestore.Transaction, OptimisticTransaction], ids=["pessimistic", "optimistic"]
)


def transfer(transaction: firestore.Transaction, giver: Any, taker: Any) -> None:
    """Moves one from a document to another; reads them one by one."""
    (given,) = transaction.get(giver)
    (taken,) = transaction.get(taker)
    transaction.update(giver, {"n": given.get("n") - 1})
    transaction.update(taker, {"n": taken.get("n") + 1})


def transfer_at_once(transaction: firestore.Transaction, giver: Any, taker: Any) -> None:
    """Moves one from a document to another; reads both in one request."""
    found = {each.id: each.get("n") for each in transaction.get_all([giver, taker])}
    transaction.update(giver, {"n": found[giver.id] - 1})
    transaction.update(taker, {"n": found[taker.id] + 1})


def pass_on(transaction: firestore.Transaction, giver: Any, taker: Any) -> None:
    """Reads one document and writes both, one of them unread."""
    (given,) = transaction.get(giver)
    transaction.update(giver, {"n": given.get("n") - 1})
    transaction.update(taker, {"n": firestore.Increment(1)})


def run_all(place: Place, act: Any, transaction_class: type[firestore.Transaction], documents: int) -> None:
    """All clients transfer at once between documents that they choose; the sum stays."""
    place.seed({str(each): {"n": 100} for each in range(documents)})

    def work(client: int) -> None:
        dice = random.Random(client)  # noqa: S311 - an order of reads
        for _ in range(TRANSFERS):
            giver, taker = dice.sample(range(documents), 2)
            run = firestore.transactional(act)
            run(transaction_class(place.client), place.ref(str(giver)), place.ref(str(taker)))

    with beside(*(lambda client=client: work(client) for client in range(CLIENTS))) as workers:
        failures = [error for worker in workers if (error := worker.exception(PATIENCE_SECONDS))]
    assert failures == []
    assert sum(each.get("n") for each in place.collection.get()) == documents * 100


@pytest.mark.parametrize(
    ("act", "documents"),
    [(transfer, 2), (transfer, 4), (transfer_at_once, 2), (pass_on, 2)],
    ids=["one by one, two", "one by one, four", "at once", "unread"],
)
@MODES
@scenario(37, "C", "20 clients transfer crosswise between documents")
def test_transfers(place: Place, act: Any, documents: int, transaction_class: type[firestore.Transaction]) -> None:
    """A retry holds all that any attempt before it has asked for, in the one order that all retries keep to."""
    run_all(place, act, transaction_class, documents)


@pytest.mark.parametrize("names_last", [False, True], ids=["python names the first", "node names the last"])
@pytest.mark.parametrize("mode", ["PESSIMISTIC", "OPTIMISTIC"])
@scenario(37, "C", "the third attempt holds what each of the two before it had asked for")
def test_third_attempt(place: Place, mode: str, *, names_last: bool) -> None:
    """The first has read a and b; the second a, and z in vain; the third reads c, and the writers of b and z wait."""
    place.seed({each: {"n": 0} for each in "abcz"})

    def retry(transaction: bytes) -> bytes:
        return begin(place, {"read_write": {"concurrency_mode": mode, "retry_transaction": transaction}})

    oldest = begin(place)
    rollback(place, oldest)
    first = begin(place, {"read_write": {"concurrency_mode": mode}})
    read(place, "a", transaction=first)
    read(place, "b", transaction=first)
    commit(place, retry(oldest), setting(place, "b", n=1))
    with place.refused(ABORTED):
        commit(place, first, setting(place, "a", n=5))
    second, older = retry(first), retry(oldest)
    read(place, "a", transaction=second)
    read(place, "z", transaction=older)
    with beside(lambda: read(place, "a", transaction=older)) as (waiting,):
        read(place, "z", transaction=second)
        waiting.result(PATIENCE_SECONDS)
    with place.refused(ABORTED):
        commit(place, second, setting(place, "a", n=5))
    rollback(place, older)
    third = retry(second if names_last else first)
    read(place, "c", transaction=third)
    writes = (lambda each=each: place.ref(each).set({"n": 2}, **ONCE) for each in "bz")
    with beside(*writes) as writers:
        for writer in writers:
            assert_waits(writer)
        commit(place, third, setting(place, "a", n=5))
        for writer in writers:
            writer.result(PATIENCE_SECONDS)
    assert place.content() == {key: {"n": f"int {n}"} for key, n in {"a": 5, "b": 2, "c": 0, "z": 2}.items()}
