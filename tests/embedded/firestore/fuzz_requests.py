"""Requests of every kind, right in most places and wrong in some, drawn from the messages' own descriptors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from tests.embedded.firestore.raw import message
from tests.embedded.firestore.reference.values import to_timestamp

METHODS = (
    "GetDocument",
    "ListDocuments",
    "CreateDocument",
    "UpdateDocument",
    "DeleteDocument",
    "BatchGetDocuments",
    "BeginTransaction",
    "Commit",
    "Rollback",
    "RunQuery",
    "RunAggregationQuery",
    "PartitionQuery",
    "ListCollectionIds",
    "BatchWrite",
)
BIDIRECTIONAL = ("Write", "Listen")
MAX_DEPTH = 7
# Where one of these is left out, there is little left of a request that could reach the depths of the server.
EXPECTED = {
    "database", "parent", "name", "document", "documents", "writes", "update", "fields", "structured_query", "where",
    "structured_aggregation_query", "aggregations", "from", "collection_id", "field", "field_path", "op", "value",
    "filters", "transform_type", "transaction", "seconds", "field_paths", "values", "document_id",
}  # fmt: skip
# What the server says at once that it does not have: drawn now and then only.
RARE = {"find_nearest", "explain_options", "expression_value", "pipeline_value", "function_value", "read_time", "mask"}

PATHS = ("c/a", "c/b", "c/a/sub/x", "d/é")
ODD_NAMES = (
    "",
    "/",
    "projects/p",
    "projects/p/databases/(default)/documents/",
    "c/a",
    "\0",
    "projects//databases//documents/a/b",
)
ODD_PATHS = ("..", "c", "c/", "c//a", "c/.", "__x__/a", "c/__x__", "c/__id7__", "c/" + "x" * 1501, "a/b" * 101, "\n/\0")
FIELD_PATHS = (
    "a",
    "b",
    "m.x",
    "`odd name`",
    "__name__",
    "",
    ".",
    "a..b",
    "`",
    "__x__",
    "a.b.c.d",
    "é",
    "x" * 1501,
    "*",
)
TEXTS = ("", "a", "é🎬", "\0", "x" * 1600, "a desc, b", "__name__", "`")
TOKENS = ("", "bm9uZQ==", "not base64 !", "é")
INTEGERS = (0, 1, 2, 3, -1, 30, 2**31 - 1, -(2**31))
LARGE_INTEGERS = (*INTEGERS, 2**63 - 1, -(2**63), 2**53 + 1)
DOUBLES = (0.0, -0.0, 1.5, 1e308, float("inf"), float("-inf"), float("nan"), 91.0)
SECONDS = (0, 1, 1_700_000_000, -62_135_596_801, 253_402_300_800, 4_000_000_000)


@dataclass(eq=False)
class Target:
    """The parts of names in requests, and the answers so far; both change in the course of a test."""

    project: str = "p"
    transaction: bytes = b""
    page_token: str = ""
    now_micros: int = 0

    @property
    def database(self) -> str:
        """The name of the database."""
        return f"projects/{self.project}/databases/(default)"


@dataclass(frozen=True)
class Request:
    """One request, on its way as bytes."""

    method: str
    data: bytes


def requests(target: Target) -> st.SearchStrategy[Request]:
    """A strategy for requests of all methods, one in five of them with broken bytes."""
    return st.sampled_from(METHODS).flatmap(lambda method: _requests_of(method, target))


@cache
def _requests_of(method: str, target: Target) -> st.SearchStrategy[Request]:
    whole = messages(message(f"{method}Request").DESCRIPTOR, target).map(lambda request: request.SerializeToString())
    return (
        st.integers(0, 4).flatmap(lambda n: broken(whole) if n == 0 else whole).map(lambda data: Request(method, data))
    )


def broken(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A strategy for bytes of which some are changed, cut out, doubled or put in."""
    cut = st.tuples(st.floats(0, 1), st.integers(1, 8), st.sampled_from(["drop", "ones", "zeros", "double", "insert"]))
    return st.builds(_cut, whole, st.lists(cut, min_size=1, max_size=3))


def _cut(data: bytes, cuts: list[tuple[float, int, str]]) -> bytes:
    for place, size, kind in cuts:
        at = int(place * len(data))
        piece = {"ones": b"\xff" * size, "zeros": b"\0" * size, "double": data[at : at + 4 * size] * 2}.get(kind, b"")
        inserted = data[: 4 * size] if kind == "insert" else piece
        data = data[:at] + inserted + data[at + size :]
    return data


@cache
def messages(descriptor: Descriptor, target: Target, depth: int = 0) -> st.SearchStrategy[Any]:
    """A strategy for messages of a descriptor."""
    return _messages(descriptor, target, depth)


@st.composite
def _messages(draw: st.DrawFn, descriptor: Descriptor, target: Target, depth: int) -> Any:
    built: Any = GetMessageClass(descriptor)()
    if descriptor.full_name == "google.protobuf.Timestamp":
        built.seconds, built.nanos = draw(_times(target))
        return built
    for field in _chosen(draw, descriptor, depth):
        _set(draw, built, field, target, depth)
    return built


