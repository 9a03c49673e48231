"""The answers of writes, which no table of documents shows, in the chapter "Writes": rules 23 to 31."""

from datetime import timedelta
from typing import Any

from google.cloud.firestore import SERVER_TIMESTAMP, ArrayUnion, Increment

from tests.embedded.firestore.conformance.asker import Asker
from tests.embedded.firestore.conformance.place import ONCE, Place, exact, value
from tests.embedded.firestore.conformance.rows import (
    INVALID,
    Create,
    Delete,
    Refused,
    RequestRow,
    Set,
    Update,
    each_row,
    scenario,
)
from tests.embedded.firestore.conformance.runners import run_request
from tests.embedded.firestore.conformance.transactions import assert_waits, begin, beside, read
from tests.embedded.firestore.conformance.transactions import commit as commit_transaction
from tests.patience import PATIENCE_SECONDS


def update_of(name: str = "{doc}", **fields: Any) -> dict[str, Any]:
    """A write as a message."""
    return {"update": {"name": name, "fields": {key: value(field) for key, field in fields.items()}}}


def commit(place: Place, *writes: dict[str, Any]) -> Any:
    """The response to a raw Commit."""
    return place.call("commit", {"database": "{database}", "writes": list(writes)})


def transform_of(*transforms: dict[str, Any]) -> dict[str, Any]:
    """A write that only transforms."""
    return {**update_of(), "update_mask": {}, "update_transforms": list(transforms)}


def committed(*writes: dict[str, Any]) -> dict[str, Any]:
    """A Commit request."""
    return {"database": "{database}", "writes": list(writes)}


@each_row(
    RequestRow(
        rule=24,
        source="P",
        what="a precondition on an update_time of the future",
        given={"doc": {}},
        method="commit",
        request=committed(
            {**update_of(), "current_document": {"update_time": {"seconds": 4_000_000_000}}},
        ),
        expect=INVALID,
    ),
    RequestRow(
        rule=24,
        source="P",
        what="a precondition on an update_time of the future of a missing document",
        method="commit",
        request=committed({**update_of(), "current_document": {"update_time": {"seconds": 4_000_000_000}}}),
        expect=INVALID,
    ),
    RequestRow(
        rule=24,
        source="M",
        what="a precondition that demands a missing document says which",
        method="commit",
        request=committed({**update_of(), "current_document": {"exists": True}}),
        expect=Refused("NOT_FOUND", "No document to update: {doc}"),
    ),
    RequestRow(
        rule=24,
        source="P",
        what="a precondition on the update_time of a missing document",
        method="commit",
        request=committed({**update_of(), "current_document": {"update_time": {"seconds": 1_600_000_000}}}),
        expect=Refused("FAILED_PRECONDITION"),
    ),
    RequestRow(
        rule=27,
        source="P",
        what="BatchWrite with two writes on one document",
        method="batch_write",
        request=committed(update_of(a=1), update_of(b=1)),
        expect=INVALID,
    ),
    RequestRow(
        rule=27,
        source="P",
        what="a write that says nothing",
        method="commit",
        request=committed(update_of(a=1), {}),
        expect=INVALID,
    ),
    RequestRow(
        rule=28,
        source="P",
        what="increment by what is no number",
        method="commit",
        request=committed(transform_of({"field_path": "n", "increment": value("1")})),
        expect=INVALID,
    ),
    RequestRow(
        rule=31,
        source="P",
        what="a path with an empty segment",
        method="commit",
        request=committed({**update_of(a=1), "update_mask": {"field_paths": ["a..b"]}}),
        expect=INVALID,
    ),
    RequestRow(
        rule=31,
        source="P",
        what="a path that starts with a digit and is not quoted",
        method="commit",
        request=committed({**update_of(a=1), "update_mask": {"field_paths": ["1a"]}}),
        expect=INVALID,
    ),
    RequestRow(
        rule=31,
        source="P",
        what="a path whose quote is left open",
        method="commit",
        request=committed({**update_of(a=1), "update_mask": {"field_paths": ["`a"]}}),
        expect=INVALID,
    ),
)
def test_refused(place: Place, row: RequestRow) -> None:
    """Each refused write has the documented code."""
    run_request(place, row)


@scenario(24, "P", "update_time that is the document's")
def test_update_time_matches(place: Place) -> None:
    """The write is done; the same write again is refused, because the time has moved."""
    place.seed({"doc": {"n": 1}})
    option = place.client.write_option(last_update_time=place.ref("doc").get().update_time)
    place.ref("doc").update({"n": 2}, option, **ONCE)
    with place.refused(Refused("FAILED_PRECONDITION")):
        place.ref("doc").update({"n": 3}, option, **ONCE)
    assert place.read("doc") == {"n": 2}


