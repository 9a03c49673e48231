"""Which index a query needs, told in the words of firestore.indexes.json, and granted by such a file."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient, FieldFilter, Or

from embedded.firestore.index.index_file import parse_index_config
from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.server import FirestoreServer

DESCENDING = "DESCENDING"
DOCUMENTS: list[dict[str, Any]] = [
    {"style": "split", "status": "done", "n": 2, "m": 1, "tags": ["x", "y"], "map": {"a": 1}},
    {"style": "split", "status": "done", "n": 1, "m": 2, "tags": ["x"], "map": {"a": 2}},
    {"style": "focus", "status": "done", "n": 3, "m": 3, "tags": ["y"], "map": {"a": 3}},
    {"style": "split", "status": "new", "n": 4, "m": 3, "tags": [], "map": {}},
]


def up(path: str) -> dict[str, str]:
    return {"fieldPath": path, "order": "ASCENDING"}


def down(path: str) -> dict[str, str]:
    return {"fieldPath": path, "order": "DESCENDING"}


def contains(path: str) -> dict[str, str]:
    return {"fieldPath": path, "arrayConfig": "CONTAINS"}


def where(query: Any, *filters: tuple[str, str, Any]) -> Any:
    for filter_ in filters:
        query = query.where(filter=FieldFilter(*filter_))
    return query


@dataclass(frozen=True)
class Row:
    """A query on a collection or its group, and the fields of the composite index that it needs."""

    id: str
    build: Callable[[Any], Any]
    needs: tuple[dict[str, str], ...] = ()
    is_group: bool = False

    def query(self, client: AsyncClient) -> Any:
        """The query on the collection that is called like the row."""
        return self.build(client.collection_group(self.id) if self.is_group else client.collection(self.id))

    @property
    def entry(self) -> dict[str, Any]:
        """The index as it stands in the file."""
        scope = "COLLECTION_GROUP" if self.is_group else "COLLECTION"
        return {"collectionGroup": self.id, "queryScope": scope, "fields": list(self.needs)}


SPLIT, DONE, HAS_X = ("style", "==", "split"), ("status", "==", "done"), ("tags", "array_contains", "x")
FREE = [
    Row("names-upwards", lambda c: c.order_by("__name__")),
    Row("names-of-a-group", lambda c: c.order_by("__name__"), is_group=True),
    Row(
        "descending-order-with-its-names",
        lambda c: c.order_by("n", direction=DESCENDING).order_by("__name__", direction=DESCENDING),
    ),
    Row("equalities-and-a-range-of-names", lambda c: where(c, SPLIT, DONE).order_by("__name__")),
    Row("field-of-a-map", lambda c: where(c, ("map.a", ">", 1))),
    Row("equality-and-order-of-one-field", lambda c: where(c, SPLIT).order_by("style")),
    Row("in-of-two-fields", lambda c: where(c, ("n", "in", [1, 2]), ("m", "in", [1, 2]))),
    Row("or-of-automatic-parts", lambda c: c.where(filter=Or([FieldFilter(*SPLIT), FieldFilter("m", "==", 3)]))),
    Row("limit-to-last", lambda c: c.order_by("n").limit_to_last(2)),
]
NEEDY = [
    Row("names-downwards", lambda c: c.order_by("__name__", direction=DESCENDING), (down("__name__"),)),
    Row("last-names", lambda c: c.order_by("__name__").limit_to_last(2), (down("__name__"),)),
    Row(
        "names-of-a-group-downwards",
        lambda c: c.order_by("__name__", direction=DESCENDING),
        (down("__name__"),),
        is_group=True,
    ),
    Row(
        "equality-and-names-downwards",
        lambda c: where(c, SPLIT).order_by("__name__", direction=DESCENDING),
        (up("style"), down("__name__")),
    ),
    Row(
        "names-against-the-order",
        lambda c: c.order_by("n").order_by("__name__", direction=DESCENDING),
        (up("n"), down("__name__")),
    ),
    Row(
        "descending-order-with-names-upwards",
        lambda c: c.order_by("n", direction=DESCENDING).order_by("__name__"),
        (down("n"), up("__name__")),
    ),
    Row("array-contains-and-equality", lambda c: where(c, HAS_X, SPLIT), (contains("tags"), up("style"))),
    Row("array-contains-and-range", lambda c: where(c, HAS_X, ("n", ">", 1)), (contains("tags"), up("n"))),
    Row(
        "array-contains-and-equality-and-order",
        lambda c: where(c, HAS_X, SPLIT).order_by("n", direction=DESCENDING),
        (contains("tags"), up("style"), down("n")),
    ),
    Row(
        "array-contains-any-and-equality",
        lambda c: where(c, ("tags", "array_contains_any", ["x", "y"]), DONE),
        (contains("tags"), up("status")),
    ),
    Row(
        "three-ranges",
        lambda c: where(c, ("n", ">", 0), ("m", ">", 0), ("map.a", "<", 3)),
        (up("m"), up("map.a"), up("n")),
    ),
    Row(
        "ranges-in-a-given-order",
        lambda c: where(c, ("n", ">", 0), ("m", ">", 0)).order_by("n", direction=DESCENDING),
        (down("n"), down("m")),
    ),
    Row("last-of-an-equality", lambda c: where(c, SPLIT).order_by("n").limit_to_last(1), (up("style"), down("n"))),
    Row("equalities-of-a-group", lambda c: where(c, SPLIT, DONE), (up("style"), up("status")), is_group=True),
]
NOTHING: dict[str, Any] = {"indexes": [], "fieldOverrides": []}
MERGED = [
    {"collectionGroup": "merged", "queryScope": "COLLECTION", "fields": [contains("tags"), up("style")]},
    {"collectionGroup": "merged", "queryScope": "COLLECTION", "fields": [contains("tags"), up("style"), up("n")]},
    {"collectionGroup": "merged", "queryScope": "COLLECTION", "fields": [up("status"), up("n")]},
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Does some work with a client of a server that has an index file of that content, or None for no file."""

    async def run(content: Any, work: Callable[[AsyncClient], Any]) -> Any:
        config: IndexConfig | None = None
        if content is not None:
            config = parse_index_config(content, "the test's file", is_enforced=True)
        server = FirestoreServer(tmp_path / "data", indexes=config)
        await server.start()
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
        client = AsyncClient(project="indexed", credentials=AnonymousCredentials())
        try:
            return await work(client)
        finally:
            client.close()
            await server.stop()

    return run