def _chosen(draw: st.DrawFn, descriptor: Descriptor, depth: int) -> list[FieldDescriptor]:
    """The fields that a message gets: at most one of those that exclude each other."""
    chosen = []
    for fields in _alternatives(descriptor):
        usable = [field for field in fields if depth < MAX_DEPTH or field.message_type is None]
        if not usable:
            continue
        field = draw(st.sampled_from(usable)) if len(usable) > 1 else usable[0]
        one_in = 16 if field.name in RARE else 4
        if field.name in EXPECTED or len(usable) > 1:
            is_chosen = draw(st.integers(0, 24)) > 0
        else:
            is_chosen = draw(st.integers(1, one_in)) == 1
        if is_chosen:
            chosen.append(field)
    return chosen


@cache
def _alternatives(descriptor: Descriptor) -> list[list[FieldDescriptor]]:
    oneofs = [list(oneof.fields) for oneof in descriptor.oneofs]
    return [[field] for field in descriptor.fields if field.containing_oneof is None] + oneofs


def _set(draw: st.DrawFn, built: Any, field: FieldDescriptor, target: Target, depth: int) -> None:
    held = getattr(built, field.name)
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        for name in draw(st.lists(st.sampled_from(("a", "b", "m", "é", "__x__", "")), max_size=2)):
            value = inner.fields_by_name["value"]
            if value.message_type is not None:
                held[name].CopyFrom(draw(messages(value.message_type, target, depth + 1)))
            else:
                held[name] = draw(_plain(value, target))
    elif field.is_repeated:
        size = draw(st.sampled_from([0, 1, 1, 2, 3]))
        held.extend(draw(_value(field, target, depth)) for _ in range(size))
    elif inner is not None:
        held.SetInParent()
        held.CopyFrom(draw(messages(inner, target, depth + 1)))
    else:
        setattr(built, field.name, draw(_plain(field, target)))


def _value(field: FieldDescriptor, target: Target, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, target, depth + 1)
    return _plain(field, target)


@cache
def _plain(field: FieldDescriptor, target: Target) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _strings(field.name, target)
    if field.type == FieldDescriptor.TYPE_BYTES:
        known = st.builds(lambda: target.transaction)
        return st.integers(0, 2).flatmap(
            lambda n: known if n else st.sampled_from([b"", b"x", b"\0" * 16, b"\xff" * 99])
        )
    if field.type == FieldDescriptor.TYPE_ENUM:
        numbers = [value.number for value in field.enum_type.values] if field.enum_type else []
        return st.integers(0, 15).flatmap(lambda n: st.sampled_from((numbers[1:] or numbers) if n else [0, 99]))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    if field.type in {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}:
        return st.sampled_from(DOUBLES)
    return st.sampled_from(LARGE_INTEGERS if field.type == FieldDescriptor.TYPE_INT64 else INTEGERS)


def _strings(name: str, target: Target) -> st.SearchStrategy[str]:
    """Texts that fit a field of such a name, nearly always."""
    fitting = _FITTING.get(name)
    if fitting is None:
        return st.sampled_from(TEXTS)
    odd, usual = fitting
    usually = st.sampled_from(usual).map(lambda text: text.format(database=target.database, token=target.page_token))
    return st.integers(0, 24).flatmap(lambda n: usually if n else st.sampled_from(odd))


def _names(*paths: str) -> tuple[str, ...]:
    return tuple("{database}/documents" + (f"/{path}" if path else "") for path in paths)


_DOCUMENTS = ((*ODD_NAMES, *(f"projects/p/databases/d/documents/{path}" for path in ODD_PATHS)), _names(*PATHS))
_FITTING: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "database": (ODD_NAMES, ("{database}",)),
    "parent": (ODD_NAMES, _names("", "", "c/a", "none/x")),
    "name": _DOCUMENTS,
    "document": _DOCUMENTS,
    "documents": _DOCUMENTS,
    "delete": _DOCUMENTS,
    "reference_value": _DOCUMENTS,
    "collection_id": (ODD_PATHS, ("c", "sub", "d", "")),
    "document_id": (ODD_PATHS, ("a", "b", "new")),
    "field_path": (FIELD_PATHS, ("a", "b", "m.x", "__name__")),
    "field_paths": (FIELD_PATHS, ("a", "b", "m.x")),
    "order_by": (TEXTS, ("a", "a desc", "b, a", "__name__")),
    "page_token": (TOKENS, ("", "{token}")),
    "alias": (TEXTS, ("", "x", "y")),
}


@cache
def _times(target: Target) -> st.SearchStrategy[tuple[int, int]]:
    recent: Callable[[int], tuple[int, int]] = lambda back: tuple(to_timestamp(target.now_micros - back).values())  # noqa: E731
    odd = st.tuples(st.sampled_from(SECONDS), st.sampled_from([0, 1, 999_999_999, -1, 1_000_000_000]))
    return st.integers(0, 2).flatmap(lambda n: st.sampled_from([0, 1, 10**5, -(10**7)]).map(recent) if n else odd)
