"""Firestore's own messages, sent over the library's channel and not wrapped by it.

The library makes three objects of each element that arrives, or is created; that was most of a page's time. This file
and `transactions.py` alone use private names of google-cloud-firestore; tests/repositories/firestore/test_transport.py
fails where a release moves one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import grpc
from google.api_core import exceptions as google_exceptions
from google.api_core.gapic_v1 import routing_header
from google.cloud.firestore import AsyncCollectionReference, AsyncDocumentReference, AsyncWriteBatch
from google.cloud.firestore_v1.async_query import AsyncQuery
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    DocumentMask,
    ListDocumentsRequest,
    ListDocumentsResponse,
    ListenRequest,
    ListenResponse,
    Precondition,
    RunQueryRequest,
    RunQueryResponse,
    Write,
)

from repositories.client import FirestoreClient
from repositories.firestore.decoding import decode_path, decode_time
from repositories.firestore.encoding import UseLibraryEncoder, encode_document
from repositories.firestore.slices import map_in_turns
from repositories.firestore.stored import FoundDocuments, StoredDocument
from repositories.firestore.transactions import Transaction

Metadata = Sequence[tuple[str, str]]
_Precondition, _Write = Precondition.pb(), Write.pb()

_LISTEN = "/google.firestore.v1.Firestore/Listen"
_LISTEN_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # As in the library's own channels and Firestore's Android client: detects a peer that vanished.
    ("grpc.keepalive_time_ms", 30_000),
    # A connection of its own, which is made anew when we say so: a shared one waits up to two minutes for that.
    ("grpc.use_local_subchannel_pool", 1),
)


class Transport:
    """The RPCs of a database. Each is sent once, and raises Google's errors."""

    def __init__(self, client: FirestoreClient) -> None:
        self._client = client
        self._gapic_transport = client._firestore_api.transport  # noqa: SLF001  its channel, with its credentials
        self.database: str = client._database_string  # noqa: SLF001  `projects/…/databases/…`
        self._metadata: Metadata = client._rpc_metadata  # noqa: SLF001  which database, and an emulator's token

    async def get_all(
        self,
        paths: Iterable[str],
        timeout_seconds: float,
        read_time: datetime | None = None,
        transaction: Transaction | None = None,
    ) -> list[StoredDocument]:
        """The documents, now, at `read_time` or in a transaction, in any order; missing ones without fields."""
        names = [f"{self.root}/{path}" for path in paths]
        request = BatchGetDocumentsRequest(
            database=self.database, documents=names, read_time=read_time, transaction=_get_id(transaction)
        )
        responses = await self._stream(
            self._gapic_transport.batch_get_documents, request, ("database", self.database), timeout_seconds
        )
        return [_decode_found(response) for response in map(BatchGetDocumentsResponse.pb, responses)]

    async def run_query(
        self,
        query: AsyncQuery,
        timeout_seconds: float,
        read_time: datetime | None = None,
        transaction: Transaction | None = None,
    ) -> FoundDocuments:
        """The query's documents in their order, now, as they were or in a transaction."""
        parent, _ = query._parent._parent_info()  # noqa: SLF001  the path above the queried collection
        built = query._to_protobuf()  # noqa: SLF001  what the library sends
        request = RunQueryRequest(
            parent=parent, structured_query=built, read_time=read_time, transaction=_get_id(transaction)
        )
        responses = await self._stream(self._gapic_transport.run_query, request, ("parent", parent), timeout_seconds)
        messages = [RunQueryResponse.pb(response) for response in responses]
        # The first one's: later messages may be of later times, at which nothing before them had changed.
        queried_at = decode_time(messages[0].read_time) if messages else None
        found = (message.document for message in messages if message.HasField("document"))
        read = partial(StoredDocument.from_message, read_time=queried_at)
        documents = FoundDocuments(await map_in_turns(read, found))
        documents.read_time = queried_at
        return documents

    async def list_documents(
        self, collection: AsyncCollectionReference, limit: int, timeout_seconds: float
    ) -> list[StoredDocument] | None:
        """All documents of the collection, by id.

        None where there are more than `limit`, which are billed all the same.

        One message holds them all: a query's stream costs 120 µs of CPU a message, whatever its size.
        """
        documents, next_token = await self.list_page(collection, "", limit, "", timeout_seconds)
        return None if next_token else documents

    async def list_page(
        self,
        collection: AsyncCollectionReference,
        order_by: str,
        limit: int,
        page_token: str,
        timeout_seconds: float,
        *,
        read_time: datetime | None = None,
        field_names: Sequence[str] | None = None,
    ) -> tuple[list[StoredDocument], str]:
        """Documents in an order, such as `priority desc, __name__ desc`, from the token on; and the next token.

        At most `limit`, and as many as one message holds, now or at `read_time`, with all fields or the named ones; the
        token is empty after the last page.
        """
        parent = f"{self.root}/{collection.parent.path}"
        request = ListDocumentsRequest(
            parent=parent,
            collection_id=collection.id,
            page_size=limit,
            order_by=order_by,
            page_token=page_token,
            read_time=read_time,
            mask=None if field_names is None else DocumentMask(field_paths=field_names),
        )
        metadata = self._to_metadata(("parent", parent), ("collection_id", collection.id))
        try:
            response = await self._gapic_transport.list_documents(request, timeout=timeout_seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise google_exceptions.from_grpc_error(error) from error
        message = ListDocumentsResponse.pb(response)
        return [StoredDocument.from_message(document) for document in message.documents], message.next_page_token

    async def commit(self, batch: AsyncWriteBatch, timeout_seconds: float) -> datetime | None:
        """The time at which the batch was written, all or nothing."""
        writes = [Write.pb(write) for write in batch._write_pbs]  # noqa: SLF001  what it would send
        request = CommitRequest.wrap(CommitRequest.pb()(database=self.database, writes=writes))
        metadata = self._to_metadata(("database", self.database))
        try:
            response = await self._gapic_transport.commit(request, timeout=timeout_seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise google_exceptions.from_grpc_error(error) from error
        return decode_time(CommitResponse.pb(response).commit_time)

    def open_listen(self) -> tuple[grpc.aio.Channel, Any]:
        """A new channel, and on it a Listen call in raw messages; the caller closes both."""
        channel = self._open_channel()
        method: Any = channel.stream_stream(
            _LISTEN,
            request_serializer=ListenRequest.pb().SerializeToString,
            response_deserializer=ListenResponse.pb().FromString,
        )
        return channel, method(metadata=self._to_metadata(("database", self.database)))

    def _open_channel(self) -> grpc.aio.Channel:
        """A channel as the client's `_firestore_api_helper` opens it, with other options."""
        target = self._client._target  # noqa: SLF001  the host, or the emulator's
        if self._client._emulator_host is not None:  # noqa: SLF001  there, nothing is encrypted
            return grpc.aio.insecure_channel(target, options=_LISTEN_OPTIONS)
        credentials = self._client._credentials  # noqa: SLF001
        channel: grpc.aio.Channel = type(self._gapic_transport).create_channel(
            target, credentials=credentials, options=_LISTEN_OPTIONS
        )
        return channel

    @property
    def root(self) -> str:
        """The prefix of all names of documents, without a slash at the end."""
        return f"{self.database}/documents"

    async def _stream(self, stub: Any, request: Any, route: tuple[str, str], timeout_seconds: float) -> list[Any]:
        call = stub(request, timeout=timeout_seconds, metadata=self._to_metadata(route))
        try:
            return [response async for response in call]
        except grpc.aio.AioRpcError as error:
            raise google_exceptions.from_grpc_error(error) from error

    def _to_metadata(self, *route: tuple[str, str]) -> Metadata:
        # By this header Google's front ends find the database; the library's own calls have it, too.
        return (*self._metadata, routing_header.to_grpc_metadata(route))


def add_creation(batch: AsyncWriteBatch, reference: AsyncDocumentReference, fields: dict[str, Any]) -> None:
    """The batch creates the document, as `batch.create` adds it, which takes 0.3 ms to encode a clip."""
    try:
        document = encode_document(reference._document_path, fields)  # noqa: SLF001  `projects/…/documents/…`
    except UseLibraryEncoder:
        batch.create(reference, fields)
        return
    write = _Write(update=document, current_document=_Precondition(exists=False))
    batch._document_references[document.name] = reference  # noqa: SLF001  by which it counts its writes
    batch._add_write_pbs([Write.wrap(write)])  # noqa: SLF001  a transaction looks whether it is read-only


def _get_id(transaction: Transaction | None) -> bytes | None:
    return None if transaction is None else transaction.id


def _decode_found(response: Any) -> StoredDocument:
    read_time = decode_time(response.read_time)
    if response.HasField("found"):
        return StoredDocument.from_message(response.found, read_time)
    return StoredDocument(decode_path(response.missing), None, None, None, read_time)
