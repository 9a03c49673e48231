"""Filters in the chapter "Queries" of firestore.md: rules 8, 9 and 11 to 13."""

import math
from datetime import UTC, datetime

from tests.embedded.firestore.conformance.place import Place
from tests.embedded.firestore.conformance.rows import (
    INVALID,
    And,
    Delete,
    Documents,
    Find,
    Or,
    QueryRow,
    Where,
    each_row,
    scenario,
)
from tests.embedded.firestore.conformance.runners import run_query

NAN = math.nan

# n and m disagree, and the names disagree with both.
PAIRS = {
    "a": {"n": 2, "m": 1},
    "b": {"n": 1, "m": 2},
    "c": {"n": 2, "m": 2},
    "d": {"n": 1, "m": 1},
}


MIXED: Documents = {
    "null": {"v": None},
    "true": {"v": True},
    "one": {"v": 1},
    "nine": {"v": 9.5},
    "time": {"v": datetime(2026, 1, 1, tzinfo=UTC)},
    "text": {"v": "m"},
    "bytes": {"v": b"m"},
    "list": {"v": [5]},
    "map": {"v": {"v": 5}},
    "missing": {"w": 1},
}


TEN = {f"d{n}": {"n": n} for n in range(10)}


TAGS = {
    "a": {"tags": ["x", "y"], "n": 1},
    "b": {"tags": ["y"], "n": 2},
    "c": {"tags": ["z"], "n": 3},
    "d": {"tags": "x", "n": 4},
}


def one_of(count: int, path: str = "n") -> Or:
    """An OR of that many equalities."""
    return Or(*(Where(path, "==", n) for n in range(count)))