async def seed(client: AsyncClient, *collection_ids: str) -> None:
    batch = client.batch()
    for collection_id in collection_ids:
        for number, fields in enumerate(DOCUMENTS):
            batch.set(client.document(f"{collection_id}/d{number}"), fields)
    await batch.commit()


async def find(query: Any) -> list[str]:
    return [snapshot.id for snapshot in await query.get()]


async def find_all(client: AsyncClient, rows: list[Row]) -> list[list[str]]:
    return [await find(row.query(client)) for row in rows]


async def read_missing(query: Any) -> tuple[str, Any]:
    """The section and the entry that a refusal names."""
    with pytest.raises(FailedPrecondition, match=r"The query requires an index\. ") as refused:
        await find(query)
    message = refused.value.message
    return message.split("Add this to ")[1].split()[0], json.loads(message[message.index("{") :])


async def test_each_index_is_demanded_and_enough(run: Any) -> None:
    """A query without need of an index runs under an empty file; any other names its index, and runs with it alone."""
    await run(None, lambda client: seed(client, *(row.id for row in (*FREE, *NEEDY))))
    expected = await run(None, lambda client: find_all(client, [*FREE, *NEEDY]))
    assert all(expected)

    async def ask(client: AsyncClient) -> None:
        assert await find_all(client, FREE) == expected[: len(FREE)]
        for row in NEEDY:
            assert await read_missing(row.query(client)) == ("indexes", row.entry), row.id

    await run(NOTHING, ask)
    granted = {**NOTHING, "indexes": [row.entry for row in NEEDY]}
    assert await run(granted, lambda client: find_all(client, [*FREE, *NEEDY])) == expected


async def test_array_contains_takes_part_in_a_merge_with_its_own_composite_index(run: Any) -> None:
    """Further equalities join it, and so does another composite index that ends in the same order."""

    async def ask(client: AsyncClient) -> None:
        await seed(client, "merged")
        merged = client.collection("merged")
        assert await find(where(merged, HAS_X, SPLIT, DONE)) == ["d0", "d1"]
        assert await find(where(merged, HAS_X, SPLIT, DONE).order_by("n")) == ["d1", "d0"]
        await read_missing(where(merged, HAS_X, DONE))

    await run({**NOTHING, "indexes": MERGED}, ask)


async def test_a_group_is_granted_by_an_override_that_keeps_what_the_field_has(run: Any) -> None:
    """The entry that the refusal names lets the group's query run, and takes nothing from the collection's."""

    async def ask(client: AsyncClient) -> dict[str, Any]:
        await seed(client, "shots")
        section, entry = await read_missing(where(client.collection_group("shots"), SPLIT))
        assert section == "fieldOverrides"
        return dict(entry)

    async def assert_found(client: AsyncClient) -> None:
        assert await find(where(client.collection_group("shots"), SPLIT)) == ["d0", "d1", "d3"]
        assert await find(client.collection("shots").order_by("style", direction=DESCENDING)) == [
            "d3",
            "d1",
            "d0",
            "d2",
        ]
        assert await read_missing(client.collection_group("shots").order_by("style", direction=DESCENDING))

    entry = await run(NOTHING, ask)
    await run({**NOTHING, "fieldOverrides": [entry]}, assert_found)


