"""Write streams at their bounds; what clients see of them otherwise is in the conformance suite."""

import asyncio
import queue
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from embedded.firestore.rpc import write_stream
from embedded.firestore.server import FirestoreServer
from tests.embedded.firestore.process import ServerProcess
from tests.embedded.firestore.raw import SERVICE, RawFirestore, Refusal, message

DATABASE = "projects/p/databases/(default)"


@pytest.fixture
async def host_port(tmp_path: Path) -> AsyncIterator[str]:
    """A server of this test alone, within it."""
    server = FirestoreServer(tmp_path)
    await server.start()
    yield server.host_port
    await server.stop()


def put(n: int) -> dict[str, Any]:
    """A write of one document."""
    return {"update": {"name": f"{DATABASE}/documents/c/a", "fields": {"n": {"integer_value": n}}}}


async def converse(host_port: str, *requests: dict[str, Any]) -> list[Any]:
    """The responses to all requests of one stream, or Refusal."""
    data = [message("WriteRequest")(**request).SerializeToString() for request in requests]
    with RawFirestore(host_port) as raw:
        answers = await asyncio.to_thread(raw.converse, "Write", data)
    return [message("WriteResponse").FromString(answer) for answer in answers]


async def resume(host_port: str, response: Any, stream_id: str) -> list[Any]:
    """The responses of a stream that is resumed after a response."""
    first = {"database": DATABASE, "stream_id": stream_id, "stream_token": response.stream_token}
    return await converse(host_port, first)


async def test_old_streams_are_forgotten(host_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams that were used last stay, and older ones are forgotten."""
    monkeypatch.setattr(write_stream, "MAX_KEPT_STREAMS", 2)
    first, second = [(await converse(host_port, {"database": DATABASE}))[0] for _ in range(2)]
    await resume(host_port, first, first.stream_id)
    await converse(host_port, {"database": DATABASE})
    assert len(await resume(host_port, first, first.stream_id)) == 1
    with pytest.raises(Refusal, match=grpc.StatusCode.NOT_FOUND.name):
        await resume(host_port, second, second.stream_id)


async def test_old_responses_are_forgotten(host_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that acknowledges nothing can resume at the last ones only."""
    monkeypatch.setattr(write_stream, "MAX_KEPT_RESPONSES", 2)
    opened, *told = await converse(host_port, {"database": DATABASE}, *({"writes": [put(n)]} for n in range(3)))
    assert len(told) == 3
    with pytest.raises(Refusal, match=grpc.StatusCode.INVALID_ARGUMENT.name):
        await resume(host_port, opened, opened.stream_id)
    assert (await resume(host_port, told[0], opened.stream_id))[:2] == told[1:]


def test_a_stop_ends_open_streams(tmp_path: Path) -> None:
    """In a way that clients know, and with nothing to complain about."""
    with ServerProcess(tmp_path) as server, RawFirestore(server.host_port) as raw:
        requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        requests.put(message("WriteRequest")(database=DATABASE).SerializeToString())
        responses = raw.open_stream(f"/{SERVICE}/Write", iter(requests.get, None))
        assert next(responses)
        assert server.stop() == ""
        with pytest.raises(grpc.RpcError) as caught:
            next(responses)
        requests.put(None)
    assert caught.value.details() == "The server is shutting down."
