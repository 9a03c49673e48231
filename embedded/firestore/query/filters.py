"""A query's `where`: checked, and turned into a disjunction of conjunctions over encoded values."""

from dataclasses import dataclass, field

from embedded.firestore.model.documents import Fields, get_field
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import NAME, FieldPath, parse_field_path
from embedded.firestore.model.protos import Message, Value
from embedded.firestore.model.value_order import AFTER_ALL, NAN, NULL, after, encode_value
from embedded.firestore.query.scope import Scope

MAX_DISJUNCTIONS = 30
MAX_NOT_IN = 10
MAX_INEQUALITY_FIELDS = 10
_AND, _OR = 1, 2
_LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL, _EQUAL, _NOT_EQUAL, _CONTAINS, _IN, _CONTAINS_ANY, _NOT_IN = range(1, 11)
_IS_NAN, _IS_NULL, _IS_NOT_NAN, _IS_NOT_NULL = range(2, 6)

# Firestore never finds these by `in`, `array-contains` or `array-contains-any`; that takes IS_NULL and IS_NAN.
_UNFINDABLE = frozenset({NULL, NAN})

Interval = tuple[bytes, bytes]  # keys from the first up to, and without, the second


@dataclass(slots=True)
class Conjunction:
    """Filters that must all hold, by field: equal keys, array elements, and intervals of keys."""

    equal: dict[FieldPath, bytes] = field(default_factory=dict)
    contains: dict[FieldPath, set[bytes]] = field(default_factory=dict)
    intervals: dict[FieldPath, list[Interval]] = field(default_factory=dict)

    def matches(self, fields: Fields, name_key: bytes) -> bool:
        """Whether a document fulfils all the filters."""
        return (
            all(_key(fields, path, name_key) == key for path, key in self.equal.items())
            and all(_has_elements(fields, path, keys) for path, keys in self.contains.items())
            and all(_in_intervals(_key(fields, path, name_key), found) for path, found in self.intervals.items())
        )


@dataclass(frozen=True, slots=True)
class _Atom:
    path: FieldPath
    kind: str
    key: bytes = b""
    intervals: tuple[Interval, ...] = ()


@dataclass(slots=True)
class _Checks:
    """The operators and fields of the whole filter, for the rules that span it."""

    fields: dict[FieldPath, None] = field(default_factory=dict)
    inequalities: set[FieldPath] = field(default_factory=set)
    used: list[int] = field(default_factory=list)
    has_or: bool = False


