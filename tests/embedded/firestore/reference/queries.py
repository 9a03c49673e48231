"""The results of queries: chapter "Queries" of the rules, by a look at every document."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from tests.embedded.firestore.reference.documents import MAX_INT64, MIN_INT64, Document, RefusedError, State
from tests.embedded.firestore.reference.values import (
    MISSING,
    FieldPath,
    Fields,
    Key,
    Reference,
    encode,
    exactly,
    format_path,
    get_field,
    path_key,
    sort_key,
    with_field,
)

NAME: FieldPath = ("__name__",)
MAX_DISJUNCTIONS = 30
RANGES: dict[str, Callable[[Key, Key], bool]] = {
    "LESS_THAN": lambda found, wanted: found < wanted,
    "LESS_THAN_OR_EQUAL": lambda found, wanted: found <= wanted,
    "GREATER_THAN": lambda found, wanted: found > wanted,
    "GREATER_THAN_OR_EQUAL": lambda found, wanted: found >= wanted,
}
UNARY = ("IS_NULL", "IS_NAN", "IS_NOT_NULL", "IS_NOT_NAN")
NEGATIONS = ("NOT_EQUAL", "NOT_IN", "IS_NOT_NULL", "IS_NOT_NAN")
INEQUALITIES = (*RANGES, *NEGATIONS)
LISTS = ("IN", "ARRAY_CONTAINS_ANY")


@dataclass(frozen=True)
class Where:
    """One filter on one field."""

    path: FieldPath
    operator: str
    operand: Any = None


@dataclass(frozen=True)
class Composite:
    """AND or OR of filters."""

    operator: str
    filters: tuple["Filter", ...]


Filter = Where | Composite


@dataclass(frozen=True)
class Cursor:
    """The values of the first orders at which the results start or end, before or after what equals them."""

    values: tuple[Any, ...]
    before: bool


@dataclass(frozen=True)
class Query:
    """A query on the collection below a parent ("" is the root), or on all of its id below it."""

    parent: str
    collection_id: str
    is_group: bool = False
    where: Filter | None = None
    orders: tuple[tuple[FieldPath, bool], ...] = ()  # True: descending
    start: Cursor | None = None
    end: Cursor | None = None
    offset: int = 0
    limit: int | None = None
    select: tuple[FieldPath, ...] | None = None
    summed: tuple[FieldPath, ...] = ()  # fields of an aggregation, which join the implicit order


@dataclass(frozen=True)
class Found:
    """One result."""

    path: str
    document: Document

    def value(self, path: FieldPath, root: str) -> Any:
        """The value at a path, the document's name included."""
        return Reference(f"{root}/{self.path}") if path == NAME else get_field(self.document.fields, path)


def find(query: Query, state: State, root: str) -> list[Found]:
    """A query's results in order; RefusedError where it must be refused. root: the name of `documents`."""
    assert_allowed(query)
    orders = effective_orders(query)
    matching = [
        found
        for found in _in_scope(query, state)
        if (query.where is None or holds(query.where, found, root))
        and all(found.value(path, root) is not MISSING for path, _ in orders)
    ]
    matching.sort(key=cmp_to_key(lambda left, right: _compare(left, right, orders, root)))
    within = [found for found in matching if _is_within(query, found, orders, root)]
    page = within[query.offset :]
    return page if query.limit is None else page[: query.limit]


def assert_allowed(query: Query) -> None:
    """Raises RefusedError where the rules forbid a query."""
    wheres = list(_wheres(query.where))
    _assert_indexable(query, wheres)
    operators = [where.operator for where in wheres]
    if sum(operator in NEGATIONS for operator in operators) > 1:
        raise RefusedError("INVALID_ARGUMENT")
    if "NOT_IN" in operators and ({*LISTS} & {*operators} or _has_or(query.where)):
        raise RefusedError("INVALID_ARGUMENT")
    disjuncts = list(_disjuncts(query.where))
    if len(disjuncts) > MAX_DISJUNCTIONS:
        raise RefusedError("INVALID_ARGUMENT")
    if any(disjunct.count("ARRAY_CONTAINS") > 1 for disjunct in disjuncts):
        raise RefusedError("INVALID_ARGUMENT")


