"""Chapter "Listen" of firestore.md: rules 40 to 42, and rule 26 as listeners see it."""

from typing import Any

import pytest

from tests.embedded.firestore.conformance.listen_rows import Change, changes, kinds, listening, watching
from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import Delete, Find, Set, Update, Where, scenario

# The client raises the error of a failed watch in a thread of its own, where nobody can catch it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

ABOVE_ONE = {"where": {"field_filter": {"field": {"field_path": "n"}, "op": "GREATER_THAN", "value": value(1)}}}


def commit_time(place: Place, *writes: dict[str, Any]) -> Any:
    """The time of a raw commit."""
    return place.call("commit", {"database": "{database}", "writes": list(writes)}).commit_time


def set_to(path: str, **fields: Any) -> dict[str, Any]:
    """A write that sets a document."""
    document = {
        "name": f"{{parent}}/{{collection}}/{path}",
        "fields": {key: value(each) for key, each in fields.items()},
    }
    return {"update": document}


def delete(path: str) -> dict[str, Any]:
    """A write that deletes a document."""
    return {"delete": f"{{parent}}/{{collection}}/{path}"}


@scenario(40, "P", "a target starts with ADD, documents, CURRENT and a consistent NO_CHANGE")
def test_start(place: Place) -> None:
    """CURRENT has a resume token and a read_time, and so has the NO_CHANGE, which names no target."""
    place.seed({"a": {}, "b": {}})
    with listening(place) as stream:
        stream.listen_query()
        messages = stream.start()
    assert kinds(messages) == ["ADD", "change a", "change b", "CURRENT", "NO_CHANGE"]
    added, current, consistent = (messages[index].target_change for index in (0, 3, 4))
    assert list(added.target_ids) == list(current.target_ids) == [7]
    assert current.resume_token
    assert current.read_time
    assert consistent.read_time >= current.read_time
    assert list(messages[1].document_change.target_ids) == [7]


@scenario(40, "P", "a target without documents starts too")
def test_empty_start(place: Place) -> None:
    """There is nothing between ADD and CURRENT."""
    with listening(place) as stream:
        stream.listen_query()
        assert kinds(stream.start()) == ["ADD", "CURRENT", "NO_CHANGE"]


@scenario(40, "P", "later changes end in a consistent NO_CHANGE")
def test_changes(place: Place) -> None:
    """The document as it is now, and then the snapshot's time, which is not before the commit."""
    with listening(place) as stream:
        stream.listen_query()
        stream.start()
        since = commit_time(place, set_to("a", n=1))
        messages = stream.snapshot(since=since)
        assert changes(messages) == ["change a"]
        (changed,) = [message.document_change for message in messages if "document_change" in message]
        assert changed.document.fields["n"].integer_value == 1
        assert changed.document.update_time == since


@scenario(40, "P", "a removed target is told so and hears no more")
def test_remove_target(place: Place) -> None:
    """The answer REMOVE names the target, and the stream's other target goes on."""
    with listening(place) as stream:
        stream.listen_query(target_id=1)
        stream.start()
        stream.listen_documents("a", target_id=2)
        stream.start()
        stream.send(remove_target=1)
        assert list(stream.until(Change.REMOVE)[-1].target_change.target_ids) == [1]
        messages = stream.snapshot(since=commit_time(place, set_to("a", n=1), set_to("b", n=1)))
        assert changes(messages) == ["change a"]


@scenario(40, "P", "a target that is refused is removed with its cause")
def test_refused_target(place: Place) -> None:
    """The stream stays open for other targets."""
    with listening(place) as stream:
        stream.listen_query({"order_by": [{"field": {"field_path": "a..b"}}]})
        removed = stream.until(Change.REMOVE)[-1].target_change
        assert (list(removed.target_ids), removed.cause.code) == ([7], 3)
        stream.listen_query(target_id=8)
        assert kinds(stream.start()) == ["ADD", "CURRENT", "NO_CHANGE"]


NO_KIND = "All-collection queries are not supported by real-time queries."
NO_GROUP = "'all_descendants' in CollectionSelector with document parent is not supported by real-time queries."
GROUP, EVERYTHING = {"collection_id": "s", "all_descendants": True}, {"all_descendants": True}


