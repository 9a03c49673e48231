"""Where a row happens: a collection of its own, seen through the client and through the raw stubs below it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.base_query import And as ClientAnd
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.base_query import Or as ClientOr

from tests.embedded.firestore.conformance.rows import (
    And,
    At,
    Create,
    Delete,
    Documents,
    Fields,
    Filter,
    Find,
    Or,
    Ref,
    Refused,
    Set,
    Update,
    Where,
    Write,
)
from tests.embedded.firestore.conformance.target import IS_GOOGLES_EMULATOR
from tests.patience import PATIENCE_SECONDS

# Clients retry some codes for five minutes in silence (rule 43); the tests want to see the first answer.
ONCE: dict[str, Any] = {"retry": None, "timeout": 20}


def connect(host_port: str, project: str = "conformance", database: str | None = None) -> Any:
    """A client of the server at host_port, whatever the environment says."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", host_port)
        return firestore.Client(project=project, database=database)


@dataclass(frozen=True)
class Place:
    """A fresh collection, and all that rows do with it."""

    client: Any  # firestore.Client, whose own annotations are incomplete
    collection_id: str = field(default_factory=lambda: f"c-{uuid.uuid4().hex}")

    @property
    def database(self) -> str:
        """Such as projects/p/databases/(default)."""
        return str(self.client._database_string)

    @property
    def root(self) -> str:
        """The parent of the collections at the top."""
        return f"{self.database}/documents"

    @property
    def collection(self) -> Any:
        """The row's collection."""
        return self.client.collection(self.collection_id)

    def ref(self, path: str) -> Any:
        """The document of that id, or of that path below the collection."""
        return self.client.document(f"{self.collection_id}/{path}")

    def name(self, path: str) -> str:
        """The document's full name, as requests hold it."""
        return f"{self.root}/{self.collection_id}/{path}"

    def expected(self, fields: Fields) -> Any:
        """The fields as `content` would show them."""
        return exact(self.resolve(dict(fields)))

    def seed(self, documents: Documents) -> None:
        """All of the documents are there."""
        self.commit([Set(path, data) for path, data in documents.items()])

    def commit(self, writes: Sequence[Write]) -> Any:
        """The write results of one commit."""
        batch = self.client.batch()
        for write in writes:
            self._add(batch, write)
        return batch.commit(**ONCE)

    def _add(self, batch: Any, write: Write) -> None:
        ref = self.ref(write.path)
        match write:
            case Create(data=data):
                batch.create(ref, self.resolve(data))
            case Set(data=data, merge=merge):
                batch.set(ref, self.resolve(data), merge=merge)
            case Update(data=data):
                batch.update(ref, self.resolve(data))
            case Delete(exists=exists):
                batch.delete(ref, None if exists is None else self.client.write_option(exists=exists))

    def read(self, path: str, **options: Any) -> Any:
        """The document's fields, or None where it is missing."""
        return self.ref(path).get(**ONCE, **options).to_dict()

    def content(self) -> dict[str, Any]:
        """Every document of the collection by id, its fields told apart by type."""
        return {snapshot.id: exact(snapshot.to_dict()) for snapshot in self.collection.stream(**ONCE)}

    def find_all(self) -> list[str]:
        """The ids of the collection."""
        return self.find(Find())

    def find(self, find: Find) -> list[str]:
        """The ids that the query finds, in its order."""
        return [snapshot.id for snapshot in self.query(find).get(**ONCE)]

    def query(self, find: Find) -> Any:
        """The client's own query."""
        query: Any = self.client.collection_group(self.collection_id) if find.group else self.collection
        if find.where is not None:
            query = query.where(filter=self.filter(find.where))
        for path in find.order_by:
            query = query.order_by(path.removeprefix("-"), direction="DESCENDING" if path[0] == "-" else "ASCENDING")
        for bound in ("start_at", "start_after", "end_at", "end_before"):
            if (values := getattr(find, bound)) is not None:
                query = getattr(query, bound)(self.cursor(values))
        for step in ("offset", "limit", "limit_to_last", "select"):
            if (value := getattr(find, step)) is not None:
                query = getattr(query, step)(value)
        return query

    def filter(self, where: Filter) -> Any:
        """The client's own filter."""
        match where:
            case Where(path, op, value):
                return FieldFilter(path, op.replace("array-", "array_").replace("-any", "_any"), self.resolve(value))
            case And(filters):
                return ClientAnd([self.filter(each) for each in filters])
            case Or(filters):
                return ClientOr([self.filter(each) for each in filters])

    def cursor(self, values: Sequence[Any]) -> Any:
        """The values of a cursor, or the snapshot that it names."""
        match values:
            case [At(path)]:
                return self.ref(path).get(**ONCE)
            case _:
                return self.resolve(list(values))

    def resolve(self, value: Any) -> Any:
        """The value with real references in it."""
        match value:
            case Ref(path):
                return self.ref(path)
            case dict():
                return {key: self.resolve(item) for key, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
            case _:
                return value

    def call(self, method: str, request: Mapping[str, Any]) -> Any:
        """The answer of the raw stub: a message, or a list of them where it streams."""
        stub = getattr(self.client._firestore_api.transport, method)
        answer = stub(self.fill(request), metadata=self.client._rpc_metadata, timeout=PATIENCE_SECONDS)
        return list(answer) if isinstance(answer, Iterator) else answer

    def fill(self, value: Any) -> Any:
        """The request with the row's own names in its strings."""
        match value:
            case str():
                return self.fill_text(value)
            case dict():
                return {key: self.fill(item) for key, item in value.items()}
            case list() | tuple():
                return [self.fill(item) for item in value]
            case _:
                return value

    def fill_text(self, text: str) -> str:
        """The text with {database}, {parent}, {collection} and {doc} filled in."""
        names = {
            "database": self.database,
            "parent": self.root,
            "collection": self.collection_id,
            "doc": self.name("doc"),
        }
        for key, name in names.items():
            text = text.replace(f"{{{key}}}", name)
        return text

    def structured(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The structured query, which selects from the row's collection where it does not say from where."""
        return {"from_": [{"collection_id": self.collection_id}], **self.fill(query)}

    def run(self, query: Mapping[str, Any]) -> list[str]:
        """The ids that a structured query finds, in its order."""
        answers = self.call("run_query", {"parent": "{parent}", "structured_query": self.structured(query)})
        return [answer.document.name.rpartition("/")[2] for answer in answers if answer.document.name]

    def aggregate(self, query: Mapping[str, Any], aggregations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The result of each aggregation by its alias."""
        aggregation_query = {"structured_query": self.structured(query), "aggregations": aggregations}
        request = {"parent": "{parent}", "structured_aggregation_query": aggregation_query}
        (answer,) = self.call("run_aggregation_query", request)
        fields: Any = _helpers.decode_dict(answer.result.aggregate_fields, self.client)
        return dict(fields)

    @contextmanager
    def refused(self, expect: Refused) -> Iterator[None]:
        """The block's call is refused with that code, and with a message that holds those words."""
        with pytest.raises((GoogleAPICallError, grpc.RpcError)) as caught:
            yield
        code, message = code_and_message(caught.value)
        assert code == expect.code, f"refused with {code}: {message}"
        assert IS_GOOGLES_EMULATOR or self.fill_text(expect.words) in message


def exact(value: Any) -> Any:
    """The value with its numbers told apart, so that 3 is not 3.0, 0.0 is not -0.0 and NaN is NaN."""
    match value:
        case bool():
            return value
        case int() | float():
            return f"{type(value).__name__} {value!r}"
        case dict():
            return {key: exact(item) for key, item in value.items()}
        case list():
            return [exact(item) for item in value]
        case _:
            return value


def value(native: Any) -> Any:
    """The value as a message, for requests."""
    return _helpers.encode_value(native)


def code_and_message(error: Any) -> tuple[str, str]:
    """The gRPC code's name and the server's message, from either layer's exception."""
    if isinstance(error, GoogleAPICallError):
        code = error.grpc_status_code
        return (code.name if code is not None else str(error.code)), str(error.message)
    return error.code().name, str(error.details())