@each_row(
    QueryRow(
        rule=8,
        source="D",
        what="ordering leaves out documents without the field",
        given=MIXED,
        find=Find(order_by=["w"]),
        expect=["missing"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="every ordered field must be there",
        given={**PAIRS, "e": {"n": 1}, "f": {"m": 1}},
        find=Find(order_by=["n", "m"]),
        expect=["d", "b", "a", "c"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="ordering keeps null",
        given={"a": {"v": None}, "b": {}, "c": {"v": 1}},
        find=Find(order_by=["v"]),
        expect=["a", "c"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="an inequality leaves out documents without the field",
        given={"a": {"v": 1}, "b": {}, "c": {"v": None}},
        find=Find(where=Where("v", "<", 5)),
        expect=["a"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="not-equal leaves out null and missing",
        given={"a": {"v": None}, "b": {}, "c": {"v": 1}, "d": {"v": "x"}, "e": {"v": 2}, "f": {"v": NAN}},
        find=Find(where=Where("v", "!=", 1)),
        expect=["f", "e", "d"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="not-in leaves out null and missing",
        given={"a": {"v": None}, "b": {}, "c": {"v": 1}, "d": {"v": "x"}, "e": {"v": 2}},
        find=Find(where=Where("v", "not-in", [1, "y"])),
        expect=["e", "d"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="is-not-null leaves out null and missing",
        given={"a": {"v": None}, "b": {}, "c": {"v": 1}, "d": {"v": NAN}},
        find=Find(where=Where("v", "!=", None)),
        expect=["d", "c"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="is-not-NaN leaves out null and missing",
        given={"a": {"v": None}, "b": {}, "c": {"v": 1}, "d": {"v": NAN}, "e": {"v": "x"}},
        find=Find(where=Where("v", "!=", NAN)),
        expect=["c", "e"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="is-null finds null and not missing",
        given={"a": {"v": None}, "b": {}, "c": {"v": 0}},
        find=Find(where=Where("v", "==", None)),
        expect=["a"],
    ),
    QueryRow(
        rule=8,
        source="D",
        what="a field inside a map that is missing",
        given={"a": {"v": {"w": 1}}, "b": {"v": {}}, "c": {"v": 1}, "d": {"v.w": 1}},
        find=Find(order_by=["v.w"]),
        expect=["a"],
    ),
)
def test_missing(place: Place, row: QueryRow) -> None:
    """A filter on a field that some documents lack finds the documented ones."""
    run_query(place, row)


@each_row(
    QueryRow(
        rule=9,
        source="D",
        what="a range of numbers finds numbers only",
        given=MIXED,
        find=Find(where=Where("v", ">=", 1)),
        expect=["one", "nine"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range below a number finds numbers only",
        given=MIXED,
        find=Find(where=Where("v", "<", 9)),
        expect=["one"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range of strings finds strings only",
        given=MIXED,
        find=Find(where=Where("v", ">", "")),
        expect=["text"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range of bytes finds bytes only",
        given=MIXED,
        find=Find(where=Where("v", "<=", b"z")),
        expect=["bytes"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range of booleans finds booleans only",
        given=MIXED,
        find=Find(where=Where("v", ">=", False)),
        expect=["true"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range of timestamps finds timestamps only",
        given=MIXED,
        find=Find(where=Where("v", "<", datetime(2030, 1, 1, tzinfo=UTC))),
        expect=["time"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range of arrays finds arrays only",
        given=MIXED,
        find=Find(where=Where("v", ">", [])),
        expect=["list"],
    ),
    QueryRow(
        rule=9,
        source="D",
        what="a range of maps finds maps only",
        given=MIXED,
        find=Find(where=Where("v", ">=", {})),
        expect=["map"],
    ),
)
def test_range(place: Place, row: QueryRow) -> None:
    """A range finds the documented values of its type."""
    run_query(place, row)


@each_row(
    QueryRow(
        rule=11,
        source="D",
        what="in finds each of its values once",
        given=PAIRS,
        find=Find(where=Where("n", "in", [2, 2, 2.0, 7])),
        expect=["a", "c"],
    ),
    QueryRow(
        rule=11,
        source="D",
        what="in with 30 values",
        given=TEN,
        find=Find(where=Where("n", "in", list(range(30)))),
        expect=list(TEN),
    ),
    QueryRow(
        rule=11,
        source="D",
        what="in with 31 values",
        given=TEN,
        find=Find(where=Where("n", "in", list(range(31)))),
        expect=INVALID,
    ),
    QueryRow(
        rule=11,
        source="D",
        what="array-contains-any with 31 values",
        given=TAGS,
        find=Find(where=Where("tags", "array-contains-any", list(range(31)))),
        expect=INVALID,
    ),
    QueryRow(
        rule=11,
        source="D",
        what="array-contains-any finds each document once and arrays only",
        given=TAGS,
        find=Find(where=Where("tags", "array-contains-any", ["x", "y"])),
        expect=["a", "b"],
    ),
    QueryRow(
        rule=11,
        source="D",
        what="OR of 30 disjunctions",
        given=TEN,
        find=Find(where=one_of(30)),
        expect=list(TEN),
    ),
    QueryRow(
        rule=11,
        source="D",
        what="OR of 31 disjunctions",
        given=TEN,
        find=Find(where=one_of(31)),
        expect=INVALID,
    ),
    QueryRow(
        rule=11,
        source="D",
        what="AND of two ORs multiplies to 30",
        given=PAIRS,
        find=Find(where=And(one_of(6), one_of(5, "m"))),
        expect=["a", "b", "c", "d"],
    ),
    QueryRow(
        rule=11,
        source="D",
        what="AND of two ORs multiplies to 36",
        given=PAIRS,
        find=Find(where=And(one_of(6), one_of(6, "m"))),
        expect=INVALID,
    ),
    QueryRow(
        rule=11,
        source="D",
        what="in and array-contains-any multiply too",
        given=TAGS,
        find=Find(
            where=And(Where("n", "in", list(range(6))), Where("tags", "array-contains-any", ["x", "y", 1, 2, 3, 4]))
        ),
        expect=INVALID,
    ),
    QueryRow(
        rule=11,
        source="D",
        what="OR of overlapping parts finds a document once",
        given=PAIRS,
        find=Find(where=Or(Where("n", "==", 1), Where("m", "==", 1), And(Where("n", "==", 1), Where("m", "==", 1)))),
        expect=["a", "b", "d"],
    ),
    QueryRow(
        rule=11,
        source="D",
        what="OR with order and limit",
        given=TEN,
        find=Find(where=Or(Where("n", "==", 9), Where("n", "<", 3)), order_by=["-n"], limit=3),
        expect=["d9", "d2", "d1"],
    ),
)
def test_disjunctions(place: Place, row: QueryRow) -> None:
    """Each row's disjunction finds the documented documents, or is refused."""
    run_query(place, row)


@each_row(
    QueryRow(
        rule=12,
        source="P",
        what="not-in with 10 values",
        given=TEN,
        find=Find(where=Where("n", "not-in", [*range(1, 10), "x"])),
        expect=["d0"],
    ),
    QueryRow(
        rule=12,
        source="P",
        what="not-in with 11 values",
        given=TEN,
        find=Find(where=Where("n", "not-in", list(range(11)))),
        expect=INVALID,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="not-in without values",
        given=TEN,
        find=Find(where=Where("n", "not-in", [])),
        expect=INVALID,
        node=False,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="in without values",
        given=TEN,
        find=Find(where=Where("n", "in", [])),
        expect=INVALID,
        node=False,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="not-in beside OR",
        given=PAIRS,
        find=Find(where=And(Where("n", "not-in", [7]), Or(Where("m", "==", 1), Where("m", "==", 2)))),
        expect=INVALID,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="not-in beside in",
        given=PAIRS,
        find=Find(where=And(Where("n", "not-in", [7]), Where("m", "in", [1, 2]))),
        expect=INVALID,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="not-in beside array-contains-any",
        given=TAGS,
        find=Find(where=And(Where("n", "not-in", [7]), Where("tags", "array-contains-any", ["x", "y"]))),
        expect=INVALID,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="not-in beside not-equal",
        given=PAIRS,
        find=Find(where=And(Where("n", "not-in", [7]), Where("n", "!=", 1))),
        expect=INVALID,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="two not-in",
        given=PAIRS,
        find=Find(where=And(Where("n", "not-in", [7]), Where("n", "not-in", [1]))),
        expect=INVALID,
    ),
    QueryRow(
        rule=12,
        source="P",
        what="two not-equal",
        given=PAIRS,
        find=Find(where=And(Where("n", "!=", 7), Where("n", "!=", 1))),
        expect=INVALID,
    ),
    QueryRow(
        rule=13,
        source="D",
        what="two array-contains in one disjunction",
        given=TAGS,
        find=Find(where=And(Where("tags", "array-contains", "x"), Where("tags", "array-contains", "y"))),
        expect=INVALID,
    ),
    QueryRow(
        rule=13,
        source="D",
        what="an array-contains in each disjunction",
        given=TAGS,
        find=Find(where=Or(Where("tags", "array-contains", "x"), Where("tags", "array-contains", "z"))),
        expect=["a", "c"],
    ),
)
def test_combination(place: Place, row: QueryRow) -> None:
    """Each row's combination of filters is allowed or refused as documented."""
    run_query(place, row)


@scenario(8, "D", "a changed document moves in its queries")
def test_index_follows(place: Place) -> None:
    """After an update and a delete the queries see the new values and only them."""
    place.seed({"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}})
    place.ref("a").set({"n": 9})
    place.ref("b").update({"m": 1})
    place.commit([Delete("c")])
    assert place.find(Find(order_by=["n"])) == ["b", "a"]
    assert place.find(Find(where=Where("n", "==", 1))) == []