@pytest.mark.parametrize("limit", [{}, {"limit": {"value": 2}}], ids=["whole", "page"])
@pytest.mark.parametrize(
    ("parent", "selector", "cause"),
    [
        ("{doc}", GROUP, NO_GROUP),
        ("{doc}", EVERYTHING, NO_KIND),
        ("{doc}", {}, NO_KIND),
        ("{parent}", EVERYTHING, NO_KIND),
        ("{parent}", {}, NO_KIND),
        ("{parent}", GROUP, None),
        ("{doc}", {"collection_id": "s"}, None),
        ("{parent}", {"collection_id": "s"}, None),
    ],
)
@scenario(40, "M", "each form of a query from each root as a target", emulator="differs: listens to all of them")
def test_forms(place: Place, parent: str, selector: dict[str, Any], cause: str | None, limit: dict[str, Any]) -> None:
    """Queries without a collection id, and groups below a document, are removed with their cause; others start."""
    with listening(place) as stream:
        asked = {"parent": parent, "structured_query": {"from_": [selector], **limit}}
        stream.send(add_target={"query": asked, "target_id": 7})
        if cause is None:
            assert kinds(stream.start())[0] == "ADD"
            return
        removed = stream.until(Change.REMOVE)[-1].target_change
        assert (list(removed.target_ids), removed.cause.code, removed.cause.message) == ([7], 3, cause)
        stream.listen_query(target_id=8)
        assert kinds(stream.start()) == ["ADD", "CURRENT", "NO_CHANGE"]


@scenario(40, "P", "a resume token brings what has changed since")
def test_resume(place: Place) -> None:
    """The second stream's messages lead from the first one's state to the present one, or start with RESET."""
    place.seed({"a": {"n": 1}, "b": {"n": 1}, "c": {"n": 1}})
    with listening(place) as stream:
        stream.listen_query()
        token = stream.start()[-1].target_change.resume_token
    place.commit([Update("a", {"n": 2}), Delete("b"), Set("d", {"n": 1})])
    with listening(place) as stream:
        stream.listen_query(resume_token=token)
        said = kinds(stream.start())
    state = {} if "RESET" in said else {"a", "b", "c"}
    state = {*state, *(each.split()[1] for each in said if each.startswith("change"))}
    state -= {each.split()[1] for each in said if each.startswith(("delete", "remove"))}
    if "b" in state:
        assert f"filter {len(state) - 1}" in said
        state -= {"b"}
    assert state == {"a", "c", "d"}


@scenario(40, "P", "a target of documents")
def test_document_target(place: Place) -> None:
    """The one that is there comes as a change, the missing one as a delete, and then both as they change."""
    place.seed({"a": {"n": 1}})
    with listening(place) as stream:
        stream.listen_documents("a", "gone")
        assert changes(stream.start()) == ["change a", "delete gone"]
        since = commit_time(place, set_to("gone", n=1), delete("a"), set_to("other", n=1))
        assert changes(stream.snapshot(since=since)) == ["change gone", "delete a"]


@scenario(41, "C", "the client calls back with the first state and with each change")
def test_on_snapshot(place: Place) -> None:
    """Ids in the query's order, and what was added, modified and removed."""
    place.seed({"a": {"n": 2}, "b": {"n": 3}})
    with watching(place.query(Find(where=Where("n", ">", 1), order_by=["n"]))) as snapshots:
        assert snapshots.next() == (["a", "b"], ["ADDED a", "ADDED b"])
        place.commit([Set("c", {"n": 2.5})])
        assert snapshots.next() == (["a", "c", "b"], ["ADDED c"])
        place.commit([Update("a", {"n": 9})])
        assert snapshots.next() == (["c", "b", "a"], ["MODIFIED a"])
        place.commit([Delete("b")])
        assert snapshots.next() == (["c", "a"], ["REMOVED b"])
        place.commit([Update("c", {"n": 0})])
        assert snapshots.next() == (["a"], ["REMOVED c"])


@scenario(41, "C", "the client calls back for an empty query")
def test_on_empty(place: Place) -> None:
    """The first state is told though there is nothing in it."""
    with watching(place.collection) as snapshots:
        assert snapshots.next() == ([], [])
        place.commit([Set("a", {})])
        assert snapshots.next() == (["a"], ["ADDED a"])


@scenario(41, "C", "the client watches one document")
def test_on_document(place: Place) -> None:
    """From missing to there, changed and deleted again."""
    with watching(place.ref("a")) as snapshots:
        assert snapshots.next() == ([], [])
        place.commit([Set("a", {"n": 1})])
        assert snapshots.next() == (["a"], ["ADDED a"])
        place.commit([Update("a", {"n": 2})])
        assert snapshots.next() == (["a"], ["MODIFIED a"])
        place.commit([Delete("a")])
        assert snapshots.next() == ([], ["REMOVED a"])


