"""The values that hypothesis draws from: few names and few values, so that they meet often, and the awkward ones."""

import math
from typing import Any

from hypothesis import strategies as st

from tests.embedded.firestore.reference.documents import MAX_INT64, MIN_INT64, Transform, Write
from tests.embedded.firestore.reference.queries import (
    INEQUALITIES,
    NAME,
    RANGES,
    UNARY,
    Composite,
    Cursor,
    Filter,
    Query,
    Where,
    is_in_scope,
)
from tests.embedded.firestore.reference.values import FieldPath, Fields, Point, Reference, Time

ROOT = "projects/p/databases/(default)/documents"  # references point to another database than any test's own
PATHS = ("c/a", "c/b", "c/é", "c/a/sub/x", "c/a/sub/y", "c/missing/sub/x", "d/a", "d/a/c/a", "d/a/c/z")
SCOPES = (("", "c", False), ("c/a", "sub", False), ("", "sub", True), ("", "c", True), ("d/a", "c", True))
FIELD_PATHS: tuple[FieldPath, ...] = (("a",), ("b",), ("m", "x"), ("m",), ("odd`.\\ name",))

NUMBERS = (0, 1, 3, 3.0, -0.0, 0.0, 2.5, -1, 2**53, 2**53 + 1, float(2**53), MIN_INT64, MAX_INT64, 1e300, math.inf)
SCALARS: tuple[Any, ...] = (
    *NUMBERS,
    None,
    False,
    True,
    math.nan,
    -math.inf,
    Time(0),
    Time(1_700_000_000_123_456),
    "",
    "a",
    "a\0b",
    "é",
    "\uffff",
    "\U0001f3ac",  # after \uffff by its UTF-8 bytes, before it by UTF-16 units
    b"",
    b"\xff",
    Reference(f"{ROOT}/c/a"),
    Reference(f"{ROOT}/c/a/sub/x"),
    Point(48.1, -11.5),
    Point(-90.0, 0.0),
)

numbers = st.sampled_from(NUMBERS)
scalars = st.sampled_from(SCALARS)
elements: st.SearchStrategy[Any] = scalars | st.fixed_dictionaries({"k": scalars})
values: st.SearchStrategy[Any] = (
    scalars | st.lists(elements, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "é"]), elements)
)
bad_values = st.sampled_from([[[1]], {"__reserved__": 1}, [{"x": [[]]}]])
field_paths = st.sampled_from(FIELD_PATHS)
# No null: `!= null` and `is null` are drawn as unary filters, and what a range makes of null is not told.
operands = values.filter(lambda value: value is not None and value == value)  # noqa: PLR0124 - nor NaN
fields: st.SearchStrategy[Fields] = st.fixed_dictionaries(
    {}, optional={"a": values, "b": values, "m": st.fixed_dictionaries({}, optional={"x": values, "y": scalars})}
)


@st.composite
def transforms(draw: st.DrawFn) -> Transform:
    """One transform of one field."""
    kind = draw(st.sampled_from(["request_time", "increment", "maximum", "minimum", "union", "remove"]))
    operand: Any = None
    if kind in {"increment", "maximum", "minimum"}:
        operand = draw(numbers | st.just(math.nan))
    elif kind != "request_time":
        operand = draw(st.lists(elements, max_size=3))
    return Transform(kind, draw(field_paths), operand)


@st.composite
def writes(draw: st.DrawFn, update_times: dict[str, list[int]], paths: tuple[str, ...] = PATHS) -> Write:
    """One write; update_times: which ones a precondition may name, by path."""
    path = draw(st.sampled_from(paths))
    exists = draw(st.sampled_from([None, None, None, True, False]))
    times = update_times.get(path, [])
    update_time = draw(st.sampled_from(times)) if times and exists is None and draw(st.integers(0, 3)) == 0 else None
    if draw(st.integers(0, 5)) == 0:
        return Write(path, is_delete=True, exists=exists, update_time=update_time)
    written = draw(fields)
    if draw(st.integers(0, 15)) == 0:
        written = {**written, "a": draw(bad_values)}
    mask = draw(st.none() | st.lists(field_paths, max_size=3, unique=True).map(tuple))
    changes = draw(st.lists(transforms(), max_size=2)) if draw(st.booleans()) else []
    return Write(path, written, mask, tuple(changes), exists=exists, update_time=update_time)


