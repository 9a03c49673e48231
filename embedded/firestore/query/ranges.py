"""From where to where an index is read: the filters on the first order, cut by the cursors."""

from embedded.firestore.model.field_paths import NAME, FieldPath
from embedded.firestore.model.value_order import AFTER_ALL, after, invert
from embedded.firestore.query.filters import Conjunction, Interval
from embedded.firestore.query.query import Bound, Order, Query

Position = tuple[bytes, bytes]  # an entry's value, after the equal part, and its name
Range = tuple[Position, Position]  # from the first up to, and without, the second

LOWEST: Position = (b"", b"")
HIGHEST: Position = (AFTER_ALL, b"")


def scan_ranges(
    query: Query, conjunction: Conjunction, orders: tuple[Order, ...], *, is_reversed: bool
) -> tuple[Range, ...]:
    """The ranges of entries, in stored form and in the order in which they are to be read."""
    lowest, highest = _bounds(query, conjunction, orders, is_reversed=is_reversed)
    found = []
    for low, high in _first_intervals(query, conjunction, orders[0].path):
        is_inverted = orders[0].is_descending != is_reversed
        lower, upper = (after(invert(high)), after(invert(low))) if is_inverted else (low, high)
        if orders[0].path == NAME:
            interval: Range = ((b"", lower), (b"", upper))
        else:
            interval = ((lower, b""), (upper, b""))
        start, end = max(interval[0], lowest), min(interval[1], highest)
        if start < end:
            found.append((start, end))
    return tuple(sorted(found, reverse=is_reversed))


def _first_intervals(query: Query, conjunction: Conjunction, path: FieldPath) -> list[Interval]:
    intervals = conjunction.intervals.get(path, [(b"", AFTER_ALL)])
    if path != NAME:
        return intervals
    equal = conjunction.equal.get(NAME)
    if equal is not None:
        intervals = [(equal, after(equal))]
    if query.scope.is_group and query.scope.parent.segments:
        prefix = query.scope.parent.key
        low, high = prefix + b"\x01", prefix + AFTER_ALL  # below the parent, without itself
        intervals = [(max(low, lower), min(high, upper)) for lower, upper in intervals]
    return intervals


def _bounds(
    query: Query, conjunction: Conjunction, orders: tuple[Order, ...], *, is_reversed: bool
) -> tuple[Position, Position]:
    first, last = (query.end, query.start) if is_reversed else (query.start, query.end)
    lowest, highest = LOWEST, HIGHEST
    if first is not None:
        lowest = _position(query, conjunction, orders, first, is_reversed=is_reversed)
    if last is not None:
        highest = _position(query, conjunction, orders, last, is_reversed=is_reversed)
    return lowest, highest


def _position(
    query: Query, conjunction: Conjunction, orders: tuple[Order, ...], bound: Bound, *, is_reversed: bool
) -> Position:
    """A bound as a position among entries; components of equal fields are decided at once."""
    value, name = b"", b""
    has_name = False
    for component, order in zip(bound.components, query.orders, strict=False):
        stored = invert(component) if is_reversed else component
        if order not in orders and order.path in conjunction.equal:
            fixed = conjunction.equal[order.path]
            fixed = invert(fixed) if order.is_descending != is_reversed else fixed
            if fixed != stored:
                # Every entry that agrees so far lies on one side of the bound.
                return (value + AFTER_ALL, b"") if fixed < stored else (value, b"")
            continue
        if order.path == NAME:
            name, has_name = stored, True
        else:
            value += stored
    if bound.is_before != is_reversed:
        return value, name
    return (value, name + AFTER_ALL) if has_name else (value + AFTER_ALL, b"")
