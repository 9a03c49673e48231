"""Chapter "Indexes" of firestore.md: rules 18 to 22, on embedded servers that are given an index file.

Each row is a query in a collection of its own. Without an index file it runs. With an empty one it runs too, where
production needs no index for it; otherwise it is refused with the very index that, once it is in the file, lets it run.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition

from embedded.firestore.process import FirestoreProcess
from tests.embedded.firestore.conformance.place import Place, connect
from tests.embedded.firestore.conformance.rows import And, Find, Or, Refused, Row, Where, each_row, scenario
from tests.embedded.firestore.conformance.target import FOREIGN_HOST

NEEDS_INDEX = Refused("FAILED_PRECONDITION", "The query requires an index.")

DOCUMENTS: dict[str, dict[str, Any]] = {
    "a": {"style": "split", "status": "done", "n": 2, "m": 1, "tags": ["x", "y"]},
    "b": {"style": "split", "status": "done", "n": 1, "m": 2, "tags": ["x"]},
    "c": {"style": "focus", "status": "done", "n": 3, "m": 3, "tags": ["y"]},
    "d": {"style": "split", "status": "new", "n": 4, "m": 3, "tags": []},
    "e": {"style": "split", "status": "done"},
}

SPLIT, DONE = Where("style", "==", "split"), Where("status", "==", "done")
Field = dict[str, str]


def up(path: str) -> Field:
    """An ascending field of an index."""
    return {"fieldPath": path, "order": "ASCENDING"}


def down(path: str) -> Field:
    """A descending field of an index."""
    return {"fieldPath": path, "order": "DESCENDING"}


def contains(path: str) -> Field:
    """A field of an index whose array elements are indexed one by one."""
    return {"fieldPath": path, "arrayConfig": "CONTAINS"}


BY_ITSELF = [
    {"order": "ASCENDING", "queryScope": "COLLECTION"},
    {"order": "DESCENDING", "queryScope": "COLLECTION"},
    {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"},
]


@dataclass(frozen=True, kw_only=True)
class IndexRow(Row):
    """A query, and the fields of the index that it needs: none, one in the scope of a group, or a composite."""

    find: Find
    needs: Sequence[Field] = ()
    node: bool = False

    @property
    def entry(self) -> dict[str, Any]:
        """The index in the form of the file, for the collection that is named after the row."""
        scope = "COLLECTION_GROUP" if self.find.group else "COLLECTION"
        if len(self.needs) > 1:
            return {"collectionGroup": self.id, "queryScope": scope, "fields": list(self.needs)}
        ((path, mode),) = [(field["fieldPath"], without_path(field)) for field in self.needs]
        # An override replaces what the field has by itself, so that it is part of it.
        return {"collectionGroup": self.id, "fieldPath": path, "indexes": [*BY_ITSELF, {**mode, "queryScope": scope}]}


def without_path(field: Field) -> Field:
    """How the field is indexed."""
    return {key: value for key, value in field.items() if key != "fieldPath"}


def free(rule: int, what: str, find: Find) -> IndexRow:
    """A query that needs no index of its own."""
    return IndexRow(rule=rule, source="D", what=what, find=find)


def needy(rule: int, what: str, find: Find, *needs: Field) -> IndexRow:
    """A query that needs an index, or a single-field index in another scope."""
    return IndexRow(rule=rule, source="D", what=what, find=find, needs=needs)


FREE = [
    free(18, "an ascending order", Find(order_by=["n"])),
    free(18, "a descending order", Find(order_by=["-n"])),
    free(18, "a range", Find(where=And(Where("n", ">", 1), Where("n", "<", 4)))),
    free(18, "a range in descending order", Find(where=Where("n", ">", 1), order_by=["-n"])),
    free(18, "array-contains", Find(where=Where("tags", "array-contains", "x"))),
    free(18, "array-contains-any", Find(where=Where("tags", "array-contains-any", ["x", "y"]))),
    free(18, "a collection group as a whole", Find(group=True)),
    free(19, "one equality", Find(where=SPLIT)),
    free(19, "equalities on four fields", Find(where=And(SPLIT, DONE, Where("n", "==", 1), Where("m", "==", 2)))),
    free(19, "in", Find(where=Where("n", "in", [1, 3]))),
    free(19, "in beside an equality", Find(where=And(SPLIT, Where("n", "in", [1, 3])))),
    free(19, "not-equal", Find(where=Where("n", "!=", 2))),
    free(19, "not-in", Find(where=Where("n", "not-in", [2, 3]))),
    free(19, "OR of equalities on two fields", Find(where=Or(Where("n", "==", 1), Where("m", "==", 3)))),
    free(19, "an equality and the order of its own field", Find(where=SPLIT, order_by=["style"])),
    free(19, "an equality in the order of names", Find(where=SPLIT, order_by=["__name__"])),
]
NEEDY = [
    needy(18, "a filter on a collection group", Find(where=SPLIT, group=True), up("style")),
    needy(18, "an order of a collection group", Find(order_by=["-n"], group=True), down("n")),
    needy(
        18,
        "array-contains on a collection group",
        Find(where=Where("tags", "array-contains", "x"), group=True),
        contains("tags"),
    ),
    needy(19, "an equality with a range", Find(where=And(SPLIT, Where("n", ">", 1))), up("style"), up("n")),
    needy(19, "an equality with an order", Find(where=SPLIT, order_by=["n"]), up("style"), up("n")),
    needy(19, "an equality with a descending order", Find(where=SPLIT, order_by=["-n"]), up("style"), down("n")),
    needy(19, "an equality with not-equal", Find(where=And(SPLIT, Where("n", "!=", 1))), up("style"), up("n")),
    needy(
        19, "in with an order", Find(where=Where("style", "in", ["split", "x"]), order_by=["n"]), up("style"), up("n")
    ),
    needy(19, "two orders", Find(order_by=["n", "-m"]), up("n"), down("m")),
    needy(19, "two ranges", Find(where=And(Where("n", ">", 1), Where("m", ">", 1))), up("m"), up("n")),
    needy(
        19,
        "array-contains with an order",
        Find(where=Where("tags", "array-contains", "x"), order_by=["n"]),
        contains("tags"),
        up("n"),
    ),
    needy(
        19,
        "a collection group with an equality and an order",
        Find(where=SPLIT, order_by=["n"], group=True),
        up("style"),
        up("n"),
    ),
    needy(
        19,
        "an OR whose parts need an index",
        Find(where=Or(And(SPLIT, Where("n", ">", 1)), Where("n", ">", 3))),
        up("style"),
        up("n"),
    ),
]


INDEX_FILE = {
    "indexes": [
        *(row.entry for row in NEEDY if len(row.needs) > 1),
        {"collectionGroup": "merged", "queryScope": "COLLECTION", "fields": [up("style"), up("n")]},
        {"collectionGroup": "merged", "queryScope": "COLLECTION", "fields": [up("status"), up("n")]},
        {"collectionGroup": "upwards", "queryScope": "COLLECTION", "fields": [up("style"), up("n")]},
    ],
    "fieldOverrides": [
        *(row.entry for row in NEEDY if len(row.needs) == 1),
        {"collectionGroup": "exempted", "fieldPath": "n", "indexes": []},
    ],
}
Places = Callable[[str, str], Place]


@pytest.fixture(scope="module")
def places(host_port: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Gives the collection of that id on the server without a file ("free"), with an empty ("empty") or a full one."""
    if FOREIGN_HOST is not None:
        pytest.skip("starts embedded servers with index files")
    with ExitStack() as stack:
        addresses = {"free": host_port}
        for name, content in (("empty", {"indexes": [], "fieldOverrides": []}), ("full", INDEX_FILE)):
            file = tmp_path_factory.mktemp(name) / "firestore.indexes.json"
            file.write_text(json.dumps(content), encoding="utf-8")
            addresses[name] = stack.enter_context(FirestoreProcess(indexes=file)).host_port
        clients = {name: connect(address) for name, address in addresses.items()}
        yield lambda server, collection_id: Place(clients[server], collection_id)
        for client in clients.values():
            client.close()


