"""How one disjunct of a query is answered: which index, read from where to where, or which indexes merged."""

from dataclasses import dataclass
from typing import Any

from embedded.firestore.index.indexes import (
    ASCENDING,
    CONTAINS,
    DESCENDING,
    NAMES,
    CompositeIndex,
    IndexConfig,
    IndexField,
    field_definition,
)
from embedded.firestore.model.field_paths import NAME, FieldPath
from embedded.firestore.model.value_order import AFTER_ALL, invert
from embedded.firestore.query.filters import Conjunction
from embedded.firestore.query.query import Order, Query
from embedded.firestore.query.ranges import HIGHEST, LOWEST, Range, scan_ranges


@dataclass(frozen=True, slots=True)
class IndexScan:
    """Entries of one index whose value begins with a prefix: the filters that are equalities."""

    definition: str
    prefix: bytes = b""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find a disjunct's documents: entries that all scans have in common, within ranges.

    is_ordered: they come in the query's order. needs_check: filters are left to be checked on the document.
    """

    scans: tuple[IndexScan, ...]
    ranges: tuple[Range, ...]
    is_reversed: bool
    is_ordered: bool
    needs_check: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    """The shape of a disjunct that indexes can serve: its equalities, and the orders that remain."""

    equal: tuple[tuple[FieldPath, str, bytes], ...]
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An index that gives the remaining order, and the equalities that it covers.

    scan: None where only its mirror is kept, which has another order. is_ours: it serves here, and production would
    want a composite index.
    """

    covers: frozenset[tuple[FieldPath, str, bytes]]
    scan: IndexScan | None
    is_reversed: bool = False
    is_ours: bool = False


def plan_disjunct(query: Query, conjunction: Conjunction, config: IndexConfig) -> Plan:
    """The plan from indexes alone, or the best there is with sorting and checking.

    FailedPreconditionError where indexes are enforced and the query's is not there.
    """
    shape = _shape(query, conjunction)
    candidates = _candidates(query, shape, config)
    if config.report_missing is not None and not _is_served(query, shape, candidates):
        config.report_missing(_missing_index(query, shape, config))
    return _plan_indexed(query, conjunction, shape, candidates) or _plan_fallback(query, conjunction, config)


def _plan_indexed(query: Query, conjunction: Conjunction, shape: _Shape, candidates: list[_Candidate]) -> Plan | None:
    """The plan that reads indexes in the query's order, or None where there are none for that."""
    for is_reversed in (False, True):
        usable = [candidate for candidate in candidates if candidate.is_reversed == is_reversed and candidate.scan]
        scans = tuple(candidate.scan for candidate in _cover(shape, usable) if candidate.scan)
        if scans:
            ranges = scan_ranges(query, conjunction, shape.orders, is_reversed=is_reversed)
            needs_check = _needs_check(query, conjunction, shape)
            return Plan(scans, ranges, is_reversed, is_ordered=True, needs_check=needs_check)
    return None


def _shape(query: Query, conjunction: Conjunction) -> _Shape:
    equal = [(path, ASCENDING, key) for path, key in conjunction.equal.items() if path != NAME]
    equal += [(path, CONTAINS, key) for path, keys in conjunction.contains.items() for key in keys]
    orders = tuple(order for order in query.orders if order.path == NAME or order.path not in conjunction.equal)
    return _Shape(tuple(equal), orders[: next(i for i, order in enumerate(orders) if order.path == NAME) + 1])


def _candidates(query: Query, shape: _Shape, config: IndexConfig) -> list[_Candidate]:
    found = []
    is_group, collection_id = query.scope.is_group, query.scope.collection_id or ""
    fields, name = shape.orders[:-1], shape.orders[-1]
    if not fields:
        # In production names are indexed upwards only, and merging is for equalities.
        if not shape.equal:
            found.append(_Candidate(frozenset(), IndexScan(NAMES), name.is_descending, is_ours=name.is_descending))
        for path, mode, key in shape.equal:
            if _has_field_index(config, query, path, mode):
                scan = IndexScan(field_definition(path, mode), key)
                is_ours = name.is_descending or (mode == CONTAINS and len(shape.equal) > 1)
                found.append(_Candidate(frozenset({(path, mode, key)}), scan, name.is_descending, is_ours=is_ours))
    elif len(fields) == 1 and fields[0].is_descending == name.is_descending and not shape.equal:
        path, mode = fields[0].path, DESCENDING if name.is_descending else ASCENDING
        if _has_field_index(config, query, path, mode):
            scan = IndexScan(field_definition(path, ASCENDING))
            is_ours = mode not in _field_modes(config, query, path)
            found.append(_Candidate(frozenset(), scan, name.is_descending, is_ours=is_ours))
    for index, stored in config.stored_forms(collection_id):
        if index.is_group == is_group:
            candidate = _match_composite(index, stored, shape)
            if candidate is not None:
                found.append(candidate)
    return found


def _is_served(query: Query, shape: _Shape, candidates: list[_Candidate]) -> bool:
    """Whether production has all the indexes that a shape needs."""
    is_kindless = query.scope.collection_id is None
    return is_kindless or bool(_cover(shape, [candidate for candidate in candidates if not candidate.is_ours]))