@scenario(24, "P", "update_time that is a microsecond off")
def test_update_time_differs(place: Place) -> None:
    """The write is refused and nothing changed."""
    place.seed({"doc": {"n": 1}})
    earlier = place.ref("doc").get().update_time - timedelta(microseconds=1)
    with place.refused(Refused("FAILED_PRECONDITION")):
        place.ref("doc").delete(place.client.write_option(last_update_time=earlier), **ONCE)
    assert place.read("doc") == {"n": 1}


@scenario(25, "P", "the result of a delete has no update_time")
def test_delete_result(place: Place) -> None:
    """Neither of a document that was there nor of one that was not; a set has one."""
    place.seed({"doc": {}})
    deleted, again, written = place.commit([Delete("doc"), Delete("doc"), Set("a", {})])
    assert not deleted.update_time
    assert not again.update_time
    assert written.update_time


@scenario(25, "P", "commit times strictly increase")
def test_commit_times(place: Place) -> None:
    """Each commit is later than the one before, deletes included."""
    writes = [update_of(n=1), update_of(n=1), {"delete": "{doc}"}, {"delete": "{doc}"}, update_of(n=2)] * 4
    times = [commit(place, write).commit_time for write in writes]
    assert times == sorted(set(times))


@scenario(25, "P", "create_time stays and update_time moves")
def test_document_times(place: Place) -> None:
    """An update keeps create_time; a document that is deleted and made again has a new one."""
    place.seed({"doc": {"n": 1}})
    first = place.ref("doc").get()
    place.commit([Update("doc", {"n": 2})])
    second = place.ref("doc").get()
    place.commit([Delete("doc")])
    place.commit([Create("doc", {"n": 3})])
    third = place.ref("doc").get()
    assert first.create_time == first.update_time == second.create_time < second.update_time
    assert second.update_time < third.create_time == third.update_time


@scenario(26, "P", "a write that changes nothing keeps update_time")
def test_unchanged(place: Place) -> None:
    """A set, merge, update and array union to the same content answer the old update_time and leave it."""
    place.seed({"doc": {"n": 1, "tags": ["x"]}})
    before = place.ref("doc").get().update_time
    for write in (
        Set("doc", {"n": 1, "tags": ["x"]}),
        Set("doc", {"n": 1}, merge=True),
        Update("doc", {"n": 1}),
        Update("doc", {"tags": ArrayUnion(["x"])}),
        Update("doc", {"n": Increment(0)}),
    ):
        (result,) = place.commit([write])
        assert result.update_time == before
        assert place.ref("doc").get().update_time == before


@scenario(26, "P", "a change of type alone is a change")
def test_changed_type(place: Place) -> None:
    """3 and 3.0 are equal in queries and still different content."""
    place.seed({"doc": {"n": 3}})
    before = place.ref("doc").get().update_time
    place.commit([Set("doc", {"n": 3.0})])
    after = place.ref("doc").get()
    assert after.update_time > before
    assert exact(after.to_dict()) == {"n": "float 3.0"}


@scenario(27, "P", "all documents of a commit have its time")
def test_one_time(place: Place) -> None:
    """update_time of each is the commit_time."""
    response = commit(place, update_of(), update_of("{parent}/{collection}/b"))
    times = {snapshot.update_time for snapshot in place.collection.get()}
    assert times == {response.commit_time}


@scenario(27, "P", "BatchWrite answers write by write")
def test_batch_write(place: Place) -> None:
    """A refused write has its status and does not hold back the others."""
    place.seed({"there": {"n": 1}})
    prefix = "{parent}/{collection}/"
    writes = [
        update_of(prefix + "a", n=1),
        {**update_of(prefix + "there", n=2), "current_document": {"exists": False}},
        {**update_of(prefix + "gone", n=3), "current_document": {"exists": True}},
        update_of(prefix + "c", n=5),
    ]
    response = place.call("batch_write", committed(*writes))
    assert [status.code for status in response.status] == [0, 6, 5, 0]
    assert [bool(result.update_time) for result in response.write_results] == [True, False, False, True]
    assert place.content() == {"a": {"n": "int 1"}, "there": {"n": "int 1"}, "c": {"n": "int 5"}}


