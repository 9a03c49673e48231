"""Listen below the clients: a server within the test, raw messages, and a mirror that holds what a stream has told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from google.cloud.firestore_v1 import types
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.server import FirestoreServer
from tests.patience import PATIENCE_SECONDS

DATABASE = "projects/p/databases/(default)"
ROOT = f"{DATABASE}/documents"
ADD, RESET = 1, 4
EOF: Any = vars(grpc.aio)["EOF"]  # which its types do not know
Fields = Mapping[str, Any]


def message(name: str) -> Any:
    """The raw protobuf class of a message of the API."""
    return getattr(types, name).pb()


class Wire:
    """A server, and its methods with messages as they are."""

    def __init__(self, server: FirestoreServer, channel: grpc.aio.Channel) -> None:
        self.server = server
        self._channel = channel

    @property
    def subscriptions(self) -> Any:
        """The subscriptions of the server's streams."""
        assert self.server._listening is not None
        return self.server._listening._hub._subscriptions

    async def commit(self, *writes: Mapping[str, Any]) -> int:
        """The commit time in nanoseconds."""
        method = self._channel.unary_unary(
            "/google.firestore.v1.Firestore/Commit",
            request_serializer=message("CommitRequest").SerializeToString,
            response_deserializer=message("CommitResponse").FromString,
        )
        answer = await method(message("CommitRequest")(database=DATABASE, writes=writes))
        return int(answer.commit_time.ToNanoseconds())

    async def clear(self, database: str = DATABASE) -> None:
        """Deletes all documents of a database, or of every one."""
        path = "/google.firestore.emulator.v1.FirestoreEmulator/ClearData"
        method = self._channel.unary_unary(path, StringValue.SerializeToString, Empty.FromString)
        await method(StringValue(value=database))

    async def run_query(self, query: Mapping[str, Any], read_time: Any) -> dict[str, bytes]:
        """The results as of a time, serialised, by name."""
        method = self._channel.unary_stream(
            "/google.firestore.v1.Firestore/RunQuery",
            request_serializer=message("RunQueryRequest").SerializeToString,
            response_deserializer=message("RunQueryResponse").FromString,
        )
        request = message("RunQueryRequest")(parent=ROOT, structured_query=query, read_time=read_time)
        return {
            answer.document.name: answer.document.SerializeToString(deterministic=True)
            async for answer in method(request)
            if answer.HasField("document")
        }

    @asynccontextmanager
    async def listen(self) -> AsyncIterator["Stream"]:
        """A stream that is cancelled on the way out."""
        method: Any = self._channel.stream_stream(
            "/google.firestore.v1.Firestore/Listen",
            request_serializer=message("ListenRequest").SerializeToString,
            response_deserializer=message("ListenResponse").FromString,
        )
        call = method()
        try:
            yield Stream(call)
        finally:
            call.cancel()


