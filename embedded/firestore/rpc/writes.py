"""The methods that write, and those that begin and end transactions."""

import asyncio
import secrets
import string

from embedded.firestore.model import clock
from embedded.firestore.model.errors import InvalidArgumentError, RpcError
from embedded.firestore.model.paths import assert_collection_id, parse_database, parse_document, parse_parent
from embedded.firestore.model.protos import (
    BatchWriteRequest,
    BatchWriteResponse,
    BeginTransactionRequest,
    BeginTransactionResponse,
    CommitRequest,
    CommitResponse,
    CreateDocumentRequest,
    DeleteDocumentRequest,
    RollbackRequest,
    Status,
    UpdateDocumentRequest,
    Write,
    WriteRequest,
    WriteResult,
)
from embedded.firestore.rpc.field_masks import mask_data, mask_of
from embedded.firestore.store.storage import Storage
from embedded.firestore.store.writer import CommitResult, Pace
from embedded.firestore.store.writes import ParsedWrite, parse_write
from embedded.firestore.transactions.transactions import Transaction, Transactions

_ID_LETTERS = string.ascii_letters + string.digits
_ID_LENGTH = 20


class WriteService:
    """Commit, BatchWrite, the single-document writes, BeginTransaction and Rollback."""

    def __init__(self, storage: Storage, transactions: Transactions) -> None:
        self._storage = storage
        self._transactions = transactions

    async def commit(self, request: CommitRequest) -> bytes:
        """Commits all writes, or none of them if one fails; they are durable."""
        database = parse_database(request.database)
        writes = await _parse_writes(request, database)
        transaction = self._transactions.get(request.transaction, database) if request.transaction else None
        result = await self._commit(transaction, writes)
        response = CommitResponse(commit_time=clock.to_timestamp(result.commit_time))
        response.write_results.extend(result.write_results)
        data: bytes = response.SerializeToString()
        return data

    async def apply(self, request: WriteRequest, database: str) -> CommitResult:
        """Commits all writes of one request of a write stream, or none of them if one fails; they are durable."""
        return await self._commit(None, await _parse_writes(request, database))

    async def batch_write(self, request: BatchWriteRequest) -> bytes:
        """A status for each write; each stands for itself."""
        database = parse_database(request.database)
        writes = await _parse_writes(request, database)
        if len({write.path for write in writes}) != len(writes):
            raise InvalidArgumentError("A BatchWrite may hold at most one write of each document.")
        outcomes = await asyncio.gather(*map(self._write_alone, writes))
        response = BatchWriteResponse()
        for result, status in outcomes:
            response.write_results.append(result)
            response.status.append(status)
        data: bytes = response.SerializeToString()
        return data

    async def create_document(self, request: CreateDocumentRequest) -> bytes:
        """The new document, under an id of its own where none is given."""
        parent = parse_parent(request.parent)
        assert_collection_id(request.collection_id)
        document_id = request.document_id or "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        if "/" in document_id:
            raise InvalidArgumentError("A document_id must not contain a slash.")
        if request.document.name:
            raise InvalidArgumentError("The document's name must not be set: it follows from the document_id.")
        write = Write(update=request.document)
        write.update.name = parent.child(request.collection_id, document_id).name
        write.current_document.exists = False
        return await self._write_and_read(write, request)

    async def update_document(self, request: UpdateDocumentRequest) -> bytes:
        """The document as it has become."""
        write = Write(update=request.document)
        if request.HasField("update_mask"):
            write.update_mask.CopyFrom(request.update_mask)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        return await self._write_and_read(write, request)

    async def delete_document(self, request: DeleteDocumentRequest) -> bytes:
        """Deletes the document."""
        write = Write(delete=request.name)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        await self._commit(None, [parse_write(write, parse_document(request.name).database, clock.request_time())])
        return b""

    async def begin_transaction(self, request: BeginTransactionRequest) -> bytes:
        """The id of a new transaction."""
        transaction = self._transactions.begin(parse_database(request.database), request.options)
        data: bytes = BeginTransactionResponse(transaction=transaction.id).SerializeToString()
        return data

    async def rollback(self, request: RollbackRequest) -> bytes:
        """Rolls a transaction back: its locks are free; also where it had ended before."""
        self._transactions.rollback(request.transaction, parse_database(request.database))
        return b""

    async def _write_and_read(self, write: Write, request: CreateDocumentRequest | UpdateDocumentRequest) -> bytes:
        mask = mask_of(request)
        parsed = parse_write(write, parse_document(write.update.name).database, clock.request_time())
        await self._commit(None, [parsed])
        async with self._storage.snapshot() as snapshot:
            stored = snapshot.get(parsed.path)
        return mask_data(stored.data if stored is not None else b"", mask)

    async def _write_alone(self, write: ParsedWrite) -> tuple[WriteResult, Status]:
        try:
            result = await self._commit(None, [write])
        except RpcError as error:
            return WriteResult(), Status(code=error.code.value[0], message=error.message)
        return result.write_results[0], Status()

    async def _commit(self, transaction: Transaction | None, writes: list[ParsedWrite]) -> CommitResult:
        """Commits to the end even if the client hangs up half way: its locks are freed only then."""
        return await asyncio.shield(asyncio.ensure_future(self._transactions.commit(transaction, writes)))


async def _parse_writes(request: CommitRequest | BatchWriteRequest | WriteRequest, database: str) -> list[ParsedWrite]:
    """The checked writes; ten megabytes of them take a while, in which others go on."""
    writes, pace, request_time = [], Pace(), clock.request_time()
    for write in request.writes:
        writes.append(parse_write(write, database, request_time))
        await pace.pause()
    return writes
