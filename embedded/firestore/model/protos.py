"""The raw protobuf classes of the API: proto-plus wrappers cost forty times as much and are never built here."""

from typing import TYPE_CHECKING, Any

from google.cloud.firestore_v1 import types
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status

__all__ = ["Status", "Timestamp"]

if TYPE_CHECKING:

    class Message:
        """Any protobuf message: its fields are checked by protobuf itself, at run time."""

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...
        @classmethod
        def FromString(cls, data: bytes) -> Any: ...  # noqa: N802 - protobuf's own name

    class ArrayValue(Message): ...

    class Cursor(Message): ...

    class Document(Message): ...

    class DocumentMask(Message): ...

    class MapValue(Message): ...

    class Precondition(Message): ...

    class StructuredAggregationQuery(Message): ...

    class StructuredQuery(Message):
        CollectionSelector: Any

    class TransactionOptions(Message): ...

    class Value(Message): ...

    class Write(Message): ...

    class WriteResult(Message): ...

    class BatchGetDocumentsRequest(Message): ...

    class BatchGetDocumentsResponse(Message): ...

    class BatchWriteRequest(Message): ...

    class BatchWriteResponse(Message): ...

    class BeginTransactionRequest(Message): ...

    class BeginTransactionResponse(Message): ...

    class CommitRequest(Message): ...

    class CommitResponse(Message): ...

    class CreateDocumentRequest(Message): ...

    class DeleteDocumentRequest(Message): ...

    class GetDocumentRequest(Message): ...

    class ListCollectionIdsRequest(Message): ...

    class ListCollectionIdsResponse(Message): ...

    class ListDocumentsRequest(Message): ...

    class ListDocumentsResponse(Message): ...

    class ListenRequest(Message): ...

    class ListenResponse(Message): ...

    class PartitionQueryRequest(Message): ...

    class PartitionQueryResponse(Message): ...

    class RollbackRequest(Message): ...

    class RunAggregationQueryRequest(Message): ...

    class RunAggregationQueryResponse(Message): ...

    class RunQueryRequest(Message): ...

    class RunQueryResponse(Message): ...

    class UpdateDocumentRequest(Message): ...

    class WriteRequest(Message): ...

    class WriteResponse(Message): ...

else:
    Message = object
    ArrayValue = types.ArrayValue.pb()
    Cursor = types.Cursor.pb()
    Document = types.Document.pb()
    DocumentMask = types.DocumentMask.pb()
    MapValue = types.MapValue.pb()
    Precondition = types.Precondition.pb()
    StructuredAggregationQuery = types.StructuredAggregationQuery.pb()
    StructuredQuery = types.StructuredQuery.pb()
    TransactionOptions = types.TransactionOptions.pb()
    Value = types.Value.pb()
    Write = types.Write.pb()
    WriteResult = types.WriteResult.pb()
    BatchGetDocumentsRequest = types.BatchGetDocumentsRequest.pb()
    BatchGetDocumentsResponse = types.BatchGetDocumentsResponse.pb()
    BatchWriteRequest = types.BatchWriteRequest.pb()
    BatchWriteResponse = types.BatchWriteResponse.pb()
    BeginTransactionRequest = types.BeginTransactionRequest.pb()
    BeginTransactionResponse = types.BeginTransactionResponse.pb()
    CommitRequest = types.CommitRequest.pb()
    CommitResponse = types.CommitResponse.pb()
    CreateDocumentRequest = types.CreateDocumentRequest.pb()
    DeleteDocumentRequest = types.DeleteDocumentRequest.pb()
    GetDocumentRequest = types.GetDocumentRequest.pb()
    ListCollectionIdsRequest = types.ListCollectionIdsRequest.pb()
    ListCollectionIdsResponse = types.ListCollectionIdsResponse.pb()
    ListDocumentsRequest = types.ListDocumentsRequest.pb()
    ListDocumentsResponse = types.ListDocumentsResponse.pb()
    ListenRequest = types.ListenRequest.pb()
    ListenResponse = types.ListenResponse.pb()
    PartitionQueryRequest = types.PartitionQueryRequest.pb()
    PartitionQueryResponse = types.PartitionQueryResponse.pb()
    RollbackRequest = types.RollbackRequest.pb()
    RunAggregationQueryRequest = types.RunAggregationQueryRequest.pb()
    RunAggregationQueryResponse = types.RunAggregationQueryResponse.pb()
    RunQueryRequest = types.RunQueryRequest.pb()
    RunQueryResponse = types.RunQueryResponse.pb()
    UpdateDocumentRequest = types.UpdateDocumentRequest.pb()
    WriteRequest = types.WriteRequest.pb()
    WriteResponse = types.WriteResponse.pb()
