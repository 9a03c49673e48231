"""The documents after writes: chapter "Writes" of the rules, in memory and one commit after the other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from tests.embedded.firestore.reference.values import (
    FieldPath,
    Fields,
    Time,
    exactly,
    get_field,
    sort_key,
    with_field,
)

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1


class RefusedError(Exception):
    """The server must refuse; `code` says how."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Transform:
    """One field transform: request_time, increment, maximum, minimum, union or remove."""

    kind: str
    path: FieldPath
    operand: Any = None


@dataclass(frozen=True)
class Write:
    """One write: it deletes, or sets the fields; with a mask it merges them."""

    path: str
    fields: Fields = field(default_factory=dict)
    mask: tuple[FieldPath, ...] | None = None
    transforms: tuple[Transform, ...] = ()
    is_delete: bool = False
    exists: bool | None = None
    update_time: int | None = None


@dataclass(frozen=True)
class Document:
    """A stored document; times in microseconds."""

    fields: Fields
    created: int
    updated: int


State = dict[str, Document]


@dataclass
class Commit:
    """The expected result of a commit: per write, the final update_time (None: unset) and transform results."""

    state: State
    updated: list[int | None]
    results: list[list[Any]]


class Model:
    """All states that the documents have been in, each with the time of the commit that led there."""

    def __init__(self) -> None:
        self.history: list[tuple[int, State]] = [(0, {})]

    @property
    def state(self) -> State:
        """The documents as they are, by relative path."""
        return self.history[-1][1]

    @property
    def last_commit(self) -> int:
        """The time of the last commit, in microseconds."""
        return self.history[-1][0]

    def at(self, time: int) -> State:
        """The documents as they were at a time."""
        return next(state for since, state in reversed(self.history) if since <= time)

    def adopt(self, time: int, commit: Commit) -> None:
        """Makes what a commit has come to the present state."""
        assert time > self.last_commit, "commit times go forward"
        self.history.append((time, commit.state))


def apply_writes(state: State, writes: Sequence[Write], time: int, request_time: int) -> Commit:
    """The result of a commit; RefusedError where it must be refused."""
    if not all(map(is_well_formed, writes)):
        raise RefusedError("INVALID_ARGUMENT")
    working: dict[str, Document | None] = dict(state)
    results: list[list[Any]] = []
    for write in writes:
        document = working.get(write.path)
        _assert_precondition(write, document)
        if write.is_delete:
            working[write.path] = None
            results.append([])
            continue
        fields, answers = _updated_fields(write, document.fields if document else {}, request_time)
        created = document.created if document else time
        working[write.path] = Document(fields, created, time)
        results.append(answers)
    after = {path: _settled(state.get(path), document) for path, document in working.items() if document is not None}
    updated = [None if write.is_delete or write.path not in after else after[write.path].updated for write in writes]
    return Commit(after, updated, results)


def is_well_formed(write: Write) -> bool:
    """Whether a write may be asked for at all, whatever is stored."""
    mask = set(write.mask or ())
    if any(longer[: len(shorter)] == shorter for shorter, longer in permutations(mask, 2)):
        return False
    return all(map(_is_storable, [write.fields, *(transform.operand for transform in write.transforms)]))


def _is_storable(value: Any) -> bool:
    if isinstance(value, dict):
        return not any(name.startswith("__") and name.endswith("__") for name in value) and all(
            map(_is_storable, value.values())
        )
    if isinstance(value, list):
        return all(not isinstance(element, list) and _is_storable(element) for element in value)
    return True


def _assert_precondition(write: Write, document: Document | None) -> None:
    if write.exists is False and document is not None:
        raise RefusedError("ALREADY_EXISTS")
    if write.exists is True and document is None:
        raise RefusedError("NOT_FOUND")
    if write.update_time is not None and (document is None or document.updated != write.update_time):
        raise RefusedError("FAILED_PRECONDITION")


def _updated_fields(write: Write, stored: Fields, request_time: int) -> tuple[Fields, list[Any]]:
    """The fields that a write leaves, and the results of its transforms."""
    fields = write.fields
    if write.mask is not None:
        fields = stored
        for path in write.mask:
            fields = with_field(fields, path, get_field(write.fields, path))
    answers = []
    for transform in write.transforms:
        value, answer = _transformed(transform, get_field(fields, transform.path), request_time)
        fields = with_field(fields, transform.path, value)
        answers.append(answer)
    return fields, answers


def _settled(before: Document | None, after: Document) -> Document:
    """A document as it is stored: one that is just as it was keeps its update_time."""
    if before is None or before.created != after.created or exactly(before.fields) != exactly(after.fields):
        return after
    return replace(after, updated=before.updated)


def _transformed(transform: Transform, stored: Any, request_time: int) -> tuple[Any, Any]:
    """The field's new value, and the transform's result."""
    match transform.kind:
        case "request_time":
            value: Any = Time(request_time)
        case "increment":
            value = _incremented(stored, transform.operand)
        case "maximum" | "minimum":
            value = _extreme(stored, transform.operand, is_maximum=transform.kind == "maximum")
        case "union":
            return _union(stored, transform.operand), None
        case _:
            removed = [sort_key(element) for element in transform.operand]
            elements = stored if isinstance(stored, list) else []
            return [element for element in elements if sort_key(element) not in removed], None
    return value, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _incremented(stored: Any, operand: Any) -> Any:
    if not _is_number(stored):
        return operand
    if isinstance(stored, int) and isinstance(operand, int):
        return max(MIN_INT64, min(stored + operand, MAX_INT64))
    return float(stored) + float(operand)


def _extreme(stored: Any, operand: Any, *, is_maximum: bool) -> Any:
    if not _is_number(stored):
        return operand
    if math.isnan(stored) or math.isnan(operand):
        return math.nan
    is_better = operand > stored if is_maximum else operand < stored
    return operand if is_better else stored


def _union(stored: Any, operand: list[Any]) -> list[Any]:
    united = list(stored) if isinstance(stored, list) else []
    for element in operand:
        if sort_key(element) not in map(sort_key, united):
            united.append(element)
    return united
