"""Reads without the library's wrappers answer what the library answers; names that it keeps to itself are there."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import (
    SERVER_TIMESTAMP,
    ArrayUnion,
    AsyncClient,
    AsyncCollectionReference,
    FieldFilter,
    GeoPoint,
    Increment,
)
from google.cloud.firestore_v1.async_query import AsyncQuery
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from repositories.client import FirestoreClient, create_client
from repositories.exceptions import ValidationError
from repositories.firestore.decoding import Reference, decode_time
from repositories.firestore.rpc import FirestoreRpc, Meter, metered
from repositories.firestore.stored import StoredDocument
from repositories.firestore.transport import Transport, add_creation
from repositories.models import ClipStatus
from repositories.videos import VideoRepository
from tests.repositories.firestore.snapshots import to_stored

MOMENT = datetime(1931, 2, 3, 4, 5, 6, 789012, UTC)
FIELDS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": -(2**63),
    "double": float("inf"),
    "text": "naïve 🎬",
    "bytes": b"\0\xff",
    "moment": MOMENT,
    "place": GeoPoint(1.5, -2.5),
    "list": [1, "two", {"three": [3.0]}],
    "map": {"a.b": {"`": [None, MOMENT]}, " ": False},
    "empty": {},
}


@pytest.fixture
def collection(client: FirestoreClient, user_id: str) -> AsyncCollectionReference:
    return client.collection("users", user_id, "things")


async def read_by_library(collection: AsyncCollectionReference) -> list[StoredDocument]:
    return [to_stored(snapshot) for snapshot in await AsyncQuery(collection).get()]


async def test_every_kind_of_value_is_what_the_library_makes_of_it(collection: AsyncCollectionReference) -> None:
    """Queries, reads by path and lists decode every type as the library does."""
    await collection.document("a").set(FIELDS)
    transport, expected = Transport(collection._client), await read_by_library(collection)
    assert expected[0].fields == FIELDS
    assert await transport.run_query(AsyncQuery(collection), 5) == expected
    assert await transport.get_all([expected[0].path], 5) == expected
    assert await transport.list_documents(collection, 5, 5) == expected
    (document,) = await transport.run_query(AsyncQuery(collection), 5)
    assert type(document.get("moment")) is datetime


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)
# What is not encoded here, but by the library.
ODD = st.sampled_from(
    [b"bytes", GeoPoint(1.0, 2.0), DatetimeWithNanoseconds(2026, 1, 1, nanosecond=5, tzinfo=UTC), ClipStatus.FAILED]
)


@given(fields=st.dictionaries(st.text(min_size=1), values | ODD | st.lists(ODD, max_size=2), max_size=6))
def test_a_creation_is_what_the_library_makes_of_it(fields: dict[str, Any]) -> None:
    """An encoded creation is the write that the library encodes, for any fields."""
    client = create_client(project="p", emulator_host="127.0.0.1:1")
    reference, own, library = client.document("a/b"), client.batch(), client.batch()
    add_creation(own, reference, fields)
    library.create(reference, fields)
    assert [str(write) for write in own._write_pbs] == [str(write) for write in library._write_pbs]
    assert len(own) == 1


@pytest.mark.parametrize(
    "sentinel", [SERVER_TIMESTAMP, Increment(2), ArrayUnion([1])], ids=["time", "increment", "union"]
)
def test_a_creation_with_a_transform_is_the_librarys(sentinel: object) -> None:
    """Fields with a sentinel are encoded by the library."""
    client = create_client(project="p", emulator_host="127.0.0.1:1")
    own, library = client.batch(), client.batch()
    for batch, add in ((own, add_creation), (library, type(library).create)):
        add(batch, client.document("a/b"), {"a": 1, "b": sentinel})
    assert own._write_pbs == library._write_pbs


@pytest.mark.parametrize("value", [2**63, "\ud800"])
def test_a_creation_that_cannot_be_encoded_is_refused(value: object) -> None:
    """A value that protobuf cannot hold is a ValueError."""
    client = create_client(project="p", emulator_host="127.0.0.1:1")
    with pytest.raises(ValueError):  # noqa: PT011  whose text is protobuf's
        add_creation(client.batch(), client.document("a/b"), {"a": value})


async def test_a_reference_is_its_name(collection: AsyncCollectionReference) -> None:
    """A field that refers to a document is decoded to the document's full name."""
    other = collection.document("other")
    await collection.document("a").set({"other": other})
    (document,) = await Transport(collection._client).run_query(AsyncQuery(collection), 5)
    assert document.get("other") == Reference(f"{collection._client._database_string}/documents/{other.path}")