OVERRIDES = [
    {"collectionGroup": "films", "fieldPath": "style", "indexes": []},
    {"collectionGroup": "films", "fieldPath": "map", "indexes": []},
    {
        "collectionGroup": "films",
        "fieldPath": "map.b",
        "indexes": [{"order": "ASCENDING", "queryScope": "COLLECTION"}],
    },
    {"collectionGroup": "films", "fieldPath": "n", "indexes": [{"order": "ASCENDING"}]},
    {"collectionGroup": "films", "fieldPath": "tags", "indexes": [{"order": "ASCENDING"}]},
    {"collectionGroup": "stills", "fieldPath": "*", "indexes": []},
    {"collectionGroup": "stills", "fieldPath": "n", "indexes": [{"order": "DESCENDING"}]},
]


async def test_overrides_take_indexes_away(run: Any) -> None:
    """Of one field, of all in a map but one, of all in a collection but one, and of a single direction or kind."""

    async def ask(client: AsyncClient) -> None:
        await seed(client, "films", "stills")
        films, stills = client.collection("films"), client.collection("stills")
        refused = [
            where(films, SPLIT),
            films.order_by("map.a"),
            films.order_by("map"),
            films.order_by("n", direction=DESCENDING),
            where(films, HAS_X),
            where(stills, SPLIT),
            stills.order_by("n"),
        ]
        for query in refused:
            assert (await read_missing(query))[0] == "fieldOverrides"
        assert await find(films.order_by("map.b")) == []
        assert await find(films.order_by("n")) == ["d1", "d0", "d2", "d3"]
        assert await find(films.order_by("tags")) == ["d3", "d1", "d0", "d2"]
        assert await find(stills.order_by("n", direction=DESCENDING)) == ["d3", "d2", "d0", "d1"]
        assert await find(where(stills, ("n", "==", 3))) == ["d2"]
        assert await find(stills) == ["d0", "d1", "d2", "d3"]

    await run({**NOTHING, "fieldOverrides": OVERRIDES}, ask)


async def test_an_exempted_field_can_be_part_of_a_composite_index(run: Any) -> None:
    """A field without indexes of its own still counts in a composite index."""
    exemption = {"collectionGroup": "reels", "fieldPath": "style", "indexes": []}
    composite = {"collectionGroup": "reels", "queryScope": "COLLECTION", "fields": [up("style"), up("status")]}

    async def ask(client: AsyncClient) -> None:
        await seed(client, "reels")
        assert await find(where(client.collection("reels"), SPLIT, DONE)) == ["d0", "d1"]

    await run({"indexes": [composite], "fieldOverrides": [exemption]}, ask)


async def test_sum_and_average_need_the_index_of_their_order(run: Any) -> None:
    """The fields they read join the order; count reads none."""
    entry = {"collectionGroup": "takes", "queryScope": "COLLECTION", "fields": [up("style"), up("n")]}

    async def ask(client: AsyncClient) -> None:
        await seed(client, "takes")
        query = where(client.collection("takes"), SPLIT)
        assert (await query.count().get())[0][0].value == 3
        with pytest.raises(FailedPrecondition) as refused:
            await query.avg("n").get()
        assert json.dumps(entry) in refused.value.message

    await run(NOTHING, ask)


async def test_two_indexes_that_mirror_each_other_serve_as_two(run: Any) -> None:
    """They share their entries: the descending one is read backwards, but not where it has orders of its own."""
    pairs = [(up("style"), up("n")), (up("style"), down("n")), (up("status"), down("n")), (down("style"), down("n"))]
    indexes = [{"collectionGroup": "pairs", "queryScope": "COLLECTION", "fields": list(fields)} for fields in pairs]

    async def ask(client: AsyncClient) -> list[list[str]]:
        await seed(client, "pairs")
        found = client.collection("pairs")
        falling = where(found, SPLIT).order_by("n", direction=DESCENDING)
        middle = await found.document("d0").get()
        return [
            await find(query)
            for query in (
                where(found, SPLIT).order_by("n"),
                falling,
                falling.start_after(middle),
                falling.end_before(middle),
                falling.start_at({"n": 2}).limit(1),
                where(falling, ("n", ">", 1)),
                where(found, ("style", "in", ["focus", "split"])).order_by("n", direction=DESCENDING),
                where(found, SPLIT, DONE).order_by("n", direction=DESCENDING),
                found.order_by("style").order_by("n", direction=DESCENDING),
                found.order_by("style").order_by("n", direction=DESCENDING).start_after(middle),
                found.order_by("style", direction=DESCENDING).order_by("n", direction=DESCENDING),
                falling.limit_to_last(2),  # last: the client turns the query's own orders round
            )
        ]

    assert await run({**NOTHING, "indexes": indexes}, ask) == [
        ["d1", "d0", "d3"],
        ["d3", "d0", "d1"],
        ["d1"],
        ["d3"],
        ["d0"],
        ["d3", "d0"],
        ["d3", "d2", "d0", "d1"],
        ["d0", "d1"],
        ["d2", "d3", "d0", "d1"],
        ["d1"],
        ["d3", "d0", "d1", "d2"],
        ["d0", "d1"],
    ]