def found(places: Places, server: str, row: IndexRow) -> list[str]:
    """The documents that the row's query finds on that server."""
    place = places(server, row.id)
    place.seed(DOCUMENTS)
    return place.find(row.find)


@each_row(*FREE)
def test_no_index_is_needed(places: Places, row: IndexRow) -> None:
    """A query that needs no composite index finds the same with and without an index file."""
    assert found(places, "empty", row) == found(places, "free", row) != []


@each_row(*NEEDY)
def test_index_is_needed(places: Places, row: IndexRow) -> None:
    """A query without its index is refused with the entry to add, and with that entry finds its documents."""
    place = places("empty", row.id)
    place.seed(DOCUMENTS)
    with pytest.raises(FailedPrecondition, match=r"^400 The query requires an index\.") as caught:
        place.find(row.find)
    assert entry_in(caught.value.message) == row.entry
    assert found(places, "full", row) == found(places, "free", row) != []


def entry_in(message: str) -> Any:
    """The index that the message says to add, in the form of the file; a `__name__` at its end is optional."""
    entry, _ = json.JSONDecoder().raw_decode(message[message.index("{") :])
    fields = [field for field in entry.get("fields", []) if field["fieldPath"] != "__name__"]
    return {**entry, "fields": fields} if fields else entry


