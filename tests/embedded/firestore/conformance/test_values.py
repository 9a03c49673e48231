"""Chapter "Values and order" of firestore.md: rules 1 to 6."""

import math
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import (
    INVALID,
    Create,
    Find,
    QueryRow,
    Ref,
    StructuredRow,
    Where,
    WriteRow,
    each_row,
    scenario,
)
from tests.embedded.firestore.conformance.runners import run_query, run_structured, run_write

moment = partial(DatetimeWithNanoseconds, 2026, 1, 2, tzinfo=UTC)
NAN, INFINITY = math.nan, math.inf
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)

# In UTF-8 the emoji is above the wide tilde (F0 > EF); in UTF-16 its first unit is below it (D83D < FF5E).
WIDE, EMOJI = "\uff5e", "\U0001f600"

BY_VALUE = Find(order_by=["v"])


def values(**by_id: Any) -> dict[str, dict[str, Any]]:
    """Documents with one field, v."""
    return {key: {"v": value} for key, value in by_id.items()}


ONE_OF_EACH_TYPE = values(
    null=None,
    false=False,
    true=True,
    nan=NAN,
    number=-1.5,
    timestamp=MOMENT,
    string="",
    bytes=b"",
    reference=Ref("x"),
    geo=GeoPoint(-90, -180),
    array=[],
    vector=Vector([0.0]),
    map={},
)
TYPES_IN_ORDER = list(ONE_OF_EACH_TYPE)


MIXED: dict[str, dict[str, Any]] = {
    "a": {"v": None},
    "b": {"v": NAN},
    "c": {"v": 1},
    "d": {"v": [None, NAN]},
    "e": {"v": [1, None]},
}


def without_null_and_nan(what: str, op: str, operand: Any, expect: list[str]) -> StructuredRow:
    """A row of a filter that never finds null or NaN, which the client would not send."""
    query = {"where": {"field_filter": {"field": {"field_path": "v"}, "op": op, "value": value(operand)}}}
    return StructuredRow(rule=2, source="P", what=what, given=MIXED, query=query, expect=expect)


@each_row(
    without_null_and_nan("in leaves out null and NaN", "IN", [None, NAN, 1], ["c"]),
    without_null_and_nan("in of null and NaN alone finds nothing", "IN", [None, NAN], []),
    without_null_and_nan("array-contains null finds nothing", "ARRAY_CONTAINS", None, []),
    without_null_and_nan("array-contains NaN finds nothing", "ARRAY_CONTAINS", NAN, []),
    without_null_and_nan("array-contains-any leaves out null and NaN", "ARRAY_CONTAINS_ANY", [None, NAN, 1], ["e"]),
    without_null_and_nan("array-contains-any of null and NaN alone", "ARRAY_CONTAINS_ANY", [None, NAN], []),
    without_null_and_nan("equality finds null", "EQUAL", None, ["a"]),
    without_null_and_nan("equality finds NaN", "EQUAL", NAN, ["b"]),
    without_null_and_nan("equality finds null and NaN in an array", "EQUAL", [None, NAN], ["d"]),
)
def test_null_and_nan(place: Place, row: StructuredRow) -> None:
    """Null and NaN are equal to themselves, and lists of wanted values do not find them."""
    run_structured(place, row)


