"""How operations are sent: over WebSocket and as event streams all of them, over plain HTTP those with one answer."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql.app import create_app
from settings import Settings
from tests.gql.subscription.conftest import (
    VIDEO_EVENTS,
    Follow,
    open_socket,
    open_stream,
    read_socket,
    read_stream,
    serve_app,
    take,
    take_error,
    take_rest,
)

VIEWER = "{ viewer { userId } }"
DELETE = 'mutation { deleteVideo(input: {videoId: "none"}) { __typename } }'
PREFLIGHT = {"graphql-require-preflight": "1"}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "*/*", ""], ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_subscription_over_plain_http_is_not_acceptable(
    client: httpx.AsyncClient, accept: str, method: str
) -> None:
    """And the answer says what is."""
    headers = {**PREFLIGHT, "accept": accept}
    sent: dict[str, Any] = {"params": {"query": VIDEO_EVENTS}} if method == "GET" else {"json": {"query": VIDEO_EVENTS}}
    response = await client.request(method, "/graphql", headers=headers, **sent)
    assert response.status_code == 406
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "text/event-stream" in error["message"]
    assert "graphql-transport-ws" in error["message"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/event-stream", "text/event-stream"),
        ("Text/Event-Stream;charset=utf-8, */*;q=0.1", "text/event-stream"),
        ("text/event-stream, multipart/mixed", "text/event-stream"),
        ("application/json;q=0.5, text/event-stream", "text/event-stream"),
        # urql sends this with every query.
        ("application/graphql-response+json, application/json, text/event-stream", "application/graphql-response+json"),
        ("text/event-stream;q=0, application/json", "application/json"),
        ("text/event-stream;q=x, */*", "application/json"),
        ("*/*, text/event-stream", "application/json"),
    ],
)
async def test_query_comes_as_the_client_likes_it_best(address: str, accept: str, content_type: str) -> None:
    """A query is answered as JSON or as an event stream, by the preference in `Accept`."""
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(f"{address}/graphql", headers={"accept": accept}, json={"query": VIEWER})
    assert response.status_code == 200
    assert response.headers["content-type"] == content_type


async def test_queries_and_mutations_are_answered_and_complete(follow: Follow, address: str) -> None:
    """Queries and mutations over both transports send one result, then complete."""
    async with follow(address, VIEWER) as events:
        assert await take_rest(events) == [{"userId": "demo"}]
    async with follow(address, DELETE) as events:
        assert await take_rest(events) == [{"__typename": "VideoNotFound"}]


@pytest.mark.parametrize("document", ["{", "{ nothing }", "subscription { nothing }"], ids=str)
async def test_document_that_is_wrong_is_told_in_the_stream(follow: Follow, address: str, document: str) -> None:
    """As graphql-sse wants it: browsers show nothing of a response with another status."""
    async with follow(address, document) as events:
        error = await take_error(events)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_stream_comes_by_get_where_no_page_could_have_sent_it(
    address: str, create_video: Any, user_id: str
) -> None:
    """An event stream by GET needs the preflight header."""
    await create_video()
    params = {"query": VIDEO_EVENTS, "variables": json.dumps({"userId": user_id})}
    async with open_stream(address, method="GET", params=params) as refused:
        assert refused.status_code == 400
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {**PREFLIGHT, "accept": "text/event-stream"}
        async with client.stream("GET", f"{address}/graphql", headers=headers, params=params) as response:
            (event,) = await take(read_stream(response), 1)
    assert event["videoId"] == "v1"


async def test_mutation_by_get_is_refused_within_its_stream(
    address: str, create_video: Any, query: Any, user_id: str
) -> None:
    """And does nothing."""
    await create_video()
    document = f'mutation {{ deleteVideo(input: {{videoId: "v1", userId: "{user_id}"}}) {{ __typename }} }}'
    headers = {**PREFLIGHT, "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"{address}/graphql", headers=headers, params={"query": document}) as response,
    ):
        error = await take_error(read_stream(response))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    found = await query("query ($id: ID) { videos(userId: $id) { totalCount } }", id=user_id)
    assert found["videos"]["totalCount"] == 1


async def test_answer_is_an_event_stream_that_no_proxy_keeps(address: str) -> None:
    """An event stream has the headers that stop caching and buffering, and ends with `complete`."""
    async with open_stream(address, json={"query": VIEWER}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert "no-cache" in response.headers["cache-control"]
        assert response.headers["x-accel-buffering"] == "no"
        assert "content-length" not in response.headers
        assert response.headers["x-request-id"]
        assert response.headers["ratelimit-remaining"]
        text = (await response.aread()).decode()
    assert text.startswith('event: next\r\ndata: {"data":{"viewer"')
    assert text.endswith("event: complete\r\ndata: \r\n\r\n")


async def test_page_of_an_allowed_origin_may_follow(settings: Settings) -> None:
    """An event stream has the CORS headers for an allowed origin."""
    app = create_app(settings.model_copy(update={"allowed_origins": ("https://app.example",)}))
    async with (
        serve_app(app) as address,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        headers = {"origin": "https://app.example", "accept": "text/event-stream"}
        response = await client.post(f"{address}/graphql", headers=headers, json={"query": VIEWER})
    assert response.headers["access-control-allow-origin"] == "https://app.example"


async def test_documents_go_by_their_id(settings: Settings, tmp_path: Path, create_video: Any, user_id: str) -> None:
    """Subscriptions as well, over both transports; an id that nobody knows is told in the stream."""
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"events": VIDEO_EVENTS}))
    await create_video()
    variables = {"userId": user_id}
    app = create_app(settings.model_copy(update={"trusted_documents": manifest, "trusted_documents_only": True}))
    async with serve_app(app) as address:
        for more in ({}, {"query": ""}):  # graphql-ws sends no message without a query
            async with open_socket(address) as opened:
                payload = {"documentId": "events", "variables": variables, **more}
                await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                (event,) = await take(read_socket(opened), 1)
                assert event["videoId"] == "v1"
        async with open_stream(address, json={"documentId": "events", "variables": variables}) as response:
            assert await take(read_stream(response), 1) == [event]
        async with open_stream(address, json={"documentId": "nothing"}) as response:
            error = await take_error(read_stream(response))
    assert error["extensions"] == {"code": "DOCUMENT_NOT_TRUSTED"}