def _assert_indexable(query: Query, wheres: list[Where]) -> None:
    """Raises RefusedError where Firestore has no index for a query, nor could have one."""
    is_below = query.is_group and bool(query.parent)
    equal = {where.path for where in wheres if where.operator in {"EQUAL", "IN", "IS_NULL", "IS_NAN"}}
    summed = {*query.summed} - equal - {path for path, _ in query.orders}
    if is_below and any(path != NAME for path in [*(where.path for where in wheres), *dict(query.orders)]):
        raise RefusedError("INVALID_ARGUMENT")
    if summed and (is_below or NAME in dict(query.orders)):
        raise RefusedError("INVALID_ARGUMENT")
    if is_below and (NAME, True) in query.orders:
        raise RefusedError("FAILED_PRECONDITION")


def effective_orders(query: Query) -> list[tuple[FieldPath, bool]]:
    """The order with all that is implicit in it."""
    orders = list(query.orders)
    is_descending = orders[-1][1] if orders else False
    fields = {where.path for where in _wheres(query.where) if where.operator in INEQUALITIES} | {*query.summed}
    known = {path for path, _ in orders}
    if NAME in known:
        return orders
    implicit = sorted(fields - known - {NAME}, key=format_path)
    return [*orders, *((path, is_descending) for path in [*implicit, NAME])]


def holds(where: Filter, found: Found, root: str) -> bool:
    """Whether a filter holds for a document."""
    if isinstance(where, Composite):
        combine = all if where.operator == "AND" else any
        return combine(holds(each, found, root) for each in where.filters)
    value = found.value(where.path, root)
    return value is not MISSING and _holds_for(where, value)


def _holds_for(where: Where, value: Any) -> bool:
    operator, key = where.operator, sort_key(value)
    elements = [sort_key(element) for element in value] if isinstance(value, list) else []
    if operator in UNARY:
        special = sort_key(None) if operator.endswith("NULL") else sort_key(math.nan)
        return key not in {sort_key(None), special} if operator.startswith("IS_NOT") else key == special
    if operator in {"IN", "NOT_IN", "ARRAY_CONTAINS_ANY"}:
        wanted = [sort_key(operand) for operand in where.operand]
        if operator == "ARRAY_CONTAINS_ANY":
            return any(element in wanted for element in elements)
        return key in wanted if operator == "IN" else value is not None and key not in wanted
    operand = sort_key(where.operand)
    if operator in RANGES:
        return key[0] == operand[0] and RANGES[operator](key, operand)
    if operator == "ARRAY_CONTAINS":
        return operand in elements
    return key == operand if operator == "EQUAL" else value is not None and key != operand


def total(kind: str, path: FieldPath, results: list[Found]) -> Any:
    """A sum or an average of a field over results."""
    numbers = [get_field(found.document.fields, path) for found in results]
    numbers = [number for number in numbers if isinstance(number, int | float) and not isinstance(number, bool)]
    if kind == "avg" and not numbers:
        return None
    whole = sum(numbers)
    if kind == "avg":
        return float(whole) / len(numbers)
    return whole if isinstance(whole, int) and MIN_INT64 <= whole <= MAX_INT64 else float(whole)


def masked(fields: Fields, select: tuple[FieldPath, ...] | None) -> Fields:
    """Only the fields of a projection; one without fields is none."""
    if not select:
        return fields
    kept: Fields = {}
    for path in select:
        value = get_field(fields, path)
        if path != NAME and value is not MISSING:
            kept = with_field(kept, path, value)
    return kept


def is_same_set(left: list[Found], right: list[Found]) -> bool:
    """Whether two results are the same documents in the same versions."""
    return [(found.path, found.document.updated, exactly(found.document.fields)) for found in left] == [
        (found.path, found.document.updated, exactly(found.document.fields)) for found in right
    ]


