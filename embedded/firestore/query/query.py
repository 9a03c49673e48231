"""A StructuredQuery, checked and made explicit: scope, disjuncts, the full order, and bounds as sort keys."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from embedded.firestore.model.documents import get_field
from embedded.firestore.model.errors import InvalidArgumentError, UnimplementedError
from embedded.firestore.model.field_paths import NAME, FieldPath, format_field_path, parse_field_path
from embedded.firestore.model.paths import Path, assert_collection_id
from embedded.firestore.model.protos import Cursor, Document, Message, StructuredQuery
from embedded.firestore.model.value_order import AFTER_ALL, encode_value, invert
from embedded.firestore.query.filters import Conjunction, WhereParser, encode_operand
from embedded.firestore.query.group_rules import assert_indexable
from embedded.firestore.query.scope import Scope

_DESCENDING = 2


class Order(NamedTuple):
    """One component of the effective order."""

    path: FieldPath
    is_descending: bool


class Bound(NamedTuple):
    """Where the results start or end: the first components of a sort key, as they are sorted."""

    components: tuple[bytes, ...]
    is_before: bool

    @property
    def key(self) -> bytes:
        """The least sort key on the far side of the bound."""
        return b"".join(self.components) + (b"" if self.is_before else AFTER_ALL)


@dataclass(frozen=True)
class Query:
    """A query with nothing left implicit."""

    scope: Scope
    disjuncts: tuple[Conjunction, ...]
    orders: tuple[Order, ...]
    inequality_fields: frozenset[FieldPath]
    start: Bound | None = None
    end: Bound | None = None
    offset: int = 0
    limit: int | None = None
    projection: tuple[FieldPath, ...] | None = None

    def matches(self, path: Path, document: Document) -> bool:
        """Whether a document is among the results, the limit and offset aside."""
        return self.scope.holds(path) and self.sort_key(path.key, document) is not None

    def sort_key(self, path: bytes, document: Document) -> bytes | None:
        """The key that orders a document among the results; None where filters or bounds leave it out."""
        if not path.startswith(self.scope.prefix) or path == self.scope.prefix:
            return None  # of the group, and below another parent
        if not self.scope.is_deep and not self.scope.holds_key(path):
            return None
        name_key = self.scope.name_key(path)
        if not any(disjunct.matches(document.fields, name_key) for disjunct in self.disjuncts):
            return None
        key = self.order_key(path, document)
        return key if key is not None and self._is_within_bounds(key) else None

    @property
    def is_by_name(self) -> bool:
        """Whether names alone order the results."""
        return self.orders[0].path == NAME

    def order_key(self, path: bytes, document: Document | None) -> bytes | None:
        """The key that orders a document; None where it lacks a field for that. By name it need not be read."""
        name_key = self.scope.name_key(path)
        parts = []
        for field, is_descending in self.orders:
            if field == NAME:
                part = name_key
            else:
                value = get_field(document.fields, field) if document is not None else None
                if value is None:
                    return None
                part = encode_value(value)
            parts.append(invert(part) if is_descending else part)
        return b"".join(parts)

    def _is_within_bounds(self, key: bytes) -> bool:
        if self.start is not None and key < self.start.key:
            return False
        return self.end is None or key < self.end.key


def parse_query(parent: Path, query: StructuredQuery, extra_order_fields: tuple[FieldPath, ...] = ()) -> Query:
    """A checked query; InvalidArgumentError says what to change.

    Fields that are summed or averaged join the implicit order, as inequality fields do.
    """
    if query.HasField("find_nearest"):
        raise UnimplementedError("find_nearest")
    scope = _parse_scope(parent, query)
    disjuncts: tuple[Conjunction, ...] = (Conjunction(),)
    where = WhereParser(scope)
    if query.HasField("where"):
        disjuncts = tuple(where.parse(query.where))
    inequality_fields = frozenset(where.inequality_fields)
    orders = _effective_orders(query, inequality_fields | set(extra_order_fields))
    explicit = orders[: len(query.order_by)]
    known = {path for path, _ in explicit}.union(*[disjunct.equal for disjunct in disjuncts])
    assert_indexable(scope, explicit, where.fields, [path for path in extra_order_fields if path not in known])
    return Query(
        scope=scope,
        disjuncts=disjuncts,
        orders=orders,
        inequality_fields=inequality_fields,
        start=_parse_bound(scope, explicit, query.start_at) if query.HasField("start_at") else None,
        end=_parse_bound(scope, explicit, query.end_at) if query.HasField("end_at") else None,
        offset=_parse_count(query.offset, "offset"),
        limit=_parse_count(query.limit.value, "limit") if query.HasField("limit") else None,
        projection=_parse_projection(query) if query.HasField("select") else None,
    )


def without_page(query: Query) -> Query:
    """The query without its offset, limit and projection."""
    return replace(query, offset=0, limit=None, projection=None)


def _parse_scope(parent: Path, query: StructuredQuery) -> Scope:
    if len(query.from_) > 1:
        raise InvalidArgumentError("StructuredQuery.from cannot have more than one collection selector.")
    selector = query.from_[0] if query.from_ else StructuredQuery.CollectionSelector()
    if not selector.collection_id:
        return Scope(parent, None, is_group=True, is_deep=selector.all_descendants)
    assert_collection_id(selector.collection_id)
    return Scope(parent, selector.collection_id, is_group=selector.all_descendants)


def _effective_orders(query: StructuredQuery, implicit: frozenset[FieldPath]) -> tuple[Order, ...]:
    orders: list[Order] = []
    for order in query.order_by:
        path = parse_field_path(order.field.field_path)
        if any(path == known.path for known in orders):
            raise InvalidArgumentError(f"order by clause cannot contain duplicate fields {format_field_path(path)}")
        if orders and orders[-1].path == NAME:
            raise InvalidArgumentError("order by clause cannot contain more fields after __name__.")
        orders.append(Order(path, order.direction == _DESCENDING))
    is_descending = orders[-1].is_descending if orders else False
    known_paths = {order.path for order in orders}
    if NAME not in known_paths:
        missing = sorted(implicit - known_paths - {NAME}, key=format_field_path)
        orders += [Order(path, is_descending) for path in (*missing, NAME)]
    return tuple(orders)


def _parse_bound(scope: Scope, orders: tuple[Order, ...], cursor: Cursor) -> Bound | None:
    if len(cursor.values) > len(orders):
        raise InvalidArgumentError(
            f"Cursor has too many values: {len(cursor.values)}, and the query's order_by has {len(orders)} fields."
        )
    if not cursor.values:
        return None
    components = []
    for value, (path, is_descending) in zip(cursor.values, orders, strict=False):
        component = scope.encode_name(value) if path == NAME else encode_operand(value)
        components.append(invert(component) if is_descending else component)
    return Bound(tuple(components), cursor.before)


def _parse_count(count: int, name: str) -> int:
    if count < 0:
        raise InvalidArgumentError(f"The query's {name} must not be negative.")
    return count


def _parse_projection(query: Message) -> tuple[FieldPath, ...] | None:
    """The fields to answer with; none listed means all."""
    paths = tuple(dict.fromkeys(parse_field_path(reference.field_path) for reference in query.select.fields))
    return paths or None