@scenario(19, "D", "indexes that share their order are merged")
def test_merged(places: Places) -> None:
    """(style, n) and (status, n) together serve equalities on both and the order of n."""
    find = Find(where=And(SPLIT, DONE), order_by=["n"])
    place = places("full", "merged")
    place.seed(DOCUMENTS)
    assert place.find(find) == ["b", "a"]


@scenario(19, "D", "an ascending index does not serve the descending order")
def test_direction(places: Places) -> None:
    """The other direction is an index of its own."""
    with places("full", "upwards").refused(NEEDS_INDEX):
        places("full", "upwards").find(Find(where=SPLIT, order_by=["-n"]))


@scenario(18, "D", "a group's index does not follow from the collection's")
def test_scope(places: Places) -> None:
    """The composite index of scope COLLECTION does not serve the collection group."""
    with places("full", "upwards").refused(NEEDS_INDEX):
        places("full", "upwards").find(Find(where=SPLIT, order_by=["n"], group=True))


@scenario(20, "D", "an aggregation needs the indexes of its query")
def test_aggregation(places: Places) -> None:
    """A count of an equality is free; with a sum of another field it is refused, as that order would be."""
    place = places("empty", "aggregated")
    place.seed(DOCUMENTS)
    query = place.query(Find(where=SPLIT))
    assert query.count().get()[0][0].value == 4
    with place.refused(NEEDS_INDEX):
        query.sum("n").get()


@scenario(20, "D", "a transaction's query and a limit do not excuse from the index")
def test_limited(places: Places) -> None:
    """Nor does an empty collection."""
    place = places("empty", "nothing-here")
    with place.refused(NEEDS_INDEX):
        place.find(Find(where=SPLIT, order_by=["n"], limit=1))


@scenario(20, "D", "without an index file every query runs")
def test_unenforced(places: Places) -> None:
    """As on Google's own emulator, which is how such queries reach production."""
    place = places("free", "unenforced")
    place.seed(DOCUMENTS)
    assert place.find(Find(where=And(SPLIT, DONE, Where("n", ">", 0)), order_by=["-n"])) == ["a", "b"]


@scenario(21, "D", "a field override without indexes exempts the field")
def test_exempted(places: Places) -> None:
    """Queries on it are refused; its neighbour is indexed as ever; the document itself is whole."""
    place = places("full", "exempted")
    place.seed(DOCUMENTS)
    for find in (Find(order_by=["n"]), Find(where=Where("n", "==", 1)), Find(where=Where("n", ">", 1))):
        with place.refused(NEEDS_INDEX):
            place.find(find)
    assert place.find(Find(where=Where("m", ">", 2))) == ["c", "d"]
    assert place.read("a")["n"] == 2
