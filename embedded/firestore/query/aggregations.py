"""count, sum and avg over a query's results."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from embedded.firestore.model.documents import get_field
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import NAME, FieldPath, assert_field_name, parse_field_path
from embedded.firestore.model.protos import Document, StructuredAggregationQuery, Value
from embedded.firestore.store.transforms import MAX_INT64, MIN_INT64

MAX_AGGREGATIONS = 5
_UNITS_OF_ONE = 2**1074  # every finite double is a whole number of the least one above zero


@dataclass(slots=True)
class Total:
    """The exact sum of numbers, whatever their order: it is rounded once, at the end."""

    integers: int = 0
    units: int = 0  # the sum of the finite doubles
    unbounded: float = 0.0  # what infinities and NaN come to
    count: int = 0
    has_double: bool = False

    def add(self, number: Any) -> None:
        """Takes one number into account."""
        self.count += 1
        if isinstance(number, int):
            self.integers += number
            return
        self.has_double = True
        if math.isfinite(number):
            numerator, denominator = number.as_integer_ratio()
            self.units += numerator * (_UNITS_OF_ONE // denominator)
        else:
            self.unbounded += number

    def as_double(self) -> float:
        """The double next to the sum, infinite where there is none."""
        if self.unbounded:
            return self.unbounded
        units = self.units + self.integers * _UNITS_OF_ONE
        try:
            return units / _UNITS_OF_ONE
        except OverflowError:
            return math.inf if units > 0 else -math.inf


@dataclass(slots=True)
class Aggregation:
    """One aggregation of a request, gathering documents one by one."""

    alias: str
    kind: str
    path: FieldPath | None = None
    up_to: int | None = None
    count: int = 0
    numbers: Total = field(default_factory=Total)

    def add(self, document: Document) -> None:
        """Takes one result into account."""
        self.count += 1
        if self.path is not None:
            value = get_field(document.fields, self.path)
            kind = value.WhichOneof("value_type") if value is not None else None
            if kind in {"integer_value", "double_value"}:
                self.numbers.add(getattr(value, kind))

    def result(self) -> Value:
        """The aggregate of the gathered documents."""
        return _RESULTS[self.kind](self)


def parse_aggregations(query: StructuredAggregationQuery) -> list[Aggregation]:
    """The checked aggregations, those without an alias called field_1 and on."""
    found = query.aggregations
    if not found:
        raise InvalidArgumentError("Aggregations can not be empty.")
    if len(found) > MAX_AGGREGATIONS:
        raise InvalidArgumentError(
            f"The maximum number of aggregations allowed in a query is {MAX_AGGREGATIONS}. Received: {len(found)}."
        )
    aliases = _aliases([aggregation.alias for aggregation in found])
    return [_parse(aggregation, alias) for aggregation, alias in zip(found, aliases, strict=True)]


def order_fields(aggregations: list[Aggregation]) -> tuple[FieldPath, ...]:
    """The fields that must be there for a document to count."""
    return tuple(aggregation.path for aggregation in aggregations if aggregation.path is not None)


def _aliases(given: list[str]) -> list[str]:
    aliases: list[str] = []
    number = 0
    for alias in given:
        if alias:
            assert_field_name(alias)
        else:
            number += 1
        chosen = alias or f"field_{number}"
        if chosen in aliases:
            raise InvalidArgumentError(f"Aggregation aliases contain duplicate alias: {chosen}.")
        aliases.append(chosen)
    return aliases


def _parse(aggregation: Any, alias: str) -> Aggregation:
    kind = aggregation.WhichOneof("operator")
    if kind == "count":
        up_to = aggregation.count.up_to.value if aggregation.count.HasField("up_to") else None
        if up_to is not None and up_to <= 0:
            raise InvalidArgumentError("count's up_to must be greater than zero.")
        return Aggregation(alias, "count", up_to=up_to)
    if kind in {"sum", "avg"}:
        path = parse_field_path(getattr(aggregation, kind).field.field_path)
        if path == NAME:
            raise InvalidArgumentError(f"{kind} cannot be used on __name__.")
        return Aggregation(alias, kind, path=path)
    raise InvalidArgumentError("An aggregation must be one of count, sum and avg.")


def _count(aggregation: Aggregation) -> Value:
    up_to = aggregation.up_to
    return Value(integer_value=aggregation.count if up_to is None else min(aggregation.count, up_to))


def _sum(aggregation: Aggregation) -> Value:
    total = aggregation.numbers
    if total.has_double:
        return Value(double_value=total.as_double())
    if MIN_INT64 <= total.integers <= MAX_INT64:
        return Value(integer_value=total.integers)
    return Value(double_value=float(total.integers))


def _average(aggregation: Aggregation) -> Value:
    total = aggregation.numbers
    if not total.count:
        return Value(null_value=0)
    whole = total.as_double() if total.has_double else total.integers
    return Value(double_value=whole / total.count)


_RESULTS: dict[str, Callable[[Aggregation], Value]] = {"count": _count, "sum": _sum, "avg": _average}
