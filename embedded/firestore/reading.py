"""The methods that read documents by name, and that list what is there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from embedded.firestore import clock
from embedded.firestore.documents import get_field, mask_fields
from embedded.firestore.errors import InvalidArgumentError, NotFoundError
from embedded.firestore.execution import Execution
from embedded.firestore.fieldpaths import DOCUMENT_NAME, FieldPath
from embedded.firestore.filters import NAME
from embedded.firestore.paging import decode_page_token, encode_page_token, page_fingerprint
from embedded.firestore.paths import (
    Path,
    check_collection_id,
    check_database,
    decode_segments,
    parse_database,
    parse_document,
    parse_parent,
)
from embedded.firestore.protos import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    Cursor,
    Document,
    GetDocumentRequest,
    ListCollectionIdsRequest,
    ListCollectionIdsResponse,
    ListDocumentsRequest,
    Message,
    StructuredQuery,
    Value,
)
from embedded.firestore.queries import Query, parse_query
from embedded.firestore.snapshots import Snapshot
from embedded.firestore.storage import Storage
from embedded.firestore.transactions import Transaction, Transactions
from embedded.firestore.wire import embed
from embedded.firestore.writer import Pace
from embedded.firestore.writes import parse_mask

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_BYTES = 4 * 1024 * 1024
_FOUND, _READ_TIME = 1, 4  # fields of BatchGetDocumentsResponse
_DOCUMENTS, _NEXT_PAGE_TOKEN = 1, 2  # fields of ListDocumentsResponse
_ASCENDING, _DESCENDING = 1, 2


class ReadService:
    """GetDocument, BatchGetDocuments, ListDocuments and ListCollectionIds."""

    def __init__(self, storage: Storage, transactions: Transactions) -> None:
        self._storage = storage
        self._transactions = transactions

    async def get_document(self, request: GetDocumentRequest) -> bytes:
        """Return the document, or NotFoundError."""
        path = parse_document(request.name)
        mask = mask_of(request)
        transaction = self._transaction_of(request, path.database)
        async with self._snapshot_of(request, transaction, [path]) as snapshot:
            stored = snapshot.get(path)
        if stored is None:
            raise NotFoundError(f'Document "{request.name}" not found.')
        return mask_data(stored.data, mask)

    async def batch_get_documents(self, request: BatchGetDocumentsRequest) -> AsyncIterator[bytes]:
        """Yield the documents that are there, then the names of those that are not; each once."""
        database = parse_database(request.database)
        paths = [parse_document(name) for name in dict.fromkeys(request.documents)]
        for path in paths:
            check_database(path, database)
        mask = mask_of(request)
        transaction = self._transaction_of(request, database)
        if transaction is not None and request.HasField("new_transaction"):
            yield BatchGetDocumentsResponse(transaction=transaction.id).SerializeToString()
        async with self._snapshot_of(request, transaction, paths) as snapshot:
            time = clock.to_timestamp(snapshot.read_time)
            tail = embed(_READ_TIME, time.SerializeToString())
            missing = []
            for path in paths:
                stored = snapshot.get(path)
                if stored is None:
                    missing.append(path)
                    continue
                yield embed(_FOUND, mask_data(stored.data, mask)) + tail
        for path in missing:
            yield BatchGetDocumentsResponse(missing=path.name, read_time=time).SerializeToString()

    async def list_documents(self, request: ListDocumentsRequest) -> bytes:
        """Return one page of a collection's documents."""
        parent = parse_parent(request.parent)
        if request.collection_id:
            check_collection_id(request.collection_id)
        query = _list_query(parent, request)
        mask = mask_of(request)
        transaction = self._transaction_of(request, parent.database)
        async with self._snapshot_of(request, transaction, query) as snapshot:
            if request.show_missing:
                return await self._list_all(snapshot, query, request, mask)
            return await self._list_existing(snapshot, query, request, mask)

    async def list_collection_ids(self, request: ListCollectionIdsRequest) -> bytes:
        """Return one page of the ids of collections that have documents somewhere below the parent."""
        parent = parse_parent(request.parent)
        fingerprint = page_fingerprint(request.parent)
        start = decode_page_token(request.page_token, fingerprint)
        page_size = _page_size(request)
        async with self._snapshot_of(request, None, []) as snapshot:
            keys = snapshot.children(parent.database, parent.key, start)
            found = [key for key, _ in zip(keys, range(page_size + 1), strict=False)]
        response = ListCollectionIdsResponse()
        for key in found[:page_size]:
            response.collection_ids.append(decode_segments(key)[-1])
        if len(found) > page_size:
            response.next_page_token = encode_page_token(found[page_size - 1], fingerprint)
        data: bytes = response.SerializeToString()
        return data

    async def _list_existing(
        self, snapshot: Snapshot, query: Query, request: ListDocumentsRequest, mask: list[FieldPath] | None
    ) -> bytes:
        page_size = _page_size(request)
        parts: list[bytes] = []
        size_bytes, last = 0, b""
        async for stored in Execution(snapshot, query, self._storage.indexes).run():
            if stored is None:
                continue
            if len(parts) == page_size or size_bytes > MAX_PAGE_BYTES:
                token = encode_page_token(_cursor_after(query, last), _list_fingerprint(request))
                return b"".join(parts) + embed(_NEXT_PAGE_TOKEN, token.encode())
            last = stored.data
            parts.append(embed(_DOCUMENTS, mask_data(stored.data, mask)))
            size_bytes += len(parts[-1])
        return b"".join(parts)

    async def _list_all(
        self, snapshot: Snapshot, query: Query, request: ListDocumentsRequest, mask: list[FieldPath] | None
    ) -> bytes:
        """Return a page that has documents without fields for those that are missing and have children."""
        scope = query.scope
        start = decode_page_token(request.page_token, _list_fingerprint(request))
        page_size, pace = _page_size(request), Pace()
        parts: list[bytes] = []
        size_bytes, last = 0, b""
        for key in snapshot.children(scope.parent.database, scope.prefix, start):
            await pace.pause()
            if len(parts) == page_size or size_bytes > MAX_PAGE_BYTES:
                token = encode_page_token(last, _list_fingerprint(request))
                return b"".join(parts) + embed(_NEXT_PAGE_TOKEN, token.encode())
            path = Path(scope.parent.database, decode_segments(key))
            stored = snapshot.get(path)
            data = mask_data(stored.data, mask) if stored else Document(name=path.name).SerializeToString()
            parts.append(embed(_DOCUMENTS, data))
            size_bytes += len(data)
            last = key
        return b"".join(parts)

    def _transaction_of(self, request: Message, database: str) -> Transaction | None:
        return transaction_of(request, database, self._transactions)

    @asynccontextmanager
    async def _snapshot_of(
        self, request: Message, transaction: Transaction | None, wanted: list[Path] | Query
    ) -> AsyncIterator[Snapshot]:
        """Give the snapshot that a request is to read: of its transaction, of its read_time, or of now."""
        read_time = None
        if transaction is not None and isinstance(wanted, Query):
            read_time = await self._transactions.lock_query(transaction, wanted)
        elif transaction is not None and isinstance(wanted, list):
            read_time = await self._transactions.lock_documents(transaction, wanted)
        elif request.HasField("read_time"):
            read_time = self._transactions.parse_read_time(request.read_time)
        async with self._storage.snapshot(read_time) as snapshot:
            yield snapshot


