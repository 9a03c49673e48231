"""Chapter "Transactions" of firestore.md: rules 35 to 39."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import firestore

from tests.embedded.firestore.conformance.place import ONCE, Place
from tests.embedded.firestore.conformance.rows import INVALID, Delete, Refused, Set, Update, scenario
from tests.embedded.firestore.conformance.transactions import (
    READ_ONLY,
    assert_waits,
    begin,
    beside,
    commit,
    outcome,
    query,
    read,
    rollback,
    setting,
)
from tests.patience import PATIENCE_SECONDS

Writer = Callable[[Place], Any]

ONE_AT_MOST = (["ABORTED", "OK"], ["ABORTED", "ABORTED"])


def assert_locked(place: Place, transaction: bytes, write: Writer, *, after: dict[str, Any] | None) -> None:
    """The write waits until the transaction has committed, and then stands over what the transaction wrote."""
    with beside(lambda: write(place)) as (writing,):
        assert_waits(writing)
        committed = commit(place, transaction, setting(place, "doc", by="transaction"))
        writing.result(PATIENCE_SECONDS)
    assert place.read("doc") == after
    if after is not None:
        assert place.ref("doc").get().update_time > committed.commit_time


def set_doc(place: Place) -> None:
    """A write outside of any transaction."""
    place.ref("doc").set({"by": "writer"}, **ONCE)


@scenario(35, "D", "a writer waits for a transaction that has read the document")
def test_read_locks(place: Place) -> None:
    """The write comes after the commit, though it was sent before."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    assert read(place, "doc", transaction=transaction) == {"n": 1}
    assert_locked(place, transaction, set_doc, after={"by": "writer"})


@scenario(35, "D", "a delete waits too")
def test_delete_waits(place: Place) -> None:
    """The document is gone in the end, because the delete came last."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    read(place, "doc", transaction=transaction)
    assert_locked(place, transaction, lambda place: place.ref("doc").delete(**ONCE), after=None)


@scenario(35, "D", "a missing document that was read is locked")
def test_missing_locks(place: Place) -> None:
    """No other writer creates the document between the read and the commit."""
    transaction = begin(place)
    assert read(place, "doc", transaction=transaction) is None
    assert_locked(place, transaction, set_doc, after={"by": "writer"})


@scenario(35, "D", "the documents that a query found are locked")
def test_query_locks(place: Place) -> None:
    """A write on one of them waits."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    assert query(place, transaction=transaction) == ["doc"]
    assert_locked(place, transaction, set_doc, after={"by": "writer"})


@scenario(35, "D", "a document that a query would have found cannot appear")
def test_phantom(place: Place) -> None:
    """A document committed after the query and before its transaction is not in the query's result (no phantom)."""
    place.seed({"a": {"n": 1}})
    transaction = begin(place)
    assert query(place, transaction=transaction) == ["a"]
    with beside(lambda: place.ref("b").set({"n": 1}, **ONCE)) as (writing,):
        assert_waits(writing)
        committed = commit(place, transaction, setting(place, "total", n=1))
        writing.result(PATIENCE_SECONDS)
    assert place.ref("b").get().update_time > committed.commit_time


@scenario(35, "D", "a rollback lets the writer go on")
def test_rollback_unlocks(place: Place) -> None:
    """The write is done as soon as the transaction is given up."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    read(place, "doc", transaction=transaction)
    with beside(lambda: set_doc(place)) as (writing,):
        assert_waits(writing)
        rollback(place, transaction)
        writing.result(PATIENCE_SECONDS)
    assert place.read("doc") == {"by": "writer"}


@scenario(35, "D", "a plain reader does not wait")
def test_plain_reader(place: Place) -> None:
    """While the document is locked, a get and a query answer its committed state."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    read(place, "doc", transaction=transaction)
    assert place.read("doc") == {"n": 1}
    assert place.find_all() == ["doc"]
    rollback(place, transaction)


