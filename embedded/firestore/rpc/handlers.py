"""The gRPC service: which method answers what, and how errors reach the client."""

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from embedded.errors import escape
from embedded.firestore.model import protos
from embedded.firestore.model.errors import (
    DiskFullError,
    InvalidArgumentError,
    RpcError,
    UnavailableError,
    UnimplementedError,
    check_disk_full,
)
from embedded.firestore.rpc.clear_data import ClearDataRequest, ClearDataService
from embedded.firestore.rpc.documents import ReadService
from embedded.firestore.rpc.listen import STALL_SECONDS, ListenService, Send
from embedded.firestore.rpc.listing import ListService
from embedded.firestore.rpc.queries import QueryService
from embedded.firestore.rpc.read_context import Sessions
from embedded.firestore.rpc.write_stream import WriteStreamService
from embedded.firestore.rpc.writes import WriteService
from embedded.firestore.store.storage import Storage
from embedded.firestore.transactions.transactions import Transactions

SERVICE = "google.firestore.v1.Firestore"
EMULATOR_SERVICE = "google.firestore.emulator.v1.FirestoreEmulator"
"""The service beside it that Google's emulator has, and the product has not."""

MAX_REQUEST_BYTES = 10 * 1024 * 1024

Context = Any  # grpc.aio.ServicerContext, whose types differ from what handlers are given
Unary = Callable[[Any], Awaitable[bytes]]
Stream = Callable[[Any], AsyncIterator[bytes]]
Duplex = Callable[[AsyncIterator[Any], Send], Awaitable[None]]
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


def build_handlers(
    storage: Storage, transactions: Transactions, listening: ListenService, write_streams: WriteStreamService
) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """The handlers of all methods; they take and give bytes, so that stored ones pass through."""
    sessions = Sessions(storage, transactions)
    reads, lists = ReadService(sessions), ListService(sessions, storage.indexes)
    queries = QueryService(sessions, storage.indexes)
    writes = WriteService(storage, transactions)
    handlers = {
        "GetDocument": _unary(protos.GetDocumentRequest, reads.get_document),
        "ListDocuments": _unary(protos.ListDocumentsRequest, lists.list_documents),
        "BatchGetDocuments": _stream(protos.BatchGetDocumentsRequest, reads.batch_get_documents),
        "ListCollectionIds": _unary(protos.ListCollectionIdsRequest, lists.list_collection_ids),
        "RunQuery": _stream(protos.RunQueryRequest, queries.run_query),
        "RunAggregationQuery": _stream(protos.RunAggregationQueryRequest, queries.run_aggregation_query),
        "PartitionQuery": _unary(protos.PartitionQueryRequest, queries.partition_query),
        "Listen": _duplex(protos.ListenRequest, listening.listen),
        "Commit": _unary(protos.CommitRequest, writes.commit),
        "BatchWrite": _unary(protos.BatchWriteRequest, writes.batch_write),
        "CreateDocument": _unary(protos.CreateDocumentRequest, writes.create_document),
        "UpdateDocument": _unary(protos.UpdateDocumentRequest, writes.update_document),
        "DeleteDocument": _unary(protos.DeleteDocumentRequest, writes.delete_document),
        "BeginTransaction": _unary(protos.BeginTransactionRequest, writes.begin_transaction),
        "Rollback": _unary(protos.RollbackRequest, writes.rollback),
        "Write": _duplex(protos.WriteRequest, write_streams.write),
        "ExecutePipeline": _unsupported("ExecutePipeline"),
    }
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def build_emulator_handlers(storage: Storage, transactions: Transactions) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """The handlers of the methods that only an emulator has."""
    handlers = {
        "ClearData": _unary(ClearDataRequest, ClearDataService(storage, transactions).clear_data),
        "SetSecurityRules": _unsupported("SetSecurityRules"),
    }
    return grpc.method_handlers_generic_handler(EMULATOR_SERVICE, handlers)


def _unary(request_class: type[protos.Message], method: Unary) -> Handler:
    async def handle(data: bytes, context: Context) -> bytes:
        try:
            return await method(_parse(request_class, data))
        except Exception as error:  # noqa: BLE001 - every error must get its code
            await _abort(context, error)

    return grpc.unary_unary_rpc_method_handler(handle)


def _stream(request_class: type[protos.Message], method: Stream) -> Handler:
    async def handle(data: bytes, context: Context) -> None:
        try:
            await _answer_all(method(_parse(request_class, data)), context)
        except grpc.aio.InternalError:
            return  # the client was gone before it was told
        except Exception as error:  # noqa: BLE001 - every error must get its code
            await _abort(context, error)

    return grpc.unary_stream_rpc_method_handler(handle)


async def _answer_all(answers: AsyncIterator[bytes], context: Context) -> None:
    """Sends the answers; a client that takes none for a minute would keep a snapshot, and so the log, for ever."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as stall:
            # Written, not yielded: as a generator, gRPC takes 67 µs of processor time a message, and so 57 µs.
            async for answer in answers:
                stall.reschedule(loop.time() + STALL_SECONDS)
                await context.write(answer)
                stall.reschedule(None)
    except TimeoutError:
        raise UnavailableError("The client does not read its answers: ask again.") from None


def _duplex(request_class: type[protos.Message], method: Duplex) -> Handler:
    async def handle(requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            await method((_parse(request_class, data) async for data in requests), context.write)
        except grpc.aio.InternalError:
            return  # the client was gone before it was told
        except Exception as error:  # noqa: BLE001 - every error must get its code
            await _abort(context, error)

    return grpc.stream_stream_rpc_method_handler(handle)


def _unsupported(name: str) -> Handler:
    async def handle(_: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        await _abort(context, UnimplementedError(name))
        yield b""

    return grpc.stream_stream_rpc_method_handler(handle)


def _parse(request_class: type[protos.Message], data: bytes) -> Any:
    # The transport's own limit would answer RESOURCE_EXHAUSTED, which clients retry.
    if len(data) > MAX_REQUEST_BYTES:
        raise InvalidArgumentError(f"Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.")
    try:
        request = request_class.FromString(data)
    except DecodeError as error:
        raise InvalidArgumentError(f"The request is not a valid message: {error}") from error
    request.DiscardUnknownFields()
    size_bytes = request.ByteSize()
    # Who encodes with more bytes than are needed does so seldom: only then is the request read once more.
    if size_bytes != len(data) and size_bytes != request_class.FromString(data).ByteSize():
        raise InvalidArgumentError("The request has fields that this version of the API does not know.")
    return request


async def _abort(context: Context, error: Exception) -> NoReturn:
    if isinstance(error, RpcError):
        await context.abort(error.code, error.message)
    if check_disk_full(error):
        full = DiskFullError()
        sys.stderr.write(f"firestore: {full.message} {error}\n")
        sys.stderr.flush()
        await context.abort(full.code, full.message)
    sys.stderr.write(escape("".join(traceback.format_exception(error))))
    sys.stderr.flush()
    # Not INTERNAL: clients retry that for minutes, in silence.
    await context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__} in the embedded Firestore; see its log.")
    raise AssertionError
