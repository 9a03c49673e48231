"""A document with two operations needs a name to say which, however it is sent."""

import json
from typing import Any

import httpx
import pytest

from gql.services import Services
from tests.gql.subscription.conftest import open_socket, open_stream, read_socket, read_stream, take_error

TWO = {
    "queries": "query a { viewer { userId } } query b { viewer { roles } }",
    "subscriptions": "subscription a { videoEvents { kind } } subscription b { videoEvents { videoId } }",
    "mutation and query": 'mutation a { deleteVideo(input: {videoId: "v"}) { __typename } } query b { __typename }',
    "query and mutation": 'query b { __typename } mutation a { deleteVideo(input: {videoId: "v"}) { __typename } }',
}
NAMES: list[dict[str, Any]] = [{}, {"operationName": None}, {"operationName": ""}, {"operationName": "c"}]


@pytest.mark.parametrize("name", NAMES, ids=str)
@pytest.mark.parametrize("document", TWO.values(), ids=TWO)
async def test_socket_answers_with_an_error(
    address: str, services: Services, document: str, name: dict[str, Any]
) -> None:
    """And the socket lives on."""
    async with open_socket(address) as opened:
        payload = {"query": document, **name}
        await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        error = await take_error(read_socket(opened))
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        await opened.send(json.dumps({"id": "2", "type": "subscribe", "payload": {"query": "{ __typename }"}}))
        assert json.loads(await opened.recv())["payload"]["data"] == {"__typename": "Query"}
    assert services.listener.targets_count == 0


@pytest.mark.parametrize("name", NAMES, ids=str)
@pytest.mark.parametrize("document", TWO.values(), ids=TWO)
async def test_http_answers_with_an_error(client: httpx.AsyncClient, document: str, name: dict[str, Any]) -> None:
    """No data, and nothing ran."""
    answer = (await client.post("/graphql", json={"query": document, **name})).json()
    assert not answer.get("data")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("document", TWO.values(), ids=TWO)
async def test_stream_answers_with_an_error(address: str, document: str) -> None:
    """As over the others."""
    async with open_stream(address, json={"query": document}) as response:
        if response.headers["content-type"].startswith("text/event-stream"):
            error = await take_error(read_stream(response))
        else:
            await response.aread()
            error = response.json()["errors"][0]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
