"""Aggregations in the chapter "Queries" of firestore.md: rules 14 and 15."""

import math
import sys
from typing import Any

from tests.embedded.firestore.conformance.place import Place, value
from tests.embedded.firestore.conformance.rows import INVALID, AggregateRow, Find, Refused, Where, each_row, scenario
from tests.embedded.firestore.conformance.runners import run_aggregate

LARGEST = 2**63 - 1
LARGEST_DOUBLE = sys.float_info.max
NAN = math.nan
COUNT: dict[str, Any] = {"count": {}}


def total(path: str) -> dict[str, Any]:
    """The sum of a field."""
    return {"sum": {"field": {"field_path": path}}}


def average(path: str) -> dict[str, Any]:
    """The average of a field."""
    return {"avg": {"field": {"field_path": path}}}


def numbers(*values: Any) -> dict[str, dict[str, Any]]:
    """Documents with one field, n."""
    return {f"d{index}": {"n": each} for index, each in enumerate(values)}


@each_row(
    AggregateRow(
        rule=14,
        source="P",
        what="default aliases",
        given=numbers(1, 2, 6),
        aggregations=[COUNT, total("n"), average("n")],
        expect={"field_1": 3, "field_2": 9, "field_3": 3.0},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="default aliases skip those that are named",
        given=numbers(1, 2),
        aggregations=[{**COUNT, "alias": "all"}, total("n")],
        expect={"all": 2, "field_1": 3},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="five aggregations",
        given=numbers(1),
        aggregations=[COUNT] * 5,
        expect={f"field_{n}": 1 for n in range(1, 6)},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="six aggregations",
        aggregations=[COUNT] * 6,
        expect=Refused("INVALID_ARGUMENT", "maximum number of aggregations"),
        emulator="differs: ends the call with UNKNOWN",
    ),
    AggregateRow(rule=14, source="P", what="no aggregation", aggregations=[], expect=INVALID),
    AggregateRow(
        rule=14,
        source="P",
        what="a duplicate alias",
        aggregations=[{**COUNT, "alias": "a"}, {**total("n"), "alias": "a"}],
        expect=INVALID,
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="an aggregation that is none",
        aggregations=[{"alias": "a"}],
        expect=INVALID,
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="an integer sum stays an integer",
        given=numbers(LARGEST, -1),
        aggregations=[total("n")],
        expect={"field_1": LARGEST - 1},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="an integer sum that overflows becomes a double",
        given=numbers(LARGEST, 1),
        aggregations=[total("n")],
        expect={"field_1": 2.0**63},
    ),
    AggregateRow(
        rule=14,
        source="C",
        what="a sum over a projection",
        given=numbers(1, 2),
        query={"select": {"fields": [{"field_path": "n"}]}},
        aggregations=[total("n")],
        expect=Refused("INVALID_ARGUMENT", "property masks"),
        emulator="differs: sums",
    ),
    AggregateRow(
        rule=14,
        source="C",
        what="an average over names alone",
        given=numbers(1, 2),
        query={"select": {"fields": [{"field_path": "__name__"}]}},
        aggregations=[COUNT, average("n")],
        expect=Refused("INVALID_ARGUMENT", "only returns keys"),
        emulator="differs: averages",
    ),
    AggregateRow(
        rule=14,
        source="C",
        what="a count over a projection",
        given=numbers(1, 2),
        query={"select": {"fields": [{"field_path": "other"}]}},
        aggregations=[COUNT],
        expect={"field_1": 2},
    ),
    AggregateRow(
        rule=14,
        source="C",
        what="an alias with a dot in it",
        given={"d": {"m": {"n": 2}}},
        aggregations=[{**total("m.n"), "alias": "Sum_m.n"}],
        expect={"Sum_m.n": 2},
    ),
    AggregateRow(
        rule=14,
        source="C",
        what="a sum of doubles is rounded once",
        given=numbers(4.8, 5.9, 6.0, 7.1, 8.2),
        aggregations=[total("n"), average("n")],
        expect={"field_1": 32.0, "field_2": 6.4},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="a sum of doubles that overflows is infinite",
        given=numbers(-LARGEST_DOUBLE, -LARGEST_DOUBLE, 1),
        aggregations=[total("n"), average("n")],
        expect={"field_1": -math.inf, "field_2": -math.inf},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="one infinity wins over numbers",
        given=numbers(math.inf, -LARGEST_DOUBLE, 1),
        aggregations=[total("n"), average("n")],
        expect={"field_1": math.inf, "field_2": math.inf},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="the least double is its own sum",
        given=numbers(5e-324, 0),
        aggregations=[total("n"), average("n")],
        expect={"field_1": 5e-324, "field_2": 0.0},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="a sum with a double is a double",
        given=numbers(1, 2.0),
        aggregations=[total("n")],
        expect={"field_1": 3.0},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="the empty sum, average and count",
        aggregations=[COUNT, total("n"), average("n")],
        expect={"field_1": 0, "field_2": 0, "field_3": None},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="what is no number counts for nothing",
        given=numbers("x", None, 4, [1], True),
        aggregations=[total("n"), average("n")],
        expect={"field_1": 4, "field_2": 4.0},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="NaN wins",
        given=numbers(1, NAN, math.inf),
        aggregations=[total("n"), average("n")],
        expect={"field_1": NAN, "field_2": NAN},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="infinities cancel into NaN",
        given=numbers(math.inf, -math.inf),
        aggregations=[total("n")],
        expect={"field_1": NAN},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="count stops at up_to",
        given=numbers(1, 2, 3),
        aggregations=[{"count": {"up_to": {"value": 2}}}, {"count": {"up_to": {"value": 9}}}],
        expect={"field_1": 2, "field_2": 3},
    ),
    AggregateRow(
        rule=14,
        source="P",
        what="up_to below one",
        emulator="differs: counts to zero",
        aggregations=[{"count": {"up_to": {"value": 0}}}],
        expect=INVALID,
    ),
    AggregateRow(
        rule=15,
        source="M",
        what="a limited sum takes the smallest",
        given=numbers(5, 1, 3),
        query={"limit": {"value": 2}},
        aggregations=[total("n")],
        expect={"field_1": 4},
    ),
    AggregateRow(
        rule=15,
        source="M",
        what="a limited count takes any",
        given=numbers(5, 1, 3),
        query={"limit": {"value": 2}},
        aggregations=[COUNT],
        expect={"field_1": 2},
    ),
    AggregateRow(
        rule=15,
        source="D",
        what="a count beside a sum leaves out documents without the field",
        given={**numbers(5, 1), "other": {"m": 1}},
        aggregations=[COUNT, total("n")],
        expect={"field_1": 2, "field_2": 6},
    ),
    AggregateRow(
        rule=15,
        source="D",
        what="a count alone counts every document",
        given={**numbers(5, 1), "other": {"m": 1}},
        aggregations=[COUNT],
        expect={"field_1": 3},
    ),
    AggregateRow(
        rule=15,
        source="D",
        what="all fields of several aggregations must be there",
        given={"a": {"n": 1, "m": 10}, "b": {"n": 2}, "c": {"m": 20}},
        aggregations=[total("n"), average("m")],
        expect={"field_1": 1, "field_2": 10.0},
    ),
    AggregateRow(
        rule=15,
        source="D",
        what="aggregations keep the query's filters",
        given=numbers(1, 2, 3),
        query={"where": {"field_filter": {"field": {"field_path": "n"}, "op": "LESS_THAN", "value": value(3)}}},
        aggregations=[COUNT, total("n")],
        expect={"field_1": 2, "field_2": 3},
    ),
)
def test_aggregation(place: Place, row: AggregateRow) -> None:
    """Each row's aggregation has the documented result or refusal."""
    run_aggregate(place, row)


@scenario(14, "C", "the client's count, sum and average in one call")
def test_client_aggregation(place: Place) -> None:
    """Several aggregations come back in one answer under their aliases."""
    place.seed(numbers(1, 2, 3))
    query = place.query(Find(where=Where("n", ">", 1)))
    answer = query.count(alias="all").sum("n", alias="total").avg("n", alias="mean").get()
    assert {result.alias: result.value for result in answer[0]} == {"all": 2, "total": 5, "mean": 2.5}
