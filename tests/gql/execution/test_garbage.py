"""Objects of a request are freed when it ends, by reference counts alone."""

import asyncio
import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql.execution import Executor
from starlette.applications import Starlette

from gql.execution.compiler import FieldPlan
from gql.execution.executor import BreadthFirstExecutor
from gql.loaders import Loaders
from gql.schema import schema

DOCUMENTS = [
    "{ videos(first: 2) { nodes { id clips(first: 2) { nodes { id url } } } } }",
    '{ video(videoId: "none") { highlights { sceneId } cover { id } } viewer { userId } }',
    '{ clips(first: 0) { nodes { id } } videos { pageInfo { endCursor } } node(id: "odd") { id } }',
]


@pytest.fixture(autouse=True)
def plain_executor(executor: None) -> Iterator[None]:
    """Columns are not compared here: that would run as graphql-core does, which leaves more."""
    del executor
    before, schema.execution_context_class = schema.execution_context_class, BreadthFirstExecutor
    yield
    schema.execution_context_class = before


async def post(app: Starlette, document: str) -> None:
    """Sends a request without any client, which would leave garbage of its own."""
    body = json.dumps({"query": document}).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    started = []

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        started.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/graphql", "raw_path": b"/graphql"}
    addresses = {"scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": ""}
    await app({**scope, **addresses, "query_string": b"", "headers": headers, "state": {}}, receive, send)
    assert started[0]["status"] == 200


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_requests_leave_the_garbage_collector_nothing(app: Starlette, create_video: Any, document: str) -> None:
    """A full collection walks through all caches while nobody is answered: requests are to cause none."""
    await create_video()
    await post(app, document)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.disable()
    try:
        for _ in range(5):
            await post(app, document)
        gc.collect()
        left = [kept for kept in gc.garbage if isinstance(kept, Executor | Loaders | FieldPlan)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []
