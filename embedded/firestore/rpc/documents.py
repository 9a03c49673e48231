"""The methods that read documents by name."""

from collections.abc import AsyncIterator

from embedded.firestore.model import clock
from embedded.firestore.model.errors import NotFoundError
from embedded.firestore.model.paths import assert_database, parse_database, parse_document
from embedded.firestore.model.protos import BatchGetDocumentsRequest, BatchGetDocumentsResponse, GetDocumentRequest
from embedded.firestore.rpc.field_masks import mask_data, mask_of
from embedded.firestore.rpc.framing import embed
from embedded.firestore.rpc.read_context import Sessions

_FOUND, _READ_TIME = 1, 4  # fields of BatchGetDocumentsResponse


class ReadService:
    """GetDocument and BatchGetDocuments."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get_document(self, request: GetDocumentRequest) -> bytes:
        """The document, or NotFoundError."""
        path = parse_document(request.name)
        mask = mask_of(request)
        transaction = self._sessions.transaction_of(request, path.database)
        async with self._sessions.snapshot_of(request, transaction, [path]) as snapshot:
            stored = snapshot.get(path)
        if stored is None:
            raise NotFoundError(f'Document "{request.name}" not found.')
        return mask_data(stored.data, mask)

    async def batch_get_documents(self, request: BatchGetDocumentsRequest) -> AsyncIterator[bytes]:
        """The documents that are there, then the names of those that are not; each once."""
        database = parse_database(request.database)
        paths = [parse_document(name) for name in dict.fromkeys(request.documents)]
        for path in paths:
            assert_database(path, database)
        mask = mask_of(request)
        transaction = self._sessions.transaction_of(request, database)
        if transaction is not None and request.HasField("new_transaction"):
            yield BatchGetDocumentsResponse(transaction=transaction.id).SerializeToString()
        async with self._sessions.snapshot_of(request, transaction, paths) as snapshot:
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
