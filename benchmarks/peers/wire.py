"""The floor of reading: the gRPC calls that bring the same documents, which nobody decodes."""

import os
from collections.abc import AsyncIterable
from typing import Any

import grpc
import orjson
from google.cloud.firestore_v1 import types
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.api.dataset import DATABASE, SHAPES, STYLES, video_id
from benchmarks.peers.server import serve

VIDEOS_A_QUERY = 30
MIN_DOCUMENT_BYTES = 100  # a message without a document only says when it was read
ASCENDING, DESCENDING = 1, 2

Message = Any  # a raw protobuf message


class Reader:
    """Calls Firestore over one channel."""

    def __init__(self) -> None:
        channel = grpc.aio.insecure_channel(os.environ["FIRESTORE_EMULATOR_HOST"])
        self._run_query = channel.unary_stream("/google.firestore.v1.Firestore/RunQuery", None, None)
        self._get = channel.unary_stream("/google.firestore.v1.Firestore/BatchGetDocuments", None, None)

    async def read(self, name: str, variables: dict[str, Any]) -> int:
        """How many documents came for a workload."""
        parent = f"{DATABASE}/documents/users/{variables['userId']}"
        if name == "video":
            video = f"{parent}/videos/{variables['videoId']}"
            request = _new("BatchGetDocumentsRequest", database=DATABASE, documents=[video])
            found = await _count(self._get(request.SerializeToString()))
            return found + await self._read_clips(variables["userId"], [variables["videoId"]], STYLES[0])
        found = await self._query(
            parent,
            from_=[{"collection_id": "videos"}],
            order_by=[{"field": {"field_path": "created_at"}, "direction": DESCENDING}],
            limit={"value": SHAPES[name].videos},
        )
        if name == "list":
            return found
        # Undecoded, the videos' ids cannot be known; they are the same for every user.
        videos = [video_id(number) for number in range(SHAPES[name].videos)]
        return found + await self._read_clips(variables["userId"], videos, STYLES[0] if name == "page" else None)

    async def _read_clips(self, user_id: str, videos: list[str], style: str | None) -> int:
        """The clips of the videos, in one call."""
        equal = {"user_id": user_id, "status": "completed"} | ({} if style is None else {"style": style})
        wanted = {"array_value": {"values": [{"string_value": video} for video in videos]}}
        filters = [_filter(field, "EQUAL", {"string_value": value}) for field, value in equal.items()]
        filters.append(_filter("video_id", "IN", wanted))
        where = {"composite_filter": {"op": "AND", "filters": filters}}
        source = [{"collection_id": "clips", "all_descendants": True}]
        return await self._query(f"{DATABASE}/documents", from_=source, where=where)

    async def _query(self, parent: str, **query: Any) -> int:
        request = _new("RunQueryRequest", parent=parent, structured_query=query)
        return await _count(self._run_query(request.SerializeToString()))


def _new(name: str, **fields: Any) -> Message:
    return getattr(types, name).pb()(**fields)


def _filter(field: str, operator: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"field_filter": {"field": {"field_path": field}, "op": operator, "value": value}}


async def _count(messages: AsyncIterable[bytes]) -> int:
    return len([message async for message in messages if len(message) > MIN_DOCUMENT_BYTES])


def create_app() -> Starlette:
    """The app; its channel belongs to the loop that it serves in."""
    readers: list[Reader] = []

    async def answer(request: Request) -> Response:
        if not readers:
            readers.append(Reader())
        asked = orjson.loads(await request.body())
        count = await readers[0].read(asked["operationName"], asked["variables"])
        return Response(orjson.dumps({"documents": count}), media_type="application/json")

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])])


if __name__ == "__main__":
    serve(create_app())