@scenario(41, "C", "any target id is taken")
def test_target_ids(place: Place) -> None:
    """The target's messages hold the id that the client chose."""
    for target_id in (1, 2, 0x5079, 2**31 - 1):
        with listening(place) as stream:
            stream.listen_query(target_id=target_id)
            assert [list(message.target_change.target_ids) for message in stream.start()] == [[target_id]] * 2 + [[]]


@scenario(
    42,
    "P",
    "a deleted document is deleted and one that no longer matches is removed",
    emulator="differs: tells the whole result again",
)
def test_delete_or_remove(place: Place) -> None:
    """DocumentDelete for the one that is gone; a removal for the one that is still there."""
    place.seed({"a": {"n": 2}, "b": {"n": 2}})
    with listening(place) as stream:
        stream.listen_query(ABOVE_ONE)
        assert changes(stream.start()) == ["change a", "change b"]
        since = commit_time(place, delete("a"), set_to("b", n=0))
        assert changes(stream.snapshot(since=since)) == ["delete a", "remove b"]


@scenario(42, "P", "one commit is one snapshot")
def test_one_snapshot(place: Place) -> None:
    """The client sees all of a commit's documents at once, and each commit by itself and in order."""
    with watching(place.collection) as snapshots:
        assert snapshots.next() == ([], [])
        place.commit([Set(path, {"n": 1}) for path in "abcde"])
        assert snapshots.next()[0] == list("abcde")
        place.commit([Delete("a"), Update("b", {"n": 2}), Set("f", {"n": 1})])
        assert snapshots.next() == (list("bcdef"), ["REMOVED a", "ADDED f", "MODIFIED b"])


@scenario(42, "P", "read_time on a stream increases")
def test_read_times(place: Place) -> None:
    """Of all messages that have one, over several commits and two targets."""
    with listening(place) as stream:
        stream.listen_query(target_id=1)
        messages = stream.start()
        stream.listen_query(ABOVE_ONE, target_id=2)
        messages += stream.start()
        for n in range(5):
            messages += stream.snapshot(since=commit_time(place, set_to("a", n=n)))
    times = [message.target_change.read_time for message in messages if message.target_change.read_time]
    assert times == sorted(times)


@scenario(42, "P", "a limited query replaces what leaves it")
def test_limit(place: Place) -> None:
    """The next document moves up when one of the first is deleted, and goes when a smaller one comes."""
    place.seed({"a": {"n": 2}, "b": {"n": 3}, "c": {"n": 4}})
    with watching(place.query(Find(order_by=["n"], limit=2))) as snapshots:
        assert snapshots.next()[0] == ["a", "b"]
        place.commit([Delete("a")])
        assert snapshots.next() == (["b", "c"], ["REMOVED a", "ADDED c"])
        place.commit([Set("d", {"n": 1})])
        assert snapshots.next() == (["d", "b"], ["REMOVED c", "ADDED d"])


@scenario(26, "P", "a write that changes nothing wakes no listener", emulator="differs: tells the whole result again")
def test_no_wake(place: Place) -> None:
    """Only the second commit, which changes another document, is told."""
    place.seed({"a": {"n": 1}})
    with listening(place) as stream:
        stream.listen_query()
        stream.start()
        commit_time(place, set_to("a", n=1))
        messages = stream.snapshot(since=commit_time(place, set_to("b", n=1)))
        assert changes(messages) == ["change b"]


@scenario(
    42,
    "P",
    "two hundred writes arrive in order and end in the exact state",
    emulator="differs: tells the whole result again",
)
def test_many(place: Place) -> None:
    """No change is lost or told twice, whatever snapshots they are grouped in."""
    with listening(place) as stream:
        stream.listen_query()
        stream.start()
        for n in range(200):
            last = commit_time(place, set_to(f"d{n % 10}", n=n))
        messages = stream.snapshot(since=last)
    told = [message.document_change.document for message in messages if "document_change" in message]
    numbers = [document.fields["n"].integer_value for document in told]
    assert numbers == sorted(set(numbers))
    assert {document.name[-2:]: document.fields["n"].integer_value for document in told} == {
        f"d{n}": 190 + n for n in range(10)
    }


@scenario(40, "C", "a request without a target is passed over")
def test_no_target(place: Place) -> None:
    """The stream goes on."""
    with listening(place) as stream:
        stream.send()
        stream.listen_query()
        assert kinds(stream.start()) == ["ADD", "CURRENT", "NO_CHANGE"]
