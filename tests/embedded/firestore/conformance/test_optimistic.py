"""The guarantees of a transaction's reads in each mode, and of optimistic transactions: rules 35, 37 and 39."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.types import TransactionOptions

from tests.embedded.firestore.conformance.asker import Asker
from tests.embedded.firestore.conformance.place import ONCE, Place
from tests.embedded.firestore.conformance.rows import Create, Delete, Refused, Set, Update, scenario
from tests.embedded.firestore.conformance.transactions import (
    READ_ONLY,
    assert_waits,
    begin,
    beside,
    commit,
    query,
    read,
    rollback,
    setting,
)
from tests.patience import PATIENCE_SECONDS

OPTIMISTIC: dict[str, Any] = {"read_write": {"concurrency_mode": "OPTIMISTIC"}}
PESSIMISTIC: dict[str, Any] = {"read_write": {"concurrency_mode": "PESSIMISTIC"}}
ABORTED = Refused("ABORTED")
CLIENTS, INCREMENTS = 20, 3


def get_document(place: Place, transaction: bytes) -> Any:
    """The number in document b, by GetDocument."""
    return place.call("get_document", {"name": place.name("b"), "transaction": transaction}).fields["n"].integer_value


def batch_get(place: Place, transaction: bytes) -> Any:
    """The number in document b, by BatchGetDocuments."""
    return read(place, "b", transaction=transaction)["n"]


def run_query(place: Place, transaction: bytes) -> Any:
    """The last number of the collection, by RunQuery."""
    structured = place.structured({"order_by": [{"field": {"field_path": "__name__"}}]})
    request = {"parent": "{parent}", "structured_query": structured, "transaction": transaction}
    return [answer.document.fields["n"].integer_value for answer in place.call("run_query", request)][1]


def aggregate(place: Place, transaction: bytes) -> Any:
    """The sum of the numbers less that of document a, by RunAggregationQuery."""
    aggregation = {
        "structured_query": place.structured({}),
        "aggregations": [{"alias": "s", "sum": {"field": {"field_path": "n"}}}],
    }
    request = {"parent": "{parent}", "structured_aggregation_query": aggregation, "transaction": transaction}
    (answer,) = place.call("run_aggregation_query", request)
    return answer.result.aggregate_fields["s"].integer_value - 1


def list_documents(place: Place, transaction: bytes) -> Any:
    """The number in document b, by ListDocuments."""
    request = {"parent": "{parent}", "collection_id": "{collection}", "transaction": transaction}
    return place.call("list_documents", request).documents[1].fields["n"].integer_value


def list_with_missing(place: Place, transaction: bytes) -> Any:
    """The number in document b, by ListDocuments that shows missing ones."""
    request = {"parent": "{parent}", "collection_id": "{collection}", "transaction": transaction, "show_missing": True}
    return place.call("list_documents", request).documents[1].fields["n"].integer_value


METHODS: list[Callable[[Place, bytes], Any]] = [
    get_document,
    batch_get,
    run_query,
    aggregate,
    list_documents,
    list_with_missing,
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("options", "seen", "code"),
    [(OPTIMISTIC, 1, "ABORTED"), (READ_ONLY, 1, "OK"), (PESSIMISTIC, 2, "OK")],
    ids=["optimistic", "read-only", "pessimistic"],
)
@scenario(35, "D", "what is read second, and was changed since the first read")
def test_second_read(
    place: Place, method: Callable[[Place, bytes], Any], options: dict[str, Any], seen: int, code: str
) -> None:
    """An optimistic transaction sees its first moment, and cannot commit; a pessimistic one sees the change."""
    place.seed({"a": {"n": 1}, "b": {"n": 1}})
    transaction = begin(place, options)
    read(place, "a", transaction=transaction)
    place.commit([Update("b", {"n": 2})])
    assert method(place, transaction) == seen
    writes = [] if options is READ_ONLY else [setting(place, "c", n=1)]
    if code == "OK":
        commit(place, transaction, *writes)
        return
    with place.refused(ABORTED):
        commit(place, transaction, *writes)
    assert place.find_all() == ["a", "b"]


@scenario(35, "D", "an optimistic transaction is a snapshot as of its first read")
def test_snapshot(place: Place, asker: Asker) -> None:
    """Through both clients: what is written before the first read shows, what is written after it does not."""
    place.seed({"a": {"n": 1}, "b": {"n": 1}})
    transaction = asker.begin(place, **OPTIMISTIC)
    place.commit([Update("a", {"n": 2})])
    collection = asker.client.collection(place.collection_id)
    (first,) = asker.settle(asker.client.get_all([collection.document("a")], transaction=transaction, **ONCE))
    place.commit([Update("a", {"n": 3}), Delete("b"), Create("c", {})])
    second = asker.settle(collection.get(transaction=transaction, **ONCE))
    assert [(each.id, each.to_dict()) for each in second] == [("a", {"n": 2}), ("b", {"n": 1})]
    assert {each.read_time for each in second} == {first.read_time}
    transaction.set(collection.document("d"), {})
    with place.refused(ABORTED):
        asker.settle(transaction._commit())
    assert place.find_all() == ["a", "c"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ([Update("a", {"n": 2})], "ABORTED"),
        ([Delete("a")], "ABORTED"),
        ([Create("missing", {})], "ABORTED"),
        ([Create("found", {"n": 7})], "ABORTED"),
        ([Update("z", {"n": 7})], "ABORTED"),
        ([Create("other", {"n": 8})], "OK"),
        ([Update("z", {"n": 9})], "OK"),
        ([Set("a", {"n": 1})], "OK"),
    ],
    ids=["changed", "deleted", "created", "a result comes", "a result changes", "no result", "none again", "same"],
)
@scenario(35, "D", "an optimistic transaction commits unless what it has read has changed")
def test_conflicts(place: Place, change: list[Any], code: str) -> None:
    """It has read two documents, one of them missing, and a query for sevens; a writer never waits for it."""
    place.seed({"a": {"n": 1}, "z": {"n": 8}})
    transaction = begin(place, OPTIMISTIC)
    read(place, "a", transaction=transaction)
    read(place, "missing", transaction=transaction)
    sevens = {"field_filter": {"field": {"field_path": "n"}, "op": "EQUAL", "value": {"integer_value": 7}}}
    assert query(place, sevens, transaction=transaction) == []
    place.commit(change)
    if code == "OK":
        commit(place, transaction, setting(place, "done", n=1))
    else:
        with place.refused(ABORTED):
            commit(place, transaction, setting(place, "done", n=1))
    assert (place.read("done") is not None) == (code == "OK")


@scenario(35, "D", "an optimistic transaction locks nothing")
def test_first_committer_wins(place: Place) -> None:
    """Of two that have read and write one document, the first to commit does, and the other is ABORTED."""
    place.seed({"doc": {"n": 0}})
    first, second = begin(place, OPTIMISTIC), begin(place, OPTIMISTIC)
    for each in (first, second):
        read(place, "doc", transaction=each)
    commit(place, second, setting(place, "doc", n=2))
    with place.refused(ABORTED):
        commit(place, first, setting(place, "doc", n=1))
    assert place.read("doc") == {"n": 2}


@scenario(37, "D", "a retried optimistic transaction has priority")
def test_retry(place: Place) -> None:
    """It holds what its first attempt had read before it reads anything: a writer waits for it, and it commits."""
    place.seed({"a": {"n": 0}, "b": {"n": 0}})
    transaction = begin(place, OPTIMISTIC)
    read(place, "a", transaction=transaction)
    read(place, "b", transaction=transaction)
    place.commit([Update("b", {"n": 1})])
    with place.refused(ABORTED):
        commit(place, transaction, setting(place, "a", n=5))
    rollback(place, transaction)
    again = begin(place, {"read_write": {"concurrency_mode": "OPTIMISTIC", "retry_transaction": transaction}})
    assert read(place, "a", transaction=again) == {"n": 0}
    with beside(lambda: place.ref("b").set({"n": 2}, **ONCE)) as (writing,):
        assert_waits(writing)
        assert read(place, "b", transaction=again) == {"n": 1}
        commit(place, again, setting(place, "a", n=5))
        writing.result(PATIENCE_SECONDS)
    assert place.content() == {"a": {"n": "int 5"}, "b": {"n": "int 2"}}


class _Optimistic:
    """Asks for the optimistic mode, for which the client's own transaction has no argument."""

    def _options_protobuf(self, retry_id: bytes | None) -> TransactionOptions:
        options = super()._options_protobuf(retry_id) or TransactionOptions(read_write={})  # type: ignore[misc]
        options.read_write.concurrency_mode = TransactionOptions.ConcurrencyMode.OPTIMISTIC
        return TransactionOptions(options)