class WhereParser:
    """Parses one query's filter within its scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._checks = _Checks()

    @property
    def fields(self) -> list[FieldPath]:
        """The fields that are filtered, in the order in which they are named."""
        return list(self._checks.fields)

    @property
    def inequality_fields(self) -> set[FieldPath]:
        """The fields that ranges, `!=` and `not-in` are on."""
        return self._checks.inequalities

    def parse(self, where: Message) -> list[Conjunction]:
        """The disjuncts; none of them can be dropped, and a filter that nothing fulfils gives none."""
        disjuncts = self._expand(where)
        self._assert_combination()
        merged = [conjunction for atoms in dict.fromkeys(disjuncts) if (conjunction := _conjoin(atoms)) is not None]
        for conjunction in merged:
            if sum(len(keys) for keys in conjunction.contains.values()) > 1:
                raise InvalidArgumentError("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")
        return merged

    def _expand(self, where: Message) -> list[tuple[_Atom, ...]]:
        kind = where.WhichOneof("filter_type")
        if kind == "field_filter":
            return self._expand_field(where.field_filter)
        if kind == "unary_filter":
            return [(self._unary(where.unary_filter),)]
        if kind != "composite_filter":
            raise InvalidArgumentError("A filter must have one of composite_filter, field_filter and unary_filter.")
        return self._expand_composite(where.composite_filter)

    def _expand_composite(self, composite: Message) -> list[tuple[_Atom, ...]]:
        if composite.op not in {_AND, _OR}:
            raise InvalidArgumentError("A composite filter's op must be AND or OR.")
        if not composite.filters:
            raise InvalidArgumentError("A composite filter must have at least one filter.")
        parts = [self._expand(part) for part in composite.filters]
        if composite.op == _OR:
            self._checks.has_or = self._checks.has_or or len(parts) > 1
            return _limited([atoms for part in parts for atoms in part])
        product: list[tuple[_Atom, ...]] = [()]
        for part in parts:
            product = _limited([left + right for left in product for right in part])
        return product

    def _expand_field(self, filter_: Message) -> list[tuple[_Atom, ...]]:
        path, operator = self._parse_path(filter_), filter_.op
        self._checks.used.append(operator)
        if operator in {_IN, _NOT_IN, _CONTAINS_ANY}:
            keys = self._encode_list(path, operator, filter_.value)
            if operator == _NOT_IN:
                return [(self._unequal(path, keys, is_list=True),)]
            kind = "equal" if operator == _IN else "contains"
            return _limited([(_Atom(path, kind, key),) for key in dict.fromkeys(keys) if key not in _UNFINDABLE])
        if operator == _NOT_EQUAL:
            return [(self._unequal(path, [self._encode(path, filter_.value)]),)]
        if operator == _EQUAL:
            return [(_Atom(path, "equal", self._encode(path, filter_.value)),)]
        if operator == _CONTAINS:
            key = self._encode_element(path, filter_.value)
            return [(_Atom(path, "contains", key),)] if key not in _UNFINDABLE else []
        if operator in {_LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL}:
            return [(self._range(path, operator, self._encode(path, filter_.value)),)]
        raise InvalidArgumentError("A field filter's op is missing or unknown.")

    def _unary(self, filter_: Message) -> _Atom:
        path = self._parse_path(filter_)
        if path == NAME:
            raise InvalidArgumentError("Unary filters cannot be used on __name__.")
        if filter_.op == _IS_NULL:
            return _Atom(path, "equal", NULL)
        if filter_.op == _IS_NAN:
            return _Atom(path, "equal", NAN)
        if filter_.op in {_IS_NOT_NULL, _IS_NOT_NAN}:
            self._checks.used.append(_NOT_EQUAL)
            return self._unequal(path, [NULL if filter_.op == _IS_NOT_NULL else NAN])
        raise InvalidArgumentError("A unary filter's op is missing or unknown.")

    def _parse_path(self, filter_: Message) -> FieldPath:
        path = parse_field_path(filter_.field.field_path)
        self._checks.fields[path] = None
        return path

    def _encode(self, path: FieldPath, value: Value) -> bytes:
        if path == NAME:
            return self._scope.encode_name(value)
        return encode_operand(value)

    def _encode_element(self, path: FieldPath, value: Value) -> bytes:
        if path == NAME:
            raise InvalidArgumentError("__name__ is no array: array-contains cannot be used on it.")
        return encode_operand(value)

    def _encode_list(self, path: FieldPath, operator: int, value: Value) -> list[bytes]:
        name = {_IN: "in", _NOT_IN: "not-in", _CONTAINS_ANY: "array-contains-any"}[operator]
        limit = MAX_NOT_IN if operator == _NOT_IN else MAX_DISJUNCTIONS
        values = value.array_value.values
        if value.WhichOneof("value_type") != "array_value" or not values:
            raise InvalidArgumentError(f"'{name}' requires a non-empty array value.")
        if len(values) > limit:
            raise InvalidArgumentError(f"'{name}' supports up to {limit} comparison values.")
        if operator == _CONTAINS_ANY:
            return [self._encode_element(path, element) for element in values]
        return [self._encode(path, element) for element in values]

    def _range(self, path: FieldPath, operator: int, key: bytes) -> _Atom:
        self._checks.inequalities.add(path)
        if key in {NULL, NAN}:
            return _Atom(path, "intervals")  # neither is less or greater than anything
        lowest, highest = (b"", AFTER_ALL) if path == NAME else _type_interval(key)
        interval = {
            _LESS: (lowest, key),
            _LESS_EQUAL: (lowest, after(key)),
            _GREATER: (after(key), highest),
            _GREATER_EQUAL: (key, highest),
        }[operator]
        return _Atom(path, "intervals", intervals=(interval,))

    def _unequal(self, path: FieldPath, keys: list[bytes], *, is_list: bool = False) -> _Atom:
        """Matches values that are neither null nor any of the keys; not-in with a null among them matches nothing."""
        self._checks.inequalities.add(path)
        if NULL in keys and is_list:
            return _Atom(path, "intervals")
        lowest = b"" if path == NAME else after(NULL)
        intervals = []
        for key in sorted(set(keys) - {NULL}):
            intervals.append((lowest, key))
            lowest = after(key)
        return _Atom(path, "intervals", intervals=(*intervals, (lowest, AFTER_ALL)))

    def _assert_combination(self) -> None:
        used = self._checks.used
        negations = used.count(_NOT_IN) + used.count(_NOT_EQUAL)
        if negations > 1:
            raise InvalidArgumentError(
                "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query."
            )
        if _NOT_IN in used and (self._checks.has_or or _IN in used or _CONTAINS_ANY in used):
            raise InvalidArgumentError("'not-in' cannot be combined with 'in', 'array-contains-any' or OR.")
        if len(self._checks.inequalities) > MAX_INEQUALITY_FIELDS:
            raise InvalidArgumentError(f"A query may have inequalities on at most {MAX_INEQUALITY_FIELDS} fields.")


def encode_operand(value: Value) -> bytes:
    """The key of a filter's or cursor's value; InvalidArgumentError where it has none."""
    try:
        return encode_value(value)
    except KeyError:
        raise InvalidArgumentError("A value in the query has no type, or one that cannot be compared.") from None


def _type_interval(key: bytes) -> Interval:
    """The interval of all values of the key's type."""
    return key[:1], after(key[:1])


