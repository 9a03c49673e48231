"""Batches of scalars and enums, coerced at once to the values that graphql-core makes of each."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from math import isfinite
from types import NoneType
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
)
from graphql.pyutils import UndefinedType

Renderer = Callable[[Sequence[Any]], Sequence[Any]]
"""What the response shows for each of many objects, or values; an exception sends all of them to graphql-core."""


class FallBack(Exception):  # noqa: N818  it is control flow: graphql-core takes over
    """These values are for graphql-core to judge, one by one."""


# A schema has a dozen; tests have many schemas.
MAX_TYPES_CACHED = 100
# What coercion leaves as it is. No subclasses: a bool is an int, and an enum may be a str.
_UNCHANGED: dict[GraphQLLeafType, type] = {
    GraphQLBoolean: bool,
    GraphQLFloat: float,
    GraphQLID: str,
    GraphQLInt: int,
    GraphQLString: str,
}
# All else may be an exception that was returned, or awaitable: graphql-core looks for these before it coerces.
_SYNCHRONOUS = frozenset({bool, date, datetime, float, int, str})
_WHOLE_FLOAT = 2**53
"""Up to here every whole number is a float as well."""


@lru_cache(MAX_TYPES_CACHED)
def make_leaf_renderer(type_: GraphQLLeafType) -> Renderer:
    """A renderer of values of this type, none of them null; for odd values it raises any exception."""
    unchanged = _UNCHANGED.get(type_)
    coerce = type_.coerce_output_value

    def render(values: Sequence[Any]) -> Sequence[Any]:
        kinds = {*map(type, values)}
        if kinds <= {unchanged}:
            return _parse_numbers(unchanged, values) if values else values
        if unchanged is float and kinds == {int} and -_WHOLE_FLOAT <= min(values) <= max(values) <= _WHOLE_FLOAT:
            return [*map(float, values)]
        if not all(kind in _SYNCHRONOUS or issubclass(kind, Enum) for kind in kinds):
            raise FallBack
        if isinstance(type_, GraphQLEnumType):
            coerced = {value: coerce(value) for value in {*values}}
            return _parse_coerced([coerced[value] for value in values])
        return _parse_coerced([*map(coerce, values)])

    return render


def _parse_numbers(kind: type | None, values: Sequence[Any]) -> Sequence[Any]:
    """The numbers, where each is one that its type can hold."""
    if kind is float and not all(map(isfinite, values)):
        raise FallBack
    if kind is int and not GRAPHQL_MIN_INT <= min(values) <= max(values) <= GRAPHQL_MAX_INT:
        raise FallBack
    return values


def _parse_coerced(coerced: Sequence[Any]) -> Sequence[Any]:
    if not {NoneType, UndefinedType}.isdisjoint(map(type, coerced)):
        raise FallBack
    return coerced
