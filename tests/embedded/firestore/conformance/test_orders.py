"""Orders and cursors in the chapter "Queries" of firestore.md: rules 7 and 10."""

import math

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import (
    INVALID,
    And,
    At,
    Find,
    Or,
    QueryRow,
    Ref,
    StructuredRow,
    Where,
    each_row,
    scenario,
)
from tests.embedded.firestore.conformance.runners import run_query, run_structured

NAN = math.nan

# n and m disagree, and the names disagree with both.
PAIRS = {
    "a": {"n": 2, "m": 1},
    "b": {"n": 1, "m": 2},
    "c": {"n": 2, "m": 2},
    "d": {"n": 1, "m": 1},
}


TEN = {f"d{n}": {"n": n} for n in range(10)}


def order(path: str) -> dict[str, object]:
    """An order in a structured query, upwards."""
    return {"field": {"field_path": path}, "direction": "ASCENDING"}


def above(path: str, bound: int) -> dict[str, object]:
    """A filter in a structured query."""
    return {"field_filter": {"field": {"field_path": path}, "op": "GREATER_THAN", "value": value(bound)}}


@each_row(
    QueryRow(
        rule=7,
        source="P",
        what="without orders by name",
        given={"b": {"n": 1}, "a": {"n": 2}, "c": {}},
        find=Find(),
        expect=["a", "b", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="an inequality orders by its field then by name",
        given=PAIRS,
        find=Find(where=Where("n", ">", 0)),
        expect=["b", "d", "a", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="an equality orders by name alone",
        given=PAIRS,
        find=Find(where=Where("n", "in", [2, 1])),
        expect=["a", "b", "c", "d"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="inequality fields are appended in lexicographic order",
        given=PAIRS,
        find=Find(where=And(Where("n", ">", 0), Where("m", ">", 0))),
        expect=["d", "a", "b", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="inequality fields are appended after explicit orders",
        given=PAIRS,
        find=Find(where=And(Where("n", ">", 0), Where("m", ">", 0)), order_by=["n"]),
        expect=["d", "b", "a", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="appended orders take the last direction",
        given=PAIRS,
        find=Find(where=Where("m", ">", 0), order_by=["-n"]),
        expect=["c", "a", "b", "d"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="names go down with the last direction",
        given=PAIRS,
        find=Find(order_by=["n", "-m"]),
        expect=["b", "d", "c", "a"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="ties go down by name",
        given={"a": {"n": 1}, "b": {"n": 1}, "c": {"n": 0}},
        find=Find(order_by=["-n"]),
        expect=["b", "a", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="an explicit order by name stands",
        given={"a": {"n": 1}, "b": {"n": 1}, "c": {"n": 0}},
        find=Find(order_by=["-n", "__name__"]),
        expect=["a", "b", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="not-equal counts as an inequality",
        given=PAIRS,
        find=Find(where=Where("n", "!=", 5)),
        expect=["b", "d", "a", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="an inequality under OR orders too",
        given=PAIRS,
        find=Find(where=Or(Where("n", ">", 1), Where("m", "==", 1))),
        expect=["d", "a", "c"],
    ),
    QueryRow(
        rule=7,
        source="P",
        what="a range of names",
        given=PAIRS,
        find=Find(where=And(Where("__name__", ">", Ref("a")), Where("__name__", "<=", Ref("c")))),
        expect=["b", "c"],
    ),
)
def test_order(place: Place, row: QueryRow) -> None:
    """Each row's order gives the documented sequence."""
    run_query(place, row)


@each_row(
    QueryRow(
        rule=10,
        source="P",
        what="start_at a prefix keeps all that share it",
        given=PAIRS,
        find=Find(order_by=["n", "m"], start_at=[2]),
        expect=["a", "c"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="start_after a prefix skips all that share it",
        given=PAIRS,
        find=Find(order_by=["n", "m"], start_after=[1]),
        expect=["a", "c"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="end_at a prefix keeps all that share it",
        given=PAIRS,
        find=Find(order_by=["n", "m"], end_at=[1]),
        expect=["d", "b"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="end_before a prefix drops all that share it",
        given=PAIRS,
        find=Find(order_by=["n", "m"], end_before=[2]),
        expect=["d", "b"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="a full cursor between two documents",
        given=PAIRS,
        find=Find(order_by=["n", "m"], start_after=[1, 1], end_before=[2, 2]),
        expect=["b", "a"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="a cursor in descending order",
        given=TEN,
        find=Find(order_by=["-n"], start_after=[4], end_at=[2]),
        expect=["d3", "d2"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="a cursor that lies between values",
        given=TEN,
        find=Find(order_by=["n"], start_at=[2.5], end_at=[4.5]),
        expect=["d3", "d4"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="a snapshot as cursor breaks ties by name",
        given={"a": {"n": 1}, "b": {"n": 1}, "c": {"n": 1}},
        find=Find(order_by=["n"], start_after=[At("a")]),
        expect=["b", "c"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="a cursor on a name that is ordered by",
        given=PAIRS,
        find=Find(order_by=["n", "__name__"], start_after=[1, Ref("b")], end_at=[2, Ref("a")]),
        expect=["d", "a"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="a cursor before a name that is ordered by",
        given=PAIRS,
        find=Find(order_by=["-n", "-__name__"], start_at=[1]),
        expect=["d", "b"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="offset applies after cursors and before limit",
        given=TEN,
        find=Find(order_by=["n"], start_at=[3], offset=2, limit=2),
        expect=["d5", "d6"],
    ),
    QueryRow(
        rule=10,
        source="P",
        what="limit to last takes the end in order",
        given=TEN,
        find=Find(order_by=["n"], limit_to_last=2),
        expect=["d8", "d9"],
    ),
)
def test_cursor(place: Place, row: QueryRow) -> None:
    """Each row's cursor cuts the order where documented."""
    run_query(place, row)


@each_row(
    StructuredRow(
        rule=10,
        source="P",
        what="more cursor values than orders",
        given=PAIRS,
        query={"order_by": [order("n"), order("__name__")], "start_at": {"values": [value(1), value(1), value(1)]}},
        expect=INVALID,
    ),
    StructuredRow(
        rule=10,
        source="P",
        what="a cursor on an order that is only implied",
        given=PAIRS,
        query={"where": above("n", 0), "start_at": {"values": [value(2)], "before": True}},
        expect=INVALID,
    ),
    StructuredRow(
        rule=10,
        source="P",
        what="a cursor on a name that is only implied",
        given=PAIRS,
        query={
            "order_by": [order("n")],
            "start_at": {"values": [value(1), {"reference_value": "{parent}/{collection}/b"}]},
        },
        expect=INVALID,
    ),
    StructuredRow(
        rule=10,
        source="P",
        what="a negative limit",
        query={"limit": {"value": -1}},
        expect=INVALID,
    ),
    StructuredRow(
        rule=10,
        source="P",
        what="a negative offset",
        query={"offset": -1},
        expect=INVALID,
    ),
)
def test_structured_query(place: Place, row: StructuredRow) -> None:
    """Each structured query gives the documented documents or refusal."""
    run_structured(place, row)


@scenario(10, "P", "projection keeps the fields that it lists")
def test_projection(place: Place) -> None:
    """Only the listed fields come back, nested ones inside their maps."""
    place.seed({"a": {"n": 1, "m": {"x": 1, "y": 2}, "o": 3}})
    (snapshot,) = place.query(Find(select=["n", "m.x"])).get()
    assert snapshot.to_dict() == {"n": 1, "m": {"x": 1}}
