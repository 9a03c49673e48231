"""The server in the model's terms: what it is asked and what it answers, as plain Python."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tests.embedded.firestore.raw import RawFirestore
from tests.embedded.firestore.reference.documents import Document, Transform, Write
from tests.embedded.firestore.reference.queries import Found, Query, to_message
from tests.embedded.firestore.reference.values import (
    FieldPath,
    Reference,
    decode,
    decode_fields,
    encode,
    encode_fields,
    format_path,
    to_micros,
    to_timestamp,
)

_KINDS = {"union": "append_missing_elements", "remove": "remove_all_from_array"}


class Outcome(NamedTuple):
    """The result of one write: its update_time (None: unset), and the results of its transforms."""

    updated: int | None
    results: list[Any]


class Subject:
    """One database of the server under test."""

    def __init__(self, raw: RawFirestore, project: str) -> None:
        self.raw = raw
        self.database = f"projects/{project}/databases/(default)"
        self.root = f"{self.database}/documents"

    def commit(self, writes: Sequence[Write], transaction: bytes = b"") -> tuple[int, list[Outcome]]:
        """The commit time and the outcomes."""
        answer = self.raw.call(
            "Commit", database=self.database, writes=[self._write(write) for write in writes], transaction=transaction
        )
        return to_micros(answer.commit_time), [_outcome(result) for result in answer.write_results]

    def batch_write(self, writes: Sequence[Write]) -> list[tuple[int, Outcome]]:
        """The status code's number and the outcome of each write."""
        answer = self.raw.call("BatchWrite", database=self.database, writes=[self._write(write) for write in writes])
        pairs = zip(answer.status, answer.write_results, strict=True)
        return [(status.code, _outcome(result)) for status, result in pairs]

    def begin(self, **options: Any) -> bytes:
        """The id of a new transaction."""
        answer = self.raw.call("BeginTransaction", database=self.database, options=options)
        transaction: bytes = answer.transaction
        return transaction

    def rollback(self, transaction: bytes) -> None:
        """Ends a transaction."""
        self.raw.call("Rollback", database=self.database, transaction=transaction)

    def get(self, paths: Sequence[str], **selector: Any) -> tuple[list[Found], list[str], int]:
        """Found documents and missing paths, in the order of the answers, and the read time."""
        names = [self.name(path) for path in paths]
        answers = self.raw.call("BatchGetDocuments", database=self.database, documents=names, **_selector(selector))
        kinds = [answer.WhichOneof("result") for answer in answers]
        assert sorted(kinds) == kinds, "found ones come before missing ones"
        found = [self.found(answer.found) for answer, kind in zip(answers, kinds, strict=True) if kind == "found"]
        missing = [self.path(answer.missing) for answer, kind in zip(answers, kinds, strict=True) if kind == "missing"]
        return found, missing, max(to_micros(answer.read_time) for answer in answers)

    def run(self, query: Query, **selector: Any) -> tuple[list[Found], int]:
        """The results of a query, and the read time."""
        answers = self.raw.call(
            "RunQuery",
            parent=self.name(query.parent),
            structured_query=to_message(query),
            **_selector(selector),
        )
        found = [self.found(answer.document) for answer in answers if answer.HasField("document")]
        return found, max(to_micros(answer.read_time) for answer in answers)

    def aggregate(self, query: Query, aggregations: list[tuple[str, FieldPath | int | None]]) -> list[Any]:
        """The values of count (with its up_to), sum and avg, in the order in which they are asked for."""
        answers = self.raw.call(
            "RunAggregationQuery",
            parent=self.name(query.parent),
            structured_aggregation_query={
                "structured_query": to_message(query),
                "aggregations": [
                    {"alias": f"a{at}", kind: _aggregation(kind, operand)}
                    for at, (kind, operand) in enumerate(aggregations)
                ],
            },
        )
        fields = decode_fields(answers[-1].result.aggregate_fields)
        return [fields[f"a{at}"] for at in range(len(aggregations))]

    def partition(self, query: Query, size: int) -> list[Reference]:
        """The names at which a query's results can be cut into so many parts, or fewer."""
        answer = self.raw.call(
            "PartitionQuery",
            parent=self.name(query.parent),
            structured_query=to_message(query),
            partition_count=size - 1,
        )
        return [Reference(cursor.values[0].reference_value) for cursor in answer.partitions]

    def list_documents(self, parent: str, collection_id: str, page_size: int, **options: Any) -> list[Found]:
        """All documents of a collection, page by page; missing ones have no fields and no times."""
        listed: list[Found] = []
        token = ""
        while True:
            answer = self.raw.call(
                "ListDocuments",
                parent=self.name(parent),
                collection_id=collection_id,
                page_size=page_size,
                page_token=token,
                **options,
            )
            assert len(answer.documents) <= page_size
            listed += map(self.found, answer.documents)
            token = answer.next_page_token
            if not token:
                return listed

    def list_collection_ids(self, parent: str, page_size: int) -> list[str]:
        """The ids of all collections below a parent, page by page."""
        listed: list[str] = []
        token = ""
        while True:
            answer = self.raw.call("ListCollectionIds", parent=self.name(parent), page_size=page_size, page_token=token)
            listed += answer.collection_ids
            token = answer.next_page_token
            if not token:
                return listed

    def name(self, path: str) -> str:
        """The full name of a path; of the root, where it is empty."""
        return f"{self.root}/{path}" if path else self.root

    def path(self, name: str) -> str:
        """The path of a full name."""
        return name.removeprefix(f"{self.root}/")

    def found(self, document: Any) -> Found:
        """A document's message as a result."""
        times = to_micros(document.create_time), to_micros(document.update_time)
        return Found(self.path(document.name), Document(decode_fields(document.fields), *times))

    def _write(self, write: Write) -> dict[str, Any]:
        fields: dict[str, Any] = {"delete": self.name(write.path)} if write.is_delete else self._update(write)
        if write.exists is not None:
            fields["current_document"] = {"exists": write.exists}
        if write.update_time is not None:
            fields["current_document"] = {"update_time": to_timestamp(write.update_time)}
        return fields

    def _update(self, write: Write) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "update": {"name": self.name(write.path), "fields": encode_fields(write.fields)},
            "update_transforms": [_transform(transform) for transform in write.transforms],
        }
        if write.mask is not None:
            fields["update_mask"] = {"field_paths": [format_path(path) for path in write.mask]}
        return fields


def _transform(transform: Transform) -> dict[str, Any]:
    fields: dict[str, Any] = {"field_path": format_path(transform.path)}
    if transform.kind == "request_time":
        return {**fields, "set_to_server_value": "REQUEST_TIME"}
    if transform.kind in _KINDS:
        return {**fields, _KINDS[transform.kind]: {"values": [encode(element) for element in transform.operand]}}
    return {**fields, transform.kind: encode(transform.operand)}


def _aggregation(kind: str, operand: FieldPath | int | None) -> dict[str, Any]:
    if kind == "count":
        return {} if operand is None else {"up_to": {"value": operand}}
    assert isinstance(operand, tuple)
    return {"field": {"field_path": format_path(operand)}}


def _outcome(result: Any) -> Outcome:
    updated = to_micros(result.update_time) if result.HasField("update_time") else None
    return Outcome(updated, [decode(value) for value in result.transform_results])


def _selector(selector: dict[str, Any]) -> dict[str, Any]:
    read_time = selector.get("read_time")
    return selector if read_time is None else {"read_time": to_timestamp(read_time)}


def sorted_ids(ids: Iterable[str]) -> list[str]:
    """Ids in the order of their UTF-8 bytes."""
    return sorted(set(ids), key=str.encode)
