"""The rows of the tables: one rule each, its source, the given documents, the request and the expected answer.

Rows are plain data, so that Python's client and Node's are driven by the same table.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

Test = Callable[..., None]
Fields = Mapping[str, Any]
Documents = Mapping[str, Fields]  # by id, or by path below the row's collection ("a/sub/x")

ROWS: list["Row"] = []


@dataclass(frozen=True)
class Ref:
    """Stands for a reference to a document of the row's own collection."""

    path: str


@dataclass(frozen=True)
class At:
    """Stands for the snapshot of a document, as a cursor."""

    path: str


@dataclass(frozen=True)
class Refused:
    """The gRPC code of a refusal, and words that its message holds (`{a}` is the full name of document a)."""

    code: str
    words: str = ""


INVALID = Refused("INVALID_ARGUMENT")


@dataclass(frozen=True)
class Where:
    """One filter on one field; the operators are spelled as the clients spell them."""

    path: str
    op: str
    value: Any


@dataclass(frozen=True, init=False)
class And:
    """All of the filters hold."""

    filters: tuple["Filter", ...]

    def __init__(self, *filters: "Filter") -> None:
        object.__setattr__(self, "filters", filters)


@dataclass(frozen=True, init=False)
class Or:
    """At least one of the filters holds."""

    filters: tuple["Filter", ...]

    def __init__(self, *filters: "Filter") -> None:
        object.__setattr__(self, "filters", filters)


Filter = Where | And | Or


@dataclass(frozen=True, kw_only=True)
class Find:
    """A query on the row's collection, or with `group` on every collection of that id. `-n` orders downwards."""

    where: Filter | None = None
    order_by: Sequence[str] = ()
    start_at: Sequence[Any] | None = None
    start_after: Sequence[Any] | None = None
    end_at: Sequence[Any] | None = None
    end_before: Sequence[Any] | None = None
    offset: int | None = None
    limit: int | None = None
    limit_to_last: int | None = None
    select: Sequence[str] | None = None
    group: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One rule of firestore.md and its source there: P protos, D documentation, C the client, M measured.

    `emulator` says where Google's emulator differs from production, as "differs: …". `node` is False where
    Node's client cannot send the row.
    """

    rule: int
    source: str
    what: str
    emulator: str = ""
    node: bool = True

    @property
    def id(self) -> str:
        """Such as rule-08-an-inequality-leaves-out-null."""
        return f"rule-{self.rule:02}-" + re.sub(r"[^a-z0-9]+", "-", self.what.lower()).strip("-")


@dataclass(frozen=True, kw_only=True)
class QueryRow(Row):
    """The ids that a query finds, in order, or its refusal."""

    given: Documents = field(default_factory=dict)
    find: Find = Find()
    expect: Sequence[str] | Refused


@dataclass(frozen=True, kw_only=True)
class WriteRow(Row):
    """The collection after a commit of writes, or the commit's refusal, which leaves all as it was."""

    given: Documents = field(default_factory=dict)
    writes: Sequence["Write"]
    expect: Documents | Refused


@dataclass(frozen=True, kw_only=True)
class RequestRow(Row):
    """A request that the clients would not send: refused, or accepted where `expect` is None.

    `request` is the message as a dict. In its strings `{database}`, `{parent}` (the root of the documents),
    `{collection}` (an id) and `{doc}` (a document's full name) stand for the row's own.
    """

    given: Documents = field(default_factory=dict)
    method: str
    request: Mapping[str, Any]
    expect: Refused | None = None
    node: bool = False


@dataclass(frozen=True, kw_only=True)
class StructuredRow(Row):
    """The ids that a structured query finds, or its refusal, where the client cannot say the query.

    `query` is the message as a dict, without its `from`.
    """

    given: Documents = field(default_factory=dict)
    query: Mapping[str, Any]
    expect: Sequence[str] | Refused
    node: bool = False


@dataclass(frozen=True, kw_only=True)
class AggregateRow(Row):
    """The results of a query's aggregations by alias, or their refusal.

    `aggregations` are the messages as dicts.
    """

    given: Documents = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    aggregations: Sequence[Mapping[str, Any]]
    expect: Mapping[str, Any] | Refused
    node: bool = False


@dataclass(frozen=True, kw_only=True)
class PlayRow(Row):
    """The JSON that one of the functions of node/plays.mjs prints."""

    given: Documents = field(default_factory=dict)
    play: str
    expect: Any


@dataclass(frozen=True)
class Create:
    """Create a document that must not exist."""

    path: str
    data: Fields


@dataclass(frozen=True)
class Set:
    """Overwrite a document, or merge into it (all of the fields, or those of the paths)."""

    path: str
    data: Fields
    merge: bool | Sequence[str] = False


@dataclass(frozen=True)
class Update:
    """Change fields by path; by itself it demands that the document exists."""

    path: str
    data: Fields


@dataclass(frozen=True)
class Delete:
    """Delete a document, which must exist where `exists` says so."""

    path: str
    exists: bool | None = None


Write = Create | Set | Update | Delete


def each_row(*rows: Row) -> Callable[[Test], Test]:
    """Runs a test once a row, under the row's id."""
    ROWS.extend(rows)
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in rows], indirect=True)


def scenario(rule: int, source: str, what: str, *, emulator: str = "") -> Callable[[Test], Test]:
    """Makes a row of a test that says for itself what it does."""
    return each_row(Row(rule=rule, source=source, what=what, emulator=emulator, node=False))