def is_in_scope(query: Query, path: str) -> bool:
    """Whether a document lies where a query looks."""
    parent, _, _ = path.rpartition("/")
    above, _, collection_id = parent.rpartition("/")
    if collection_id != query.collection_id:
        return False
    if not query.is_group:
        return above == query.parent
    return not query.parent or path.startswith(query.parent + "/")


def to_message(query: Query) -> dict[str, Any]:
    """A query as the fields of a StructuredQuery."""
    fields: dict[str, Any] = {
        "from_": [{"collection_id": query.collection_id, "all_descendants": query.is_group}],
        "order_by": [
            {"field": {"field_path": format_path(path)}, "direction": "DESCENDING" if down else "ASCENDING"}
            for path, down in query.orders
        ],
        "offset": query.offset,
    }
    if query.where is not None:
        fields["where"] = _filter_message(query.where)
    for name, cursor in (("start_at", query.start), ("end_at", query.end)):
        if cursor is not None:
            values = [encode(value) for value in cursor.values]
            fields[name] = {"values": values, "before": cursor.before}
    if query.limit is not None:
        fields["limit"] = {"value": query.limit}
    if query.select is not None:
        fields["select"] = {"fields": [{"field_path": format_path(path)} for path in query.select]}
    return fields


def _filter_message(where: Filter) -> dict[str, Any]:
    if isinstance(where, Composite):
        return {
            "composite_filter": {"op": where.operator, "filters": [_filter_message(each) for each in where.filters]}
        }
    field = {"field_path": format_path(where.path)}
    if where.operator in UNARY:
        return {"unary_filter": {"field": field, "op": where.operator}}
    return {"field_filter": {"field": field, "op": where.operator, "value": encode(where.operand)}}


def _in_scope(query: Query, state: State) -> Iterator[Found]:
    return (Found(path, document) for path, document in state.items() if is_in_scope(query, path))


def _compare(left: Found, right: Found, orders: list[tuple[FieldPath, bool]], root: str) -> int:
    for path, is_descending in orders:
        first, second = sort_key(left.value(path, root)), sort_key(right.value(path, root))
        if first != second:
            return 1 if (first > second) != is_descending else -1
    raise AssertionError("a document is in its collection once")


def _is_within(query: Query, found: Found, orders: list[tuple[FieldPath, bool]], root: str) -> bool:
    if query.start is not None and not _is_beyond(query.start, found, orders, root):
        return False
    return query.end is None or not _is_beyond(query.end, found, orders, root)


def _is_beyond(cursor: Cursor, found: Found, orders: list[tuple[FieldPath, bool]], root: str) -> bool:
    """Whether a document lies on the far side of a cursor, in the order of the query."""
    for value, (path, is_descending) in zip(cursor.values, orders, strict=False):
        here, there = sort_key(found.value(path, root)), sort_key(value)
        if here != there:
            return (here > there) != is_descending
    return cursor.before


def _wheres(where: Filter | None) -> Iterator[Where]:
    if isinstance(where, Where):
        yield where
    elif where is not None:
        for each in where.filters:
            yield from _wheres(each)


def _has_or(where: Filter | None) -> bool:
    if not isinstance(where, Composite):
        return False
    return (where.operator == "OR" and len(where.filters) > 1) or any(map(_has_or, where.filters))


def _disjuncts(where: Filter | None) -> list[tuple[str, ...]]:
    """The operators of each conjunction of the disjunctive normal form."""
    if where is None:
        return [()]
    if isinstance(where, Where):
        if where.operator in LISTS:
            kind = "EQUAL" if where.operator == "IN" else "ARRAY_CONTAINS"
            return [(kind,)] * len({exactly(operand) for operand in where.operand})
        return [(where.operator,)]
    parts = [_disjuncts(each) for each in where.filters]
    if where.operator == "OR":
        return [disjunct for part in parts for disjunct in part]
    joined: list[tuple[str, ...]] = [()]
    for part in parts:
        joined = [left + right for left in joined for right in part]
    return joined


def sorted_paths(paths: set[str]) -> list[str]:
    """The paths in Firestore's order of names."""
    return sorted(paths, key=path_key)
