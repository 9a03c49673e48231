"""Chapter "Limits" of firestore.md: rules 32 to 34.

The 270 s of a transaction and its 60 s of idleness are left to tests of the server's own, which can turn its clock.
"""

from functools import reduce
from typing import Any

from google.cloud.firestore import Increment

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import (
    INVALID,
    Create,
    RequestRow,
    Set,
    Update,
    WriteRow,
    each_row,
    scenario,
)
from tests.embedded.firestore.conformance.runners import run_request, run_write

LARGEST_VALUE_BYTES = 2**20 - 89


def nested(levels: int) -> dict[str, Any]:
    """Fields with that many maps, one in the other."""
    return reduce(lambda inner, _: {"m": inner}, range(levels), {"n": 1})


@each_row(
    WriteRow(
        rule=32, source="D", what="20 maps in each other", writes=[Create("a", nested(20))], expect={"a": nested(20)}
    ),
    WriteRow(
        rule=32, source="D", what="21 maps in each other", writes=[Create("a", nested(21))], expect=INVALID, node=False
    ),
    WriteRow(
        rule=32,
        source="D",
        what="a field name of 1500 bytes",
        writes=[Create("a", {"é" * 750: 1})],
        expect={"a": {"é" * 750: 1}},
    ),
    WriteRow(
        rule=32,
        source="D",
        what="a field name of 1501 bytes",
        writes=[Create("a", {"é" * 750 + "e": 1})],
        expect=INVALID,
    ),
    WriteRow(
        rule=32,
        source="D",
        what="a field value just below 1 MiB less 89 bytes",
        writes=[Create("a", {"v": "x" * (LARGEST_VALUE_BYTES - 10)})],
        expect={"a": {"v": "x" * (LARGEST_VALUE_BYTES - 10)}},
        node=False,
    ),
    WriteRow(
        rule=32,
        source="D",
        what="a field value above 1 MiB less 89 bytes",
        writes=[Create("a", {"v": b"x" * (LARGEST_VALUE_BYTES + 1)})],
        expect=INVALID,
        node=False,
    ),
    WriteRow(
        rule=32,
        source="D",
        what="500 transforms of one document",
        writes=[Set("a", {"n": 0}), Update("a", {f"f{n}": Increment(n) for n in range(500)})],
        expect={"a": {"n": 0, **{f"f{n}": n for n in range(500)}}},
    ),
    WriteRow(
        rule=32,
        source="D",
        what="501 transforms of one document",
        writes=[Set("a", {"n": 0}), Update("a", {f"f{n}": Increment(n) for n in range(501)})],
        expect=INVALID,
        emulator="differs: has no such limit",
    ),
    WriteRow(
        rule=32,
        source="D",
        what="501 writes in one commit",
        writes=[Create(f"d{n}", {}) for n in range(501)],
        expect={f"d{n}": {} for n in range(501)},
    ),
    WriteRow(
        rule=34,
        source="D",
        what="an id of 1500 bytes",
        writes=[Create("é" * 750, {"n": 1})],
        expect={"é" * 750: {"n": 1}},
    ),
    WriteRow(
        rule=34,
        source="D",
        what="ids that are only almost reserved",
        writes=[Create(path, {}) for path in ("...", "__a", "a__", "_", "___", "____", " ", "a.b", "`", "\n")],
        expect={path: {} for path in ("...", "__a", "a__", "_", "___", "____", " ", "a.b", "`", "\n")},
    ),
)
def test_client_limits(place: Place, row: WriteRow) -> None:
    """Each write at or over a limit is taken or refused as documented."""
    run_write(place, row)


def write_to(path: str, **fields: Any) -> dict[str, Any]:
    """A Commit request that sets a document below the root, whatever its name."""
    document = {"name": f"{{parent}}/{path}", "fields": {key: value(each) for key, each in fields.items()}}
    return {"database": "{database}", "writes": [{"update": document}]}


def named(rule: int, what: str, path: str, **row: Any) -> RequestRow:
    """A row about a document's name, which is refused where the row says nothing else."""
    request = write_to(path)
    return RequestRow(rule=rule, source="D", what=what, method="commit", request=request, **{"expect": INVALID, **row})


@each_row(
    named(32, "a document 100 sub-collections deep", "{collection}" + "/a/b" * 99 + "/a", expect=None),
    named(32, "a document 101 sub-collections deep", "{collection}" + "/a/b" * 100 + "/a"),
    named(
        32,
        "a document name above 6 KiB",
        "{collection}/" + "/".join(["x" * 1400] * 5),
        emulator="differs: has no such limit",
    ),
    named(34, "an id of 1501 bytes", "{collection}/" + "é" * 750 + "e"),
    named(34, "a collection id of 1501 bytes", "x" * 1501 + "/a"),
    named(34, "the id of one dot", "{collection}/."),
    named(34, "the id of two dots", "{collection}/.."),
    named(34, "a reserved id", "{collection}/__a__"),
    named(34, "a reserved collection id", "__a__/b"),
    named(34, "a reserved id with a line feed in it", "{collection}/__\n__"),
    named(34, "five underscores", "{collection}/_____"),
    named(34, "a collection called by four underscores", "{collection}/a/____/b", expect=None),
    named(34, "an empty id", "{collection}/"),
    named(34, "a name that ends at a collection", "{collection}/a/b"),
)
def test_names(place: Place, row: RequestRow) -> None:
    """Each name at or over a limit is taken or refused as documented."""
    run_request(place, row)


@scenario(32, "D", "a request above 10 MiB", emulator="differs: ends at gRPC's own 4 MiB")
def test_request_size(place: Place) -> None:
    """The commit is refused as the caller's mistake, and nothing of it is there."""
    with place.refused(INVALID):
        place.commit([Create(f"d{n}", {"v": "x" * 1_000_000}) for n in range(12)])
    assert place.content() == {}


@scenario(32, "D", "a request of 9 MiB", emulator="differs: ends at gRPC's own 4 MiB")
def test_request_within_size(place: Place) -> None:
    """The commit goes through."""
    place.commit([Create(f"d{n}", {"v": "x" * 1_000_000}) for n in range(9)])
    assert place.collection.count().get()[0][0].value == 9


@scenario(33, "D", "a burst of writes on one document is no error")
def test_burst(place: Place) -> None:
    """Far more than one write a second, and each of them counts."""
    for _ in range(30):
        place.commit([Set("a", {"n": Increment(1)}, merge=True)])
    assert place.read("a") == {"n": 30}