class Stream:
    """An open Listen stream. `documents` mirrors what it has told: by target, serialised, by name."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.documents: dict[int, dict[str, bytes]] = {}
        self.resume_token = b""
        self.read_time: Any = None
        self.cause = 0

    async def add_query(self, target_id: int, query: Mapping[str, Any], **options: Any) -> None:
        """Asks for a query."""
        await self.send(
            add_target={"query": {"parent": ROOT, "structured_query": query}, "target_id": target_id, **options}
        )

    async def add_documents(self, target_id: int, *paths: str, **options: Any) -> None:
        """Asks for documents."""
        names = [f"{ROOT}/{path}" for path in paths]
        await self.send(add_target={"documents": {"documents": names}, "target_id": target_id, **options})

    async def send(self, **request: Any) -> None:
        """Sends one request."""
        await self._call.write(message("ListenRequest")(database=DATABASE, **request))

    async def end(self) -> None:
        """Ends our side."""
        await self._call.done_writing()

    async def read(self) -> Any:
        """The next message, mirrored; None at the end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await self._call.read()
        if answer is EOF:
            return None
        self._mirror(answer)
        return answer

    async def snapshot(self, since: int = 0) -> list[str]:
        """The messages in words up to the next consistent snapshot, read at a time or later."""
        words: list[str] = []
        while (answer := await self.read()) is not None:
            words.append(describe(answer))
            if words[-1] == "consistent" and answer.target_change.read_time.ToNanoseconds() >= since:
                return words
        raise AssertionError(f"the stream has ended after {words}")

    async def until(self, word: str) -> list[str]:
        """The messages in words up to a message that says the word."""
        words: list[str] = []
        while (answer := await self.read()) is not None:
            words.append(describe(answer))
            if words[-1] == word:
                return words
        raise AssertionError(f"the stream has ended after {words}")

    async def fail(self) -> grpc.StatusCode:
        """The code that the stream ends with."""
        try:
            while await self.read() is not None:
                pass
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def _mirror(self, answer: Any) -> None:
        kind = answer.WhichOneof("response_type")
        if kind == "document_change":
            document = answer.document_change.document
            for target_id in answer.document_change.target_ids:
                self.documents[target_id][document.name] = document.SerializeToString(deterministic=True)
        elif kind in {"document_delete", "document_remove"}:
            told = getattr(answer, kind)
            for target_id in told.removed_target_ids:
                self.documents[target_id].pop(told.document, None)
            self._mirror_time(told.read_time)
        elif kind == "target_change":
            change = answer.target_change
            if change.target_change_type in {ADD, RESET}:
                self.documents.update({target_id: {} for target_id in change.target_ids})
            self.cause = change.cause.code
            self.resume_token = change.resume_token or self.resume_token
            if change.HasField("read_time"):
                self._mirror_time(change.read_time)

    def _mirror_time(self, read_time: Any) -> None:
        assert self.read_time is None or self.read_time.ToNanoseconds() <= read_time.ToNanoseconds()
        self.read_time = read_time


def describe(answer: Any) -> str:
    """A message in words: add, reset, change a, delete a, remove a, filter 3, current, consistent."""
    kind = answer.WhichOneof("response_type")
    if kind == "document_change":
        return f"change {_shorten(answer.document_change.document.name)}"
    if kind in {"document_delete", "document_remove"}:
        return f"{kind.removeprefix('document_')} {_shorten(getattr(answer, kind).document)}"
    if kind == "filter":
        return f"filter {answer.filter.count}"
    change = answer.target_change
    return ("consistent", "add", "removed", "current", "reset")[change.target_change_type]


def _shorten(name: str) -> str:
    return name.removeprefix(f"{ROOT}/")


@asynccontextmanager
async def open_wire(data_dir: Path, indexes: IndexConfig | None = None) -> AsyncIterator[Wire]:
    """A server in this process, and the way to it."""
    server = FirestoreServer(data_dir, indexes=indexes)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(server.host_port) as channel:
            yield Wire(server, channel)
    finally:
        await server.stop()


def put(path: str, **fields: Any) -> dict[str, Any]:
    """A write that sets a document with integers, booleans and strings."""
    kinds = {bool: "boolean_value", int: "integer_value", str: "string_value"}
    values = {key: {kinds[type(value)]: value} for key, value in fields.items()}
    return {"update": {"name": f"{ROOT}/{path}", "fields": values}}


def drop(path: str) -> dict[str, Any]:
    """A write that deletes a document."""
    return {"delete": f"{ROOT}/{path}"}


def query(collection_id: str = "c", **parts: Any) -> dict[str, Any]:
    """A structured query on a collection."""
    return {"from_": [{"collection_id": collection_id}], **parts}


def above(number: int) -> dict[str, Any]:
    """The filter n > number."""
    return {"field_filter": {"field": {"field_path": "n"}, "op": "GREATER_THAN", "value": {"integer_value": number}}}
