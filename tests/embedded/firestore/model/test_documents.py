"""Documents through the real client."""

import datetime as dt
import math

import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud import firestore
from google.cloud.firestore import AsyncClient, GeoPoint


async def test_every_type_comes_back_as_it_was_written(firestore_client: AsyncClient) -> None:
    """A document with a value of every type is read back equal."""
    reference = firestore_client.collection("c").document("d")
    written = {
        "null": None,
        "bool": True,
        "int": -(2**63),
        "double": 0.1,
        "infinity": math.inf,
        "time": dt.datetime(2026, 2, 3, 4, 5, 6, 123456, tzinfo=dt.UTC),
        "text": "zoë 🎬",
        "bytes": b"\x00\xff",
        "reference": firestore_client.document("x/y"),
        "point": GeoPoint(48.1, -11.5),
        "list": [1, "a", {"b": [None]}],
        "map": {"a.b": {"`": 1}},
    }
    await reference.set(written)
    assert (await reference.get()).to_dict() == written


async def test_a_missing_document_is_read_as_missing(firestore_client: AsyncClient) -> None:
    """A missing document is answered as missing, with a read time."""
    snapshot = await firestore_client.document("c/missing").get()
    assert not snapshot.exists
    assert snapshot.read_time is not None


async def test_create_refuses_what_is_there(firestore_client: AsyncClient) -> None:
    """A second create is ALREADY_EXISTS, and the document is unchanged."""
    reference = firestore_client.document("c/d")
    await reference.create({"n": 1})
    with pytest.raises(AlreadyExists):
        await reference.create({"n": 2})
    assert (await reference.get()).to_dict() == {"n": 1}


async def test_update_refuses_what_is_missing(firestore_client: AsyncClient) -> None:
    """An update of a missing document is NOT_FOUND."""
    with pytest.raises(NotFound, match="No document to update"):
        await firestore_client.document("c/d").update({"n": 1})


async def test_a_merge_keeps_other_fields_and_deletes_marked_ones(firestore_client: AsyncClient) -> None:
    """An update changes the fields that it names, deletes the marked ones, and keeps the others."""
    reference = firestore_client.document("c/d")
    await reference.set({"a": 1, "b": {"c": 2, "d": 3}, "e": 4})
    await reference.update({"b.c": 5, "e": firestore.DELETE_FIELD})
    assert (await reference.get()).to_dict() == {"a": 1, "b": {"c": 5, "d": 3}}


async def test_a_batch_is_all_or_nothing(firestore_client: AsyncClient) -> None:
    """A batch with one refused write writes nothing."""
    batch = firestore_client.batch()
    batch.set(firestore_client.document("c/first"), {"n": 1})
    batch.update(firestore_client.document("c/missing"), {"n": 1})
    with pytest.raises(NotFound):
        await batch.commit()
    assert not (await firestore_client.document("c/first").get()).exists


async def test_a_precondition_on_the_update_time_is_held(firestore_client: AsyncClient) -> None:
    """An update with an older update time is FAILED_PRECONDITION, and changes nothing."""
    reference = firestore_client.document("c/d")
    first = await reference.set({"n": 1})
    await reference.set({"n": 2})
    with pytest.raises(FailedPrecondition):
        await reference.update({"n": 3}, option=firestore_client.write_option(last_update_time=first.update_time))
    assert (await reference.get()).to_dict() == {"n": 2}


async def test_transforms_compute_from_the_stored_value(firestore_client: AsyncClient) -> None:
    """Transforms are computed from the stored values on the server."""
    reference = firestore_client.document("c/d")
    await reference.set({"n": 1, "tags": ["a"], "high": 5, "low": 5})
    await reference.update(
        {
            "n": firestore.Increment(2.5),
            "tags": firestore.ArrayUnion(["a", "b", "b"]),
            "high": firestore.Maximum(5.0),
            "low": firestore.Minimum(3),
            "at": firestore.SERVER_TIMESTAMP,
        }
    )
    stored = (await reference.get()).to_dict() or {}
    assert isinstance(stored.pop("at"), dt.datetime)
    assert stored == {"n": 3.5, "tags": ["a", "b"], "high": 5, "low": 3}
    assert isinstance(stored["high"], int)


async def test_a_write_that_changes_nothing_keeps_the_update_time(firestore_client: AsyncClient) -> None:
    """A write of equal content keeps the document's update time."""
    reference = firestore_client.document("c/d")
    first = await reference.set({"n": 1})
    second = await reference.set({"n": 1})
    assert second.update_time == first.update_time


async def test_an_array_in_an_array_is_refused(firestore_client: AsyncClient) -> None:
    """An array directly inside an array is INVALID_ARGUMENT."""
    with pytest.raises(InvalidArgument):
        await firestore_client.document("c/d").set({"a": [[1]]})


async def test_a_document_over_a_mebibyte_is_refused(firestore_client: AsyncClient) -> None:
    """A document over a mebibyte is INVALID_ARGUMENT, and is not stored."""
    reference = firestore_client.document("c/d")
    with pytest.raises(InvalidArgument, match="maximum allowed size"):
        await reference.set({"a": "x" * 600_000, "b": "x" * 600_000})
    assert not (await reference.get()).exists


async def test_collections_lists_those_below_missing_documents_too(firestore_client: AsyncClient) -> None:
    """Collections and documents are listed also where only their children exist."""
    await firestore_client.document("a/missing/b/c").set({})
    assert [collection.id async for collection in firestore_client.collections()] == ["a"]
    listed = [reference.id async for reference in firestore_client.collection("a").list_documents()]
    assert listed == ["missing"]


async def test_document_that_is_deleted_and_set_again_in_one_commit_is_a_new_one(firestore_client: AsyncClient) -> None:
    """Equal as its fields may be: it was gone in between, so its times are those of the commit."""
    document = firestore_client.document("c/d")
    before = await document.set({"n": 1})
    batch = firestore_client.batch()
    batch.delete(document)
    batch.set(document, {"n": 1})
    await batch.commit()
    after = await document.get()
    assert after.create_time == after.update_time
    assert after.update_time > before.update_time
