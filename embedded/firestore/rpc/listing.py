"""The methods that list what is there, page by page: documents, and the ids of collections."""

from collections.abc import Iterator

from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model.documents import get_field
from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import DOCUMENT_NAME, NAME, FieldPath
from embedded.firestore.model.paths import Path, assert_collection_id, decode_segments, parse_parent
from embedded.firestore.model.protos import (
    Cursor,
    Document,
    ListCollectionIdsRequest,
    ListCollectionIdsResponse,
    ListDocumentsRequest,
    StructuredQuery,
    Value,
)
from embedded.firestore.query.executor import Execution
from embedded.firestore.query.query import Query, parse_query
from embedded.firestore.rpc.field_masks import mask_data, mask_of
from embedded.firestore.rpc.framing import embed
from embedded.firestore.rpc.page_tokens import decode_page_token, encode_page_token, page_fingerprint, page_size_of
from embedded.firestore.rpc.read_context import Sessions
from embedded.firestore.store.snapshots import Snapshot
from embedded.firestore.store.writer import Pace

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_BYTES = 4 * 1024 * 1024
_DOCUMENTS, _NEXT_PAGE_TOKEN = 1, 2  # fields of ListDocumentsResponse
_ASCENDING, _DESCENDING = 1, 2


class ListService:
    """ListDocuments and ListCollectionIds."""

    def __init__(self, sessions: Sessions, indexes: IndexConfig) -> None:
        self._sessions = sessions
        self._indexes = indexes

    async def list_documents(self, request: ListDocumentsRequest) -> bytes:
        """One page of a collection's documents."""
        parent = parse_parent(request.parent)
        if request.collection_id:
            assert_collection_id(request.collection_id)
        query = _list_query(parent, request)
        mask = mask_of(request)
        transaction = self._sessions.transaction_of(request, parent.database)
        async with self._sessions.snapshot_of(request, transaction, query) as snapshot:
            if request.show_missing:
                return await self._list_all(snapshot, query, request, mask)
            return await self._list_existing(snapshot, query, request, mask)

    async def list_collection_ids(self, request: ListCollectionIdsRequest) -> bytes:
        """One page of the ids of collections that have documents somewhere below the parent."""
        parent = parse_parent(request.parent)
        fingerprint = page_fingerprint(request.parent)
        start = decode_page_token(request.page_token, fingerprint)
        page_size = page_size_of(request, DEFAULT_PAGE_SIZE)
        async with self._sessions.snapshot_of(request, None, []) as snapshot:
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
        page_size = page_size_of(request, DEFAULT_PAGE_SIZE)
        parts: list[bytes] = []
        size_bytes, last = 0, b""
        async for stored in Execution(snapshot, query, self._indexes).run():
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
        """A page that has documents without fields for those that are missing and have children."""
        scope = query.scope
        start = decode_page_token(request.page_token, _list_fingerprint(request))
        page_size, pace = page_size_of(request, DEFAULT_PAGE_SIZE), Pace()
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


def _cursor_after(query: Query, data: bytes) -> bytes:
    """The cursor just after a document, serialised."""
    document = Document.FromString(data)
    cursor = Cursor(before=False)
    for path, _ in query.orders:
        value = get_field(document.fields, path) if path != NAME else Value(reference_value=document.name)
        cursor.values.add().CopyFrom(value)
    serialised: bytes = cursor.SerializeToString()
    return serialised


def _list_fingerprint(request: ListDocumentsRequest) -> bytes:
    return page_fingerprint(request.parent, request.collection_id, request.order_by, str(request.show_missing))