async def test_missing_documents_have_no_fields(collection: AsyncCollectionReference) -> None:
    """A document that is missing has its path, and neither fields nor times."""
    path = collection.document("none").path
    assert await Transport(collection._client).get_all([path], 5) == [StoredDocument(path, None, None, None)]


async def test_queries_filter_order_and_stop_as_the_library_says(collection: AsyncCollectionReference) -> None:
    """A query's filter, order, cursor and limit have the library's effect."""
    for number in range(6):
        await collection.document(f"d{number}").set({"number": number, "is_even": number % 2 == 0})
    query = (
        AsyncQuery(collection).where(filter=FieldFilter("number", ">", 1)).order_by("number", direction="DESCENDING")
    )
    query = query.start_after({"number": 5}).limit(2)
    found = await Transport(collection._client).run_query(query, 5)
    assert [document.get("number") for document in found] == [4, 3]
    assert found == [to_stored(snapshot) for snapshot in await query.get()]


@pytest.mark.parametrize(("limit", "is_found"), [(2, False), (3, True), (4, True)])
async def test_a_list_is_whole_or_none(collection: AsyncCollectionReference, limit: int, is_found: bool) -> None:
    """A list with more documents than the limit is None, and any other is whole."""
    for number in range(3):
        await collection.document(f"d{number}").set({})
    found = await Transport(collection._client).list_documents(collection, limit, 5)
    assert (found is not None) is is_found
    assert found is None or [document.id for document in found] == ["d0", "d1", "d2"]


async def test_errors_are_the_houses_own(client: FirestoreClient) -> None:
    """A query that Firestore refuses raises `ValidationError`."""
    with pytest.raises(ValidationError):
        await FirestoreRpc(client).run_query(AsyncQuery(client.collection("a")).limit(-1))