@scenario(35, "D", "other documents are free")
def test_other_documents(place: Place) -> None:
    """A write on a document that no transaction has read does not wait."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    read(place, "doc", transaction=transaction)
    place.ref("other").set({"n": 2}, **ONCE)
    commit(place, transaction, setting(place, "doc", n=2))
    assert (place.read("doc"), place.read("other")) == ({"n": 2}, {"n": 2})


@scenario(35, "D", "contention on one document ends in ABORTED")
def test_contention(place: Place) -> None:
    """Both have read before either commits: at most one commits, the other is ABORTED, and no update is lost."""
    place.seed({"doc": {"n": 0}})
    transactions = [begin(place), begin(place)]
    seen = [read(place, "doc", transaction=each)["n"] for each in transactions]
    writes = [setting(place, "doc", n=seen[index] + 1, by=index) for index in (0, 1)]
    with beside(*(lambda i=i: commit(place, transactions[i], writes[i]) for i in (0, 1))) as commits:
        outcomes = [outcome(each) for each in commits]
    assert sorted(outcomes) in ONE_AT_MOST
    assert place.read("doc") == ({"n": 1, "by": outcomes.index("OK")} if "OK" in outcomes else {"n": 0})


@scenario(35, "D", "write skew is not possible")
def test_write_skew(place: Place) -> None:
    """Two transactions read two documents and each writes another one: they do not both commit on what they saw."""
    place.seed({"a": {"on": True}, "b": {"on": True}})
    transactions = [begin(place), begin(place)]
    for each in transactions:
        assert (read(place, "a", transaction=each), read(place, "b", transaction=each)) == ({"on": True}, {"on": True})
    targets = ["a", "b"]
    acts = [lambda i=i: commit(place, transactions[i], setting(place, targets[i], on=False)) for i in (0, 1)]
    with beside(*acts) as commits:
        outcomes = [outcome(each) for each in commits]
    assert sorted(outcomes) in ONE_AT_MOST
    assert [place.read(target)["on"] for target in targets] == [each != "OK" for each in outcomes]


@scenario(36, "C", "writes of a transaction are seen only after its commit")
def test_buffered(place: Place) -> None:
    """The client buffers them; all of them are there at one time after the commit."""
    transaction = place.client.transaction()
    transaction._begin()
    transaction.set(place.ref("a"), {"n": 1})
    transaction.create(place.ref("b"), {"n": 2})
    assert place.find_all() == []
    results = transaction._commit()
    assert len(results) == 2
    assert {snapshot.update_time for snapshot in place.collection.get()} == {transaction.commit_time}


@scenario(36, "C", "a transaction whose write is refused has done nothing")
def test_refused_commit(place: Place) -> None:
    """The refusal is the write's own, and the documents are free again."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    read(place, "doc", transaction=transaction)
    create = {**setting(place, "doc", n=3), "current_document": {"exists": False}}
    with place.refused(Refused("ALREADY_EXISTS")):
        commit(place, transaction, setting(place, "other", n=2), create)
    rollback(place, transaction)
    place.commit([Set("doc", {"n": 4})])
    assert place.content() == {"doc": {"n": "int 4"}}


@scenario(36, "C", "a transaction cannot be used after its commit")
def test_after_commit(place: Place) -> None:
    """A second commit, or a read, in it is the caller's mistake, and does nothing."""
    transaction = begin(place)
    commit(place, transaction, setting(place, "doc", n=1))
    with place.refused(INVALID):
        read(place, "doc", transaction=transaction)
    with place.refused(INVALID):
        commit(place, transaction, setting(place, "doc", n=2))
    assert place.read("doc") == {"n": 1}


@scenario(36, "C", "a transaction cannot be used after its rollback")
def test_after_rollback(place: Place) -> None:
    """A commit in it is the caller's mistake, and does nothing."""
    transaction = begin(place)
    rollback(place, transaction)
    with place.refused(INVALID):
        commit(place, transaction, setting(place, "doc", n=1))
    assert place.read("doc") is None


@scenario(36, "P", "a read that begins a transaction answers its id first")
def test_new_transaction(place: Place) -> None:
    """As Node's client does it: BatchGetDocuments and RunQuery with new_transaction; both lock what they read."""
    place.seed({"doc": {"n": 1}})
    got = place.call(
        "batch_get_documents",
        {"database": "{database}", "documents": ["{doc}"], "new_transaction": {"read_write": {}}},
    )
    assert got[0].transaction
    assert_locked(place, got[0].transaction, set_doc, after={"by": "writer"})
    place.seed({"doc": {"n": 2}})
    found = place.call(
        "run_query",
        {"parent": "{parent}", "structured_query": place.structured({}), "new_transaction": {"read_write": {}}},
    )
    assert found[0].transaction
    assert not any(answer.transaction for answer in found[1:])
    assert_locked(place, found[0].transaction, set_doc, after={"by": "writer"})


@firestore.transactional
def increment(transaction: firestore.Transaction, ref: firestore.DocumentReference) -> None:
    """A read-modify-write that works for 5 ms."""
    (snapshot,) = transaction.get(ref)
    time.sleep(0.005)
    transaction.set(ref, {"n": (snapshot.to_dict() or {"n": 0})["n"] + 1})


@scenario(
    37,
    "C",
    "concurrent increments by transaction all succeed",
    emulator="differs: starves transactions that are retried",
)
def test_increments(place: Place) -> None:
    """12 threads with 5 increments each, and the client's five attempts: no error, and exactly 60."""

    def work() -> None:
        for _ in range(5):
            increment(place.client.transaction(), place.ref("doc"))

    with beside(*[work] * 12) as workers:
        for worker in workers:
            worker.result(PATIENCE_SECONDS)
    assert place.read("doc") == {"n": 60}