def _missing_index(query: Query, shape: _Shape, config: IndexConfig) -> dict[str, Any]:
    """The index that would serve a shape, as an entry of firestore.indexes.json."""
    collection_id, is_group = query.scope.collection_id or "", query.scope.is_group
    elements = dict.fromkeys((path, mode) for path, mode, _ in shape.equal if mode == CONTAINS)
    equal = dict.fromkeys((path, mode) for path, mode, _ in shape.equal if mode != CONTAINS)
    orders = [(order.path, DESCENDING if order.is_descending else ASCENDING) for order in shape.orders]
    fields = [IndexField(path, mode) for path, mode in (*elements, *equal, *orders[:-1])]
    is_descending = shape.orders[-1].is_descending
    if len(fields) == 1 and is_descending == (fields[0].mode == DESCENDING):
        ((path, mode),) = fields
        return (
            config.field_indexes(collection_id, path).with_mode(mode, is_group=is_group).describe(collection_id, path)
        )
    return CompositeIndex(collection_id, is_group, tuple(fields), is_descending).describe()


def _has_field_index(config: IndexConfig, query: Query, path: FieldPath, mode: str) -> bool:
    """Whether a field's values, or its elements, are indexed; one index of values can be read either way."""
    modes = _field_modes(config, query, path)
    return CONTAINS in modes if mode == CONTAINS else bool(modes - {CONTAINS})


def _field_modes(config: IndexConfig, query: Query, path: FieldPath) -> frozenset[str]:
    indexes = config.field_indexes(query.scope.collection_id or "", path)
    return indexes.group if query.scope.is_group else indexes.collection


def _match_composite(index: CompositeIndex, stored: CompositeIndex, shape: _Shape) -> _Candidate | None:
    """How a composite index serves: equalities as its prefix, then exactly the remaining orders.

    Never backwards, as in production an index serves one direction only; but what is read for it may be its mirror.
    """
    if index.is_name_descending != shape.orders[-1].is_descending:
        return None
    wanted = [(order.path, DESCENDING if order.is_descending else ASCENDING) for order in shape.orders[:-1]]
    at = len(index.fields) - len(wanted)
    if at < 0 or list(index.fields[at:]) != wanted:
        return None
    covers = set()
    prefix = b""
    for path, mode in stored.fields[:at]:
        kind = CONTAINS if mode == CONTAINS else ASCENDING
        equal = next((item for item in shape.equal if item[0] == path and item[1] == kind), None)
        if equal is None:
            return None
        covers.add(equal)
        prefix += invert(equal[2]) if mode == DESCENDING else equal[2]
    is_mirrored = stored is not index
    scan = None if is_mirrored and len(wanted) > 1 else IndexScan(stored.definition, prefix)
    return _Candidate(frozenset(covers), scan, is_reversed=is_mirrored)


def _cover(shape: _Shape, candidates: list[_Candidate]) -> list[_Candidate]:
    """A few candidates that cover all equalities together; none where that cannot be."""
    missing = set(shape.equal)
    if not missing:
        return [candidate for candidate in candidates if not candidate.covers][:1]
    chosen = []
    for candidate in sorted(candidates, key=lambda candidate: -len(candidate.covers)):
        if candidate.covers & missing:
            chosen.append(candidate)
            missing -= candidate.covers
    return chosen if not missing else []


def _needs_check(query: Query, conjunction: Conjunction, shape: _Shape) -> bool:
    """Whether the ranges leave filters open: all but those on the first remaining order."""
    first = shape.orders[0].path
    if NAME in conjunction.equal and first != NAME:
        return True
    open_intervals = set(conjunction.intervals) - {first}
    is_rooted = not query.scope.is_group or not query.scope.parent.segments or first == NAME
    return bool(open_intervals) or not is_rooted or not query.scope.is_deep


def _plan_fallback(query: Query, conjunction: Conjunction, config: IndexConfig) -> Plan:
    """A plan that reads more than it needs to: the best single-field index, then checking and sorting."""
    shape = _shape(query, conjunction)
    by_name = _Shape(shape.equal, (Order(NAME, is_descending=False),))
    usable = [candidate for candidate in _candidates(query, by_name, config) if not candidate.is_reversed]
    scans = tuple(candidate.scan for candidate in usable if candidate.covers and candidate.scan)
    if scans:
        return Plan(scans, ((LOWEST, HIGHEST),), is_reversed=False, is_ordered=False, needs_check=True)
    path = next((order.path for order in shape.orders if order.path in conjunction.intervals), shape.orders[0].path)
    if path != NAME and _has_field_index(config, query, path, ASCENDING):
        scan = IndexScan(field_definition(path, ASCENDING))
        ranges = tuple(((low, b""), (high, b"")) for low, high in conjunction.intervals.get(path, [(b"", AFTER_ALL)]))
        return Plan((scan,), ranges, is_reversed=False, is_ordered=False, needs_check=True)
    prefix = query.scope.parent.key if query.scope.is_group else b""
    everything: Range = ((b"", prefix), (b"", prefix + AFTER_ALL))
    return Plan((IndexScan(NAMES),), (everything,), is_reversed=False, is_ordered=False, needs_check=True)