@st.composite
def queries(draw: st.DrawFn, known: tuple[str, ...] = PATHS, root: str = ROOT) -> Query:
    """A query; known: documents whose names a cursor or filter may take."""
    parent, collection_id, is_group = draw(st.sampled_from(SCOPES))
    bare = Query(parent, collection_id, is_group)
    names = [Reference(f"{root}/{path}") for path in known if is_in_scope(bare, path)]
    where = draw(st.none() | filters(names))
    orders = tuple(draw(st.lists(st.tuples(field_paths, st.booleans()), max_size=2, unique_by=lambda order: order[0])))
    if names and draw(st.integers(0, 3)) == 0 and _inequality_fields(where) <= {path for path, _ in orders}:
        orders = (*orders, (NAME, draw(st.booleans())))
    query = Query(parent, collection_id, is_group, where, orders)
    return Query(
        parent,
        collection_id,
        is_group,
        where,
        orders,
        start=draw(cursors(query, names)),
        end=draw(cursors(query, names)),
        offset=draw(st.sampled_from([0, 0, 1, 2])),
        limit=draw(st.none() | st.integers(0, 4)),
        select=draw(st.none() | st.lists(st.sampled_from([NAME, ("a",), ("m", "x")]), max_size=2).map(tuple)),
    )


@st.composite
def cursors(draw: st.DrawFn, query: Query, names: list[Reference]) -> Cursor | None:
    """None, or values for the first of a query's orders."""
    if not (query.orders and names) or draw(st.booleans()):
        return None
    size = draw(st.integers(1, len(query.orders)))
    drawn = [draw(st.sampled_from(names)) if path == NAME else draw(values) for path, _ in query.orders[:size]]
    return Cursor(tuple(drawn), draw(st.booleans()))


@st.composite
def filters(draw: st.DrawFn, names: list[Reference]) -> Filter:
    """A filter of up to two levels."""
    shape = draw(st.sampled_from(["one", "and", "or", "and of or", "or of and"]))
    if shape == "one":
        return draw(wheres(names))
    if shape in {"and", "or"}:
        return Composite(shape.upper(), draw(_parts(names, has_array=shape == "or")))
    outer, _, inner = shape.upper().partition(" OF ")
    nested = Composite(inner, draw(_parts(names, has_array=False)))
    return Composite(outer, (draw(wheres(names)), nested))


@st.composite
def wheres(draw: st.DrawFn, names: list[Reference], *, has_array: bool = True) -> Where:
    """One filter on one field."""
    if names and draw(st.integers(0, 5)) == 0:
        return Where(NAME, draw(st.sampled_from(["EQUAL", *RANGES])), draw(st.sampled_from(names)))
    operators = ["EQUAL", "EQUAL", "NOT_EQUAL", "IN", "NOT_IN", *RANGES, *UNARY]
    operator = draw(st.sampled_from([*operators, "ARRAY_CONTAINS", "ARRAY_CONTAINS_ANY"] if has_array else operators))
    return Where(draw(field_paths), operator, draw(_operand(operator)))


def _operand(operator: str) -> st.SearchStrategy[Any]:
    if operator in UNARY:
        return st.none()
    if operator in {"IN", "NOT_IN"}:
        return st.lists(operands, min_size=1, max_size=3)
    if operator.startswith("ARRAY"):
        element = elements.filter(lambda value: value is not None and value == value)  # noqa: PLR0124 - no NaN
        return element if operator == "ARRAY_CONTAINS" else st.lists(element, min_size=1, max_size=3)
    return operands


def _parts(names: list[Reference], *, has_array: bool) -> st.SearchStrategy[tuple[Where, ...]]:
    return st.lists(wheres(names, has_array=has_array), min_size=2, max_size=3).map(tuple)


def _inequality_fields(where: Filter | None) -> set[FieldPath]:
    if where is None:
        return set()
    if isinstance(where, Where):
        return {where.path} if where.operator in INEQUALITIES else set()
    return {path for each in where.filters for path in _inequality_fields(each)}