def _limited(disjuncts: list[tuple[_Atom, ...]]) -> list[tuple[_Atom, ...]]:
    if len(disjuncts) > MAX_DISJUNCTIONS:
        raise InvalidArgumentError(
            f"The query's disjunctive normal form has more than {MAX_DISJUNCTIONS} disjunctions:"
            " use fewer values in 'in' and 'array-contains-any', or fewer ORs."
        )
    return disjuncts


def _conjoin(atoms: tuple[_Atom, ...]) -> Conjunction | None:
    """The atoms as one conjunction, or None where they contradict each other."""
    conjunction = Conjunction()
    for atom in atoms:
        if atom.kind == "equal":
            if conjunction.equal.setdefault(atom.path, atom.key) != atom.key:
                return None
        elif atom.kind == "contains":
            conjunction.contains.setdefault(atom.path, set()).add(atom.key)
        else:
            known = conjunction.intervals.get(atom.path, [(b"", AFTER_ALL)])
            conjunction.intervals[atom.path] = _intersect(known, atom.intervals)
    for path, intervals in conjunction.intervals.items():
        equal = conjunction.equal.get(path)
        if not intervals or (equal is not None and not _in_intervals(equal, intervals)):
            return None
    return conjunction


def _intersect(left: list[Interval], right: tuple[Interval, ...]) -> list[Interval]:
    both = [(max(low, lower), min(high, upper)) for low, high in left for lower, upper in right]
    return [(low, high) for low, high in both if low < high]


def _key(fields: Fields, path: FieldPath, name_key: bytes) -> bytes | None:
    if path == NAME:
        return name_key
    value = get_field(fields, path)
    return encode_value(value) if value is not None else None


def _has_elements(fields: Fields, path: FieldPath, keys: set[bytes]) -> bool:
    value = get_field(fields, path)
    return value is not None and keys <= {encode_value(element) for element in value.array_value.values}


def _in_intervals(key: bytes | None, intervals: list[Interval]) -> bool:
    return key is not None and any(low <= key < high for low, high in intervals)
