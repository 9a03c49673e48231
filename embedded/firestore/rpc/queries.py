"""The methods that run queries: RunQuery, RunAggregationQuery and PartitionQuery."""

from collections.abc import AsyncIterator
from functools import partial

from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model import clock
from embedded.firestore.model.errors import InvalidArgumentError, UnimplementedError
from embedded.firestore.model.field_paths import NAME
from embedded.firestore.model.paths import Path, decode_segments, parse_parent
from embedded.firestore.model.protos import (
    Document,
    Message,
    PartitionQueryRequest,
    PartitionQueryResponse,
    RunAggregationQueryRequest,
    RunAggregationQueryResponse,
    RunQueryRequest,
    RunQueryResponse,
)
from embedded.firestore.query.aggregations import Aggregation, order_fields, parse_aggregations
from embedded.firestore.query.executor import Execution
from embedded.firestore.query.filters import Conjunction
from embedded.firestore.query.query import Order, Query, parse_query
from embedded.firestore.rpc.field_masks import mask_data
from embedded.firestore.rpc.framing import embed
from embedded.firestore.rpc.page_tokens import decode_page_token, encode_page_token, page_fingerprint, page_size_of
from embedded.firestore.rpc.read_context import Sessions
from embedded.firestore.store.snapshots import Snapshot

_DOCUMENT, _READ_TIME = 1, 3  # fields of RunQueryResponse
_MIN_PART_DOCUMENTS = 128  # production cuts a group no smaller


class QueryService:
    """RunQuery, RunAggregationQuery and PartitionQuery."""

    def __init__(self, sessions: Sessions, indexes: IndexConfig) -> None:
        self._sessions = sessions
        self._indexes = indexes

    async def run_query(self, request: RunQueryRequest) -> AsyncIterator[bytes]:
        """The results in order; without any, one answer with the read time alone."""
        parent = parse_parent(request.parent)
        _refuse_explain(request)
        if not request.HasField("structured_query"):
            raise InvalidArgumentError("RunQuery must have a structured_query.")
        query = parse_query(parent, request.structured_query)
        transaction = self._sessions.transaction_of(request, parent.database)
        if transaction is not None and request.HasField("new_transaction"):
            yield RunQueryResponse(transaction=transaction.id).SerializeToString()
        async with self._sessions.snapshot_of(request, transaction, query) as snapshot:
            time = clock.to_timestamp(snapshot.read_time)
            tail = embed(_READ_TIME, time.SerializeToString())
            skipped = 0
            count = 0
            async for stored in Execution(snapshot, query, self._indexes).run():
                if stored is None:
                    skipped += 1
                    continue
                head = RunQueryResponse(skipped_results=skipped).SerializeToString() if skipped else b""
                skipped = 0
                count += 1
                yield head + embed(_DOCUMENT, mask_data(stored.data, query.projection)) + tail
        if not count or skipped:
            yield RunQueryResponse(skipped_results=skipped, read_time=time).SerializeToString()

    async def run_aggregation_query(self, request: RunAggregationQueryRequest) -> AsyncIterator[bytes]:
        """The one answer with the result of every aggregation."""
        parent = parse_parent(request.parent)
        _refuse_explain(request)
        asked = request.structured_aggregation_query
        if not asked.HasField("structured_query"):
            raise InvalidArgumentError("An aggregation query must have a structured_query.")
        aggregations = parse_aggregations(asked)
        query = parse_query(parent, asked.structured_query, order_fields(aggregations))
        _assert_projection(query, aggregations)
        transaction = self._sessions.transaction_of(request, parent.database)
        begun = transaction.id if transaction is not None and request.HasField("new_transaction") else b""
        async with self._sessions.snapshot_of(request, transaction, query) as snapshot:
            await _aggregate(snapshot, Execution(snapshot, query, self._indexes), aggregations)
            time = clock.to_timestamp(snapshot.read_time)
        response = RunAggregationQueryResponse(read_time=time, transaction=begun)
        for aggregation in aggregations:
            response.result.aggregate_fields[aggregation.alias].CopyFrom(aggregation.result())
        yield response.SerializeToString()

    async def partition_query(self, request: PartitionQueryRequest) -> bytes:
        """The names that cut a collection group's documents into parts of about equal size."""
        parent = parse_parent(request.parent)
        query = parse_query(parent, request.structured_query)
        _assert_partitioning(request, query)
        fingerprint = page_fingerprint(request.parent, request.structured_query.SerializeToString().hex())
        start = int.from_bytes(decode_page_token(request.page_token, fingerprint), "big")
        async with self._sessions.snapshot_of(request, None, query) as snapshot:
            execution = Execution(snapshot, query, self._indexes)
            paths = await snapshot.in_thread(partial(_cut, execution, request.partition_count))
        end = start + page_size_of(request, default=len(paths))
        response = PartitionQueryResponse()
        for path in paths[start:end]:
            name = Path(parent.database, decode_segments(path)).name
            response.partitions.add(before=True).values.add(reference_value=name)
        if end < len(paths):
            response.next_page_token = encode_page_token(end.to_bytes(8, "big"), fingerprint)
        data: bytes = response.SerializeToString()
        return data


def _assert_projection(query: Query, aggregations: list[Aggregation]) -> None:
    if query.projection is None or not order_fields(aggregations):
        return
    if query.projection == (NAME,):
        raise InvalidArgumentError(
            "Aggregation over non-key properties is not supported for base query that only returns keys."
        )
    raise InvalidArgumentError("Cannot apply property masks when aggregation fields are present.")


async def _aggregate(snapshot: Snapshot, execution: Execution, aggregations: list[Aggregation]) -> None:
    if all(aggregation.kind == "count" for aggregation in aggregations):
        limits = [aggregation.up_to for aggregation in aggregations]
        limit = None if None in limits else max(limit for limit in limits if limit is not None)
        count = await snapshot.in_thread(partial(execution.count, limit))  # a million entries take a while
        for aggregation in aggregations:
            aggregation.count = count
        return
    async for stored in execution.run():
        if stored is not None:
            document = Document.FromString(stored.data)
            for aggregation in aggregations:
                aggregation.add(document)


def _assert_partitioning(request: PartitionQueryRequest, query: Query) -> None:
    if request.partition_count <= 0:
        raise InvalidArgumentError("partition_count must be positive.")
    is_plain = query.disjuncts == (Conjunction(),) and query.orders == (Order(NAME, is_descending=False),)
    is_whole = query.limit is None and not query.offset and query.start is None and query.end is None
    if not (query.scope.is_group and is_plain and is_whole):
        raise InvalidArgumentError(
            "Only a collection group query ordered by __name__ without filters, cursors or limits can be partitioned."
        )


def _cut(execution: Execution, partition_count: int) -> list[bytes]:
    total = execution.count(None)
    parts = min(partition_count + 1, total // _MIN_PART_DOCUMENTS)
    return execution.pick({total * part // parts for part in range(1, parts)})


def _refuse_explain(request: Message) -> None:
    if request.HasField("explain_options"):
        raise UnimplementedError("explain_options")