async def test_calls_name_the_database_they_are_for(client: FirestoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's front ends find it by these headers, as the library's own calls have them."""
    sent: list[dict[str, str]] = []
    for kind in (grpc.aio.UnaryUnaryMultiCallable, grpc.aio.UnaryStreamMultiCallable):
        for callable_ in kind.__subclasses__():

            def record(self: Any, *args: Any, original: Any = callable_.__call__, **kwargs: Any) -> Any:
                sent.append(dict(kwargs["metadata"]))
                return original(self, *args, **kwargs)

            monkeypatch.setattr(callable_, "__call__", record)
    reference = client.document("a/b")
    calls = FirestoreRpc(client)
    await calls.run_query(AsyncQuery(reference.collection("c")))
    await calls.get_all([reference])
    await calls.list_documents(reference.collection("c"), 1)
    await AsyncQuery(reference.collection("c")).get()
    async for _ in client.get_all([reference]):
        pass
    names = ("google-cloud-resource-prefix", "x-goog-request-params", "authorization")
    query, get, listed, *expected = [{name: headers[name] for name in names} for headers in sent]
    assert [query, get] == expected
    assert listed["x-goog-request-params"] == query["x-goog-request-params"] + "&collection_id=c"


def test_nanoseconds_are_kept_where_there_are_any() -> None:
    """A moment keeps its nanoseconds, and is a plain datetime where it has none."""
    exact: Any = decode_time(Timestamp(seconds=-1, nanos=1001))
    assert exact.nanosecond == 1001
    assert type(decode_time(Timestamp(seconds=-1, nanos=1000))) is datetime


async def test_listen_names_the_database_and_has_a_connection_of_its_own(
    client: FirestoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each Listen call has its own channel, and headers with the database and the token."""
    sent: list[dict[str, str]] = []

    (callable_,) = grpc.aio.StreamStreamMultiCallable.__subclasses__()

    def record(self: Any, *args: Any, original: Any = callable_.__call__, **kwargs: Any) -> Any:
        sent.append(dict(kwargs["metadata"]))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(callable_, "__call__", record)
    opened = [Transport(client).open_listen() for _ in range(2)]
    assert opened[0][0] is not opened[1][0]
    for channel, call in opened:
        call.cancel()
        await channel.close(None)
    database = client._database_string
    assert sent[0]["google-cloud-resource-prefix"] == database
    assert sent[0]["x-goog-request-params"] == f"database={quote(database, safe='/')}"
    assert sent[0]["authorization"] == "Bearer owner"


async def test_listen_of_the_real_service_has_its_address_and_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listen uses the address and the credentials that the client was made with."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    credentials = AnonymousCredentials()
    transport = Transport(AsyncClient(project="test", credentials=credentials))
    given: dict[str, Any] = {}

    def create(target: str, **options: Any) -> str:
        given.update(options, target=target)
        return "a channel"

    monkeypatch.setattr(type(transport._gapic_transport), "create_channel", create)
    assert transport._open_channel() == "a channel"  # type: ignore[comparison-overlap]  # what the test has put there
    assert given["target"] == "firestore.googleapis.com"
    assert given["credentials"] is credentials
    assert ("grpc.keepalive_time_ms", 30_000) in given["options"]


async def test_a_channel_to_the_real_service_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library takes the options; nothing is sent."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    channel = Transport(AsyncClient(project="test", credentials=AnonymousCredentials()))._open_channel()
    assert channel.get_state() is grpc.ChannelConnectivity.IDLE
    await channel.close(None)


async def test_the_past_can_be_read(collection: AsyncCollectionReference) -> None:
    """Queries and reads by path answer a document as it was at a time."""
    before = await collection.document("a").set({"n": 1})
    after = await collection.document("a").set({"n": 2})
    transport = Transport(collection._client)
    for result, n in ((before, 1), (after, 2)):
        moment: Any = result.update_time  # a datetime, whatever its annotation says
        found: list[list[StoredDocument]] = [await transport.run_query(AsyncQuery(collection), 5, moment)]
        found.append(await transport.get_all([collection.document("a").path], 5, moment))
        assert [[document.get("n") for document in documents] for documents in found] == [[n], [n]]


@pytest.mark.parametrize("direction", ["ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("limit", [1, 3, 9])
async def test_the_first_of_a_list_are_those_of_a_query(
    collection: AsyncCollectionReference, direction: str, limit: int
) -> None:
    """Of values of all types, ties, and documents that lack the field."""
    for number, value in enumerate([2, None, "a", 2, 1.5, True, MOMENT]):
        await collection.document(f"d{number}").set({"place": value})
    await collection.document("nowhere").set({})
    query = collection.order_by("place", direction=direction).order_by("__name__", direction=direction).limit(limit)
    order_by = ", ".join(f"{name} {direction[:-6].lower()}" for name in ("place", "__name__"))
    expected = await Transport(collection._client).run_query(query, 5)
    assert await FirestoreRpc(collection._client).list_first(collection, order_by, limit) == expected


async def test_documents_that_one_message_does_not_hold_come_in_two(
    client: FirestoreClient, user_id: str, make_video: Any
) -> None:
    """A list of large documents is whole, and costs a second RPC."""
    videos = VideoRepository(user_id, client)
    for number in range(6):
        await videos.create_video(make_video(video_id=f"v{number}"))
        await client.document("users", user_id, "videos", f"v{number}").update({"more": "a" * 1_000_000})
    with metered(meter := Meter()):
        page = await videos.list_videos(limit=6)
    assert sorted(video.video_id for video in page) == [f"v{number}" for number in range(6)]
    assert (meter.rpcs, meter.document_reads) == (2, 6)
    assert not page.has_next
