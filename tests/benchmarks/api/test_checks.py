"""A peer that answers something else is found out before anything is timed."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from benchmarks.api.checks import AnswersDifferError, assert_same_answers
from benchmarks.api.workloads import WORKLOADS

VIDEO = {"videoId": "v000", "createdAt": "2026-01-01T00:00:00+00:00"}


class _Process:
    def read_log(self) -> str:
        return "what it said"


@dataclasses.dataclass
class _Server:
    """A server that is not of the benchmark."""

    peer: str
    port: int
    process: _Process


@asynccontextmanager
async def _serve(peer: str, answer: Any) -> AsyncIterator[Any]:
    body = orjson.dumps(answer)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        try:
            yield _Server(peer, server.sockets[0].getsockname()[1], _Process())
        finally:
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


async def _compare(ours: Any, theirs: Any) -> None:
    async with _serve("clipgraph", ours) as reference, _serve("peer", theirs) as peer:
        await assert_same_answers(reference, [peer], WORKLOADS["list"])


def _answer(**changes: str) -> Any:
    return {"data": {"videos": {"nodes": [{**VIDEO, **changes}]}}}


async def test_a_moment_may_be_written_in_another_form() -> None:
    """Python and JavaScript do."""
    await _compare(_answer(), _answer(createdAt="2026-01-01T00:00:00.000Z"))


@pytest.mark.parametrize(
    "make_answer",
    [
        lambda: _answer(videoId="v001"),
        lambda: _answer(createdAt="2026-01-01T00:00:01Z"),
        lambda: _answer(title="more"),
        lambda: {"data": {"videos": {"nodes": []}}},
        lambda: {**_answer(), "errors": [{"message": "No."}]},
    ],
    ids=["value", "moment", "field", "nothing", "error"],
)
async def test_another_answer_is_refused(make_answer: Callable[[], Any]) -> None:
    """Every kind of difference is reported."""
    with pytest.raises(AnswersDifferError, match="peer answers"):
        await _compare(_answer(), make_answer())