class OptimisticTransaction(_Optimistic, firestore.Transaction):
    """Of the client that blocks."""


class ForgetfulTransaction(OptimisticTransaction):
    """Does not say which transaction it retries."""

    def _options_protobuf(self, retry_id: bytes | None) -> TransactionOptions:
        del retry_id
        return super()._options_protobuf(None)


class AsyncOptimisticTransaction(_Optimistic, firestore.AsyncTransaction):
    """Of the client that is awaited."""


def increment(transaction: firestore.Transaction, ref: firestore.DocumentReference) -> None:
    """A read-modify-write."""
    (snapshot,) = transaction.get(ref)
    transaction.set(ref, {"n": (snapshot.to_dict() or {"n": 0})["n"] + 1})


async def increment_async(transaction: firestore.AsyncTransaction, ref: firestore.AsyncDocumentReference) -> None:
    """A read-modify-write."""
    snapshot = await ref.get(transaction=transaction)
    transaction.set(ref, {"n": (snapshot.to_dict() or {"n": 0})["n"] + 1})


@pytest.mark.parametrize(
    ("transaction_class", "is_shared"),
    [(OptimisticTransaction, False), (OptimisticTransaction, True), (ForgetfulTransaction, False)],
    ids=["functions of their own", "one function", "no retry_transaction"],
)
@scenario(37, "C", "20 clients increment one document in optimistic transactions")
def test_increments(place: Place, transaction_class: type[firestore.Transaction], *, is_shared: bool) -> None:
    """All come through within the client's five attempts, also where it mixes up its retries, or does not tell."""
    shared = firestore.transactional(increment)

    def work() -> None:
        for _ in range(INCREMENTS):
            run = shared if is_shared else firestore.transactional(increment)
            run(transaction_class(place.client), place.ref("doc"))

    with beside(*[work] * CLIENTS) as workers:
        for worker in workers:
            worker.result(PATIENCE_SECONDS)
    assert place.read("doc") == {"n": CLIENTS * INCREMENTS}


@pytest.mark.parametrize("asker", ["async"], indirect=True)
@pytest.mark.parametrize("is_shared", [False, True], ids=["functions of their own", "one function"])
@scenario(37, "C", "20 tasks increment one document in optimistic transactions")
def test_increments_of_tasks(place: Place, asker: Asker, *, is_shared: bool) -> None:
    """As with threads, through the client that is awaited."""
    shared = firestore.async_transactional(increment_async)
    ref = asker.client.document(f"{place.collection_id}/doc")

    async def work() -> None:
        for _ in range(INCREMENTS):
            run = shared if is_shared else firestore.async_transactional(increment_async)
            await run(AsyncOptimisticTransaction(asker.client), ref)

    async def work_all() -> None:
        await asyncio.gather(*(work() for _ in range(CLIENTS)))

    asker.settle(work_all())
    assert place.read("doc") == {"n": CLIENTS * INCREMENTS}