@each_row(
    QueryRow(rule=1, source="D", what="types in order", given=ONE_OF_EACH_TYPE, find=BY_VALUE, expect=TYPES_IN_ORDER),
    QueryRow(
        rule=1,
        source="D",
        what="types in descending order",
        given=ONE_OF_EACH_TYPE,
        find=Find(order_by=["-v"]),
        expect=TYPES_IN_ORDER[::-1],
    ),
    QueryRow(
        rule=1,
        source="D",
        what="a cursor goes on into the later types",
        given=ONE_OF_EACH_TYPE,
        find=Find(order_by=["v"], start_after=[""]),
        expect=TYPES_IN_ORDER[TYPES_IN_ORDER.index("bytes") :],
    ),
    QueryRow(
        rule=1,
        source="D",
        what="numbers from minus infinity upwards",
        given=values(a=INFINITY, b=1e300, c=0.5, d=-1, e=-INFINITY, f=NAN, g=2**63 - 1),
        find=BY_VALUE,
        expect=["f", "e", "d", "c", "g", "b", "a"],
    ),
    QueryRow(
        rule=1,
        source="D",
        what="timestamps by time",
        given=values(a=MOMENT, b=MOMENT - timedelta(microseconds=1), c=datetime(1969, 1, 1, tzinfo=UTC)),
        find=BY_VALUE,
        expect=["c", "b", "a"],
    ),
    QueryRow(
        rule=1,
        source="D",
        what="bytes as unsigned",
        given=values(a=b"\xff", b=b"\x7f\x01", c=b"\x7f", d=b""),
        find=BY_VALUE,
        expect=["d", "c", "b", "a"],
    ),
    QueryRow(
        rule=1,
        source="D",
        what="geo points by latitude then longitude",
        given=values(a=GeoPoint(1, 1), b=GeoPoint(1, -1), c=GeoPoint(-1, 100)),
        find=BY_VALUE,
        expect=["c", "b", "a"],
    ),
    QueryRow(
        rule=1,
        source="D",
        what="vectors by dimension then element",
        given=values(a=Vector([1.0, 0.0]), b=Vector([9.0]), c=Vector([1.0])),
        find=BY_VALUE,
        expect=["c", "b", "a"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="an integer finds its double",
        given=values(a=3, b=3.0, c="3", d=[3], e=3.5),
        find=Find(where=Where("v", "==", 3)),
        expect=["a", "b"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="a double finds its integer",
        given=values(a=3, b=3.0, c=4),
        find=Find(where=Where("v", "in", [3.0])),
        expect=["a", "b"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="equal numbers are ordered by name",
        given=values(a=3.0, b=3, c=2.5, d=3.0),
        find=BY_VALUE,
        expect=["c", "a", "b", "d"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="integers beyond 2 to the 53 keep their value beside doubles",
        given=values(a=2**53 + 1, b=2.0**53, c=2**53, d=2**53 - 1),
        find=BY_VALUE,
        expect=["d", "b", "c", "a"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="minus zero equals zero",
        given=values(a=-0.0, b=0, c=0.0),
        find=Find(where=Where("v", "==", 0)),
        expect=["a", "b", "c"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="numbers inside arrays are equal by value",
        given=values(a=[1, 2.0], b=[1.0, 2], c=[1, "2"]),
        find=Find(where=Where("v", "==", [1, 2])),
        expect=["a", "b"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="numbers inside maps are equal by value",
        given=values(a={"n": 1}, b={"n": 1.0}, c={"n": 2}),
        find=Find(where=Where("v", "==", {"n": 1})),
        expect=["a", "b"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="array-contains compares by value",
        given=values(a=[1, 3.0], b=[3], c=3, d=["3", 3], e=["3"]),
        find=Find(where=Where("v", "array-contains", 3)),
        expect=["a", "b", "d"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="NaN equals NaN",
        given=values(a=NAN, b=1, c=None),
        find=Find(where=Where("v", "==", NAN)),
        expect=["a"],
    ),
    QueryRow(
        rule=2,
        source="P",
        what="NaN equals NaN inside arrays",
        given=values(a=[NAN], b=[1]),
        find=Find(where=Where("v", "==", [NAN])),
        expect=["a"],
    ),
    QueryRow(
        rule=3,
        source="D",
        what="strings by their UTF-8 bytes",
        given=values(a=EMOJI, b=WIDE, c="é", d="z", e="Z"),
        find=BY_VALUE,
        expect=["e", "d", "c", "b", "a"],
    ),
    QueryRow(
        rule=3,
        source="D",
        what="a range of strings by their UTF-8 bytes",
        given=values(a=EMOJI, b=WIDE),
        find=Find(where=Where("v", ">", WIDE)),
        expect=["a"],
    ),
    QueryRow(
        rule=3,
        source="D",
        what="document ids by their UTF-8 bytes",
        given={EMOJI: {}, WIDE: {}, "z": {}},
        find=Find(),
        expect=["z", WIDE, EMOJI],
    ),
    QueryRow(
        rule=3,
        source="D",
        what="map keys by their UTF-8 bytes",
        given=values(a={EMOJI: 1}, b={WIDE: 2}),
        find=BY_VALUE,
        expect=["b", "a"],
    ),
    QueryRow(
        rule=3,
        source="D",
        what="strings inside arrays by their UTF-8 bytes",
        given=values(a=[EMOJI], b=[WIDE]),
        find=BY_VALUE,
        expect=["b", "a"],
    ),
    QueryRow(
        rule=4,
        source="D",
        what="arrays element by element then by length",
        given=values(a=[2], b=[1, 3], c=[1, 2, 0], d=[1, 2], e=[1], f=[]),
        find=BY_VALUE,
        expect=["f", "e", "d", "c", "b", "a"],
    ),
    QueryRow(
        rule=4,
        source="D",
        what="types inside arrays are ordered as outside",
        given=values(a=[{}], b=["x"], c=[1], d=[None]),
        find=BY_VALUE,
        expect=["d", "c", "b", "a"],
    ),
    QueryRow(
        rule=4,
        source="D",
        what="maps by sorted key, value, size",
        given=values(a={"b": 0}, b={"a": 2}, c={"c": 0, "a": 1}, d={"b": 0, "a": 1}, e={"a": 1}, f={}),
        find=BY_VALUE,
        expect=["f", "e", "d", "c", "b", "a"],
    ),
    QueryRow(
        rule=4,
        source="D",
        what="references by path segment",
        given=values(a=Ref("b"), b=Ref("a!"), c=Ref("a/s/x"), d=Ref("a")),
        find=BY_VALUE,
        expect=["d", "c", "b", "a"],
    ),
    QueryRow(
        rule=4,
        source="D",
        what="numeric ids in references come first and by number",
        given=values(a=Ref("0"), b=Ref("__id10__"), c=Ref("__id7__"), d=Ref("__id-1__")),
        find=BY_VALUE,
        expect=["d", "c", "b", "a"],
    ),
    QueryRow(
        rule=5,
        source="D",
        what="strings are ordered by their first 1500 bytes",
        given=values(a="x" * 1500 + "2", b="x" * 1500 + "1", c="x" * 1499),
        find=BY_VALUE,
        expect=["c", "a", "b"],
    ),
    QueryRow(
        rule=5,
        source="D",
        what="bytes are ordered by their first 1500",
        given=values(a=b"x" * 1500 + b"2", b=b"x" * 1500 + b"1", c=b"x" * 1499),
        find=BY_VALUE,
        expect=["c", "a", "b"],
    ),
)
def test_order(place: Place, row: QueryRow) -> None:
    """Values of each type come in the documented order."""
    run_query(place, row)


@each_row(
    WriteRow(
        rule=5,
        source="P",
        what="timestamps are rounded down to the microsecond",
        writes=[Create("a", {"v": moment(nanosecond=123_456_999)})],
        expect={"a": {"v": moment(nanosecond=123_456_000)}},
    ),
    WriteRow(
        rule=2,
        source="P",
        what="numbers come back with their own type",
        writes=[Create("a", {"v": [3, 3.0, -0.0, NAN, -INFINITY, -(2**63), 2**63 - 1, 5e-324]})],
        expect={"a": {"v": [3, 3.0, -0.0, NAN, -INFINITY, -(2**63), 2**63 - 1, 5e-324]}},
        node=False,
    ),
    WriteRow(
        rule=6,
        source="P",
        what="an array in an array",
        writes=[Create("b", {"v": 1}), Create("a", {"v": [[1]]})],
        expect=INVALID,
    ),
    WriteRow(
        rule=6,
        source="P",
        what="an array in a map in an array",
        writes=[Create("a", {"v": [{"w": [1]}]})],
        expect={"a": {"v": [{"w": [1]}]}},
    ),
    WriteRow(rule=6, source="P", what="a reserved field name", writes=[Create("a", {"__v__": 1})], expect=INVALID),
    WriteRow(
        rule=6,
        source="P",
        what="a reserved field name inside a map",
        writes=[Create("a", {"v": {"__v__": 1}})],
        expect=INVALID,
    ),
    WriteRow(
        rule=6,
        source="P",
        what="names that are only almost reserved",
        writes=[Create("a", {"__v": 1, "v__": 2, "_v_": 3})],
        expect={"a": {"__v": 1, "v__": 2, "_v_": 3}},
    ),
    WriteRow(
        rule=6,
        source="D",
        what="a document just below 1 MiB",
        writes=[Create("a", {"v": "x" * 600_000, "w": "x" * 448_000})],
        expect={"a": {"v": "x" * 600_000, "w": "x" * 448_000}},
        node=False,
    ),
    WriteRow(
        rule=6,
        source="D",
        what="a document just above 1 MiB",
        writes=[Create("a", {"v": "x" * 600_000, "w": "x" * 449_000})],
        expect=INVALID,
        node=False,
    ),
)
def test_storing(place: Place, row: WriteRow) -> None:
    """Each value is stored as it is, or refused as documented."""
    run_write(place, row)


@scenario(1, "D", "every type comes back as it went in")
def test_round_trip(place: Place) -> None:
    """A document of all types reads back equal, types included."""
    place.seed(ONE_OF_EACH_TYPE)
    assert place.content() == {key: place.expected(fields) for key, fields in ONE_OF_EACH_TYPE.items()}