@scenario(37, "C", "a retried transaction gets its turn")
def test_retry(place: Place) -> None:
    """The aborted transaction, begun again with retry_transaction, reads what stands there now and commits."""
    place.seed({"doc": {"n": 0}})
    first, second = begin(place), begin(place)
    for each in (first, second):
        read(place, "doc", transaction=each)
    with beside(
        lambda: commit(place, first, setting(place, "doc", n=1)),
        lambda: commit(place, second, setting(place, "doc", n=1)),
    ) as commits:
        aborted = (first, second)[[outcome(each) for each in commits].index("ABORTED")]
    again = begin(place, {"read_write": {"retry_transaction": aborted}})
    assert read(place, "doc", transaction=again) == place.read("doc")
    commit(place, again, setting(place, "doc", n=2))
    assert place.read("doc") == {"n": 2}


@scenario(38, "C", "the rollback of an aborted transaction succeeds")
def test_rollback_of_aborted(place: Place) -> None:
    """The client sends it after its last attempt, and its failure would hide the real error."""
    place.seed({"doc": {"n": 0}})
    transactions = [begin(place), begin(place)]
    for each in transactions:
        read(place, "doc", transaction=each)
    acts = [lambda each=each: commit(place, each, setting(place, "doc", n=1)) for each in transactions]
    with beside(*acts) as commits:
        outcomes = [outcome(each) for each in commits]
    rollback(place, transactions[outcomes.index("ABORTED")])


@scenario(38, "C", "an error in the caller's code reaches the caller")
def test_error_inside(place: Place) -> None:
    """The client rolls back, raises the caller's own error, and the document is free."""

    @firestore.transactional
    def broken(transaction: firestore.Transaction) -> None:
        list(transaction.get(place.ref("doc")))
        transaction.set(place.ref("doc"), {"n": 1})
        raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        broken(place.client.transaction())
    place.commit([Set("doc", {"n": 2})])
    assert place.read("doc") == {"n": 2}


@scenario(39, "P", "a read-only transaction is a snapshot")
def test_snapshot(place: Place) -> None:
    """Its gets and queries see the state at its start, whatever is written meanwhile; a write does not wait for it."""
    place.seed({"a": {"n": 1}, "b": {"n": 1}})
    transaction = begin(place, READ_ONLY)
    assert read(place, "a", transaction=transaction) == {"n": 1}
    place.commit([Update("a", {"n": 2}), Delete("b"), Set("c", {"n": 1})])
    assert read(place, "a", transaction=transaction) == {"n": 1}
    assert read(place, "b", transaction=transaction) == {"n": 1}
    assert query(place, transaction=transaction) == ["a", "b"]
    commit(place, transaction)
    assert place.find_all() == ["a", "c"]


@scenario(39, "P", "a write in a read-only transaction")
def test_write_in_read_only(place: Place) -> None:
    """It is the caller's mistake, and nothing is written."""
    transaction = begin(place, READ_ONLY)
    with place.refused(INVALID):
        commit(place, transaction, setting(place, "doc", n=1))
    assert place.read("doc") is None


@scenario(39, "P", "reads at a read_time see that time")
def test_read_time(place: Place) -> None:
    """A get, a query and a count answer the state at the read time: before the update, the delete and the creation."""
    place.seed({"a": {"n": 1}, "b": {"n": 1}})
    then = place.ref("b").get().read_time
    place.commit([Update("a", {"n": 2}), Delete("b"), Set("c", {"n": 1}), Set("d", {"n": 1})])
    assert read(place, "a", read_time=then) == {"n": 1}
    assert read(place, "b", read_time=then) == {"n": 1}
    assert read(place, "c", read_time=then) is None
    assert query(place, read_time=then) == ["a", "b"]
    assert place.collection.count().get(read_time=then)[0][0].value == 2
    assert [snapshot.to_dict() for snapshot in place.collection.stream(read_time=then)] == [{"n": 1}, {"n": 1}]
    assert place.find_all() == ["a", "c", "d"]


@scenario(39, "P", "a read-only transaction at a read_time")
def test_read_only_in_the_past(place: Place) -> None:
    """It sees the state of that time."""
    place.seed({"a": {"n": 1}})
    then = place.ref("a").get().read_time
    place.commit([Update("a", {"n": 2})])
    transaction = begin(place, {"read_only": {"read_time": then}})
    assert read(place, "a", transaction=transaction) == {"n": 1}


@scenario(39, "C", "the client's read-only transaction")
def test_client_read_only(place: Place) -> None:
    """Two reads of it agree while the document changes between them."""
    place.seed({"a": {"n": 1}})

    @firestore.transactional
    def twice(transaction: firestore.Transaction) -> list[Any]:
        first = place.ref("a").get(transaction=transaction).to_dict()
        place.commit([Update("a", {"n": 2})])
        return [first, place.ref("a").get(transaction=transaction).to_dict()]

    assert twice(place.client.transaction(read_only=True)) == [{"n": 1}, {"n": 1}]