@scenario(27, "C", "the bulk writer reports each write")
def test_bulk_writer(place: Place) -> None:
    """Good writes are done, the bad one reaches the error handler."""
    refused: list[str] = []

    def remember(failure: Any, _writer: Any) -> bool:
        refused.append(failure.operation.reference.id)
        return False  # do not try again

    writer = place.client.bulk_writer()
    writer.on_write_error(remember)
    for n in range(50):
        writer.set(place.ref(f"d{n:02}"), {"n": n})
    writer.update(place.ref("gone"), {"n": 1})
    writer.close()
    assert refused == ["gone"]
    assert place.collection.count().get()[0][0].value == 50


@scenario(28, "P", "transform results are the new values")
def test_transform_results(place: Place) -> None:
    """An increment, a maximum and a minimum answer the field's new value."""
    place.seed({"doc": {"n": 1, "m": 5}})
    response = commit(
        place,
        transform_of(
            {"field_path": "n", "increment": value(2)},
            {"field_path": "n", "increment": value(0.5)},
            {"field_path": "m", "maximum": value(9)},
            {"field_path": "m", "minimum": value(7)},
        ),
    )
    results = response.write_results[0].transform_results
    assert [result.integer_value or result.double_value for result in results] == [3, 3.5, 9, 7]
    assert place.read("doc") == {"n": 3.5, "m": 7}


@scenario(29, "P", "array transforms answer null")
def test_array_results(place: Place) -> None:
    """Their transform result is the null value, in their place among the others."""
    numbers = {"values": [value(1)]}
    response = commit(
        place,
        transform_of(
            {"field_path": "a", "append_missing_elements": numbers},
            {"field_path": "n", "increment": value(1)},
            {"field_path": "a", "remove_all_from_array": numbers},
        ),
    )
    first, second, third = response.write_results[0].transform_results
    assert (first._pb.WhichOneof("value_type"), third._pb.WhichOneof("value_type")) == ("null_value", "null_value")
    assert second.integer_value == 1
    assert place.read("doc") == {"a": [], "n": 1}


@scenario(30, "P", "REQUEST_TIME is one value for the whole commit")
def test_request_time(place: Place) -> None:
    """All fields of all documents have the same time, which the results say too, and which has milliseconds."""
    place.commit(
        [
            Set("a", {"x": SERVER_TIMESTAMP, "y": {"z": SERVER_TIMESTAMP}}),
            Set("b", {"x": SERVER_TIMESTAMP, "n": 1}),
        ]
    )
    first, second = place.read("a"), place.read("b")
    assert first["x"] == first["y"]["z"] == second["x"]
    assert second["n"] == 1
    assert abs(first["x"] - place.ref("a").get().update_time) < timedelta(minutes=1)


@scenario(30, "P", "REQUEST_TIME has milliseconds and is not the update_time")
def test_request_time_precision(place: Place, asker: Asker) -> None:
    """Of twenty commits, each has a time of whole milliseconds, before the commit's own."""
    for _ in range(20):
        asker.commit(place, {"a": {"at": SERVER_TIMESTAMP}})
        snapshot = place.ref("a").get()
        assert snapshot.get("at").microsecond % 1000 == 0
        assert snapshot.get("at") < snapshot.update_time


@scenario(30, "P", "REQUEST_TIME is the time at which the request began")
def test_request_time_of_a_commit_that_waits(place: Place) -> None:
    """A commit that waits for a transaction's lock has the time from before it waited."""
    place.seed({"doc": {"n": 1}})
    transaction = begin(place)
    read(place, "doc", transaction=transaction)
    with beside(lambda: place.ref("doc").set({"at": SERVER_TIMESTAMP}, **ONCE)) as (writing,):
        assert_waits(writing)
        released = commit_transaction(place, transaction)
        writing.result(PATIENCE_SECONDS)
    assert place.read("doc")["at"] < released.commit_time


@scenario(30, "P", "transforms apply in order after the update")
def test_transform_order(place: Place) -> None:
    """The update sets, then each transform sees what the one before left."""
    write = update_of(n=10)
    write["update_transforms"] = [
        {"field_path": "n", "increment": value(1)},
        {"field_path": "n", "minimum": value(5)},
        {"field_path": "n", "increment": value(2)},
    ]
    response = commit(place, write)
    assert [result.integer_value for result in response.write_results[0].transform_results] == [11, 5, 7]
    assert place.read("doc") == {"n": 7}


@scenario(30, "P", "a transform write of the older form")
def test_document_transform(place: Place) -> None:
    """Write.transform creates the document as update_transforms would."""
    transforms = [{"field_path": "n", "increment": value(2)}, {"field_path": "`a.b`", "increment": value(3)}]
    commit(place, {"transform": {"document": "{doc}", "field_transforms": transforms}})
    assert place.read("doc") == {"n": 2, "a.b": 3}