def transaction_of(request: Message, database: str, transactions: Transactions) -> Transaction | None:
    """Return the transaction that a request reads in, begun for it where it asks for a new one."""
    selector = request.WhichOneof("consistency_selector")
    if selector == "transaction":
        return transactions.get(request.transaction, database)
    if selector == "new_transaction":
        return transactions.begin(database, request.new_transaction)
    return None


def mask_of(request: Message) -> list[FieldPath] | None:
    """Return the fields that a request wants, or None for all."""
    return parse_mask(request.mask) if request.HasField("mask") else None


def mask_data(data: bytes, mask: list[FieldPath] | tuple[FieldPath, ...] | None) -> bytes:
    """Return a serialised document with only the fields of a mask."""
    if mask is None:
        return data
    document = Document.FromString(data)
    masked = mask_fields(document.fields, [path for path in mask if path != NAME])
    masked.name = document.name
    masked.create_time.CopyFrom(document.create_time)
    masked.update_time.CopyFrom(document.update_time)
    serialised: bytes = masked.SerializeToString()
    return serialised


def _list_query(parent: Path, request: ListDocumentsRequest) -> Query:
    if request.show_missing and request.order_by:
        raise InvalidArgumentError("show_missing cannot be combined with order_by.")
    query = StructuredQuery()
    query.from_.add(collection_id=request.collection_id)
    for part in _split_order(request.order_by):
        field, _, direction = part.partition(" ")
        order = query.order_by.add(direction=_direction(direction.strip()))
        order.field.field_path = field
    if not any(order.field.field_path == DOCUMENT_NAME for order in query.order_by):
        last = query.order_by[-1].direction if query.order_by else _ASCENDING
        query.order_by.add(direction=last).field.field_path = DOCUMENT_NAME  # a page ends at a name
    if request.page_token and not request.show_missing:
        try:
            cursor = Cursor.FromString(decode_page_token(request.page_token, _list_fingerprint(request)))
        except Exception as error:
            raise InvalidArgumentError("Invalid page_token.") from error
        query.start_at.CopyFrom(cursor)
    return parse_query(parent, query)


def _split_order(order_by: str) -> Iterator[str]:
    return (part.strip() for part in order_by.split(",")) if order_by.strip() else iter(())


def _direction(text: str) -> int:
    if text.lower() not in {"", "asc", "desc"}:
        raise InvalidArgumentError(f'Invalid order_by direction "{text[:50]}": use asc or desc.')
    return _DESCENDING if text.lower() == "desc" else _ASCENDING


def _page_size(request: Message) -> int:
    if request.page_size < 0:
        raise InvalidArgumentError("page_size must not be negative.")
    return request.page_size or DEFAULT_PAGE_SIZE


def _cursor_after(query: Query, data: bytes) -> bytes:
    """Return, serialised, the cursor just after a document."""
    document = Document.FromString(data)
    cursor = Cursor(before=False)
    for path, _ in query.orders:
        value = get_field(document.fields, path) if path != NAME else Value(reference_value=document.name)
        cursor.values.add().CopyFrom(value)
    serialised: bytes = cursor.SerializeToString()
    return serialised


def _list_fingerprint(request: ListDocumentsRequest) -> bytes:
    return page_fingerprint(request.parent, request.collection_id, request.order_by, str(request.show_missing))
