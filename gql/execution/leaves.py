"""Columns of scalars and enums, coerced all at once to what graphql-core makes of each."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import Enum
from math import isfinite
from types import NoneType
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

Show = Callable[[Sequence[Any]], Sequence[Any]]
"""What the response shows for each of many objects, or values; an exception sends all of them to graphql-core."""


class NotPlainError(Exception):
    """These values are for graphql-core to judge, one by one."""


# What coercion leaves as it is. No subclasses: a bool is an int, and an enum may be a str.
_UNCHANGED: dict[GraphQLLeafType, type] = {
    GraphQLBoolean: bool,
    GraphQLFloat: float,
    GraphQLID: str,
    GraphQLInt: int,
    GraphQLString: str,
}
# All else may be an exception that was returned, or awaitable: graphql-core looks for these before it coerces.
_HARMLESS = frozenset({bool, date, datetime, float, int, str})


def make_leaf_show(type_: GraphQLLeafType, *, is_nullable: bool) -> Show:
    """What shows values of this type; it raises NotPlainError, or graphql-core's own errors, for what is odd."""
    unchanged = _UNCHANGED.get(type_)
    allowed = {NoneType} if is_nullable else set[type]()
    coerce = type_.coerce_output_value

    def show(values: Sequence[Any]) -> Sequence[Any]:
        kinds = {*map(type, values)} - allowed
        if kinds <= {unchanged} and _check_range(unchanged, values):
            return values
        if not all(kind in _HARMLESS or issubclass(kind, Enum) for kind in kinds):
            raise NotPlainError
        return [None if value is None else _assert_value(coerce(value)) for value in values]

    return show


def _check_range(kind: type | None, values: Sequence[Any]) -> bool:
    """Whether each number is one that its type can hold."""
    if kind is float:
        return all(value is None or isfinite(value) for value in values)
    if kind is int:
        return all(value is None or GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT for value in values)
    return True


def _assert_value(coerced: Any) -> Any:
    if coerced is None or coerced is Undefined:
        raise NotPlainError
    return coerced
