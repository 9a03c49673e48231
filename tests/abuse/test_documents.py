"""Documents that ask for too much are refused by a real server, which goes on answering everybody else."""

import json

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.abuse.conftest import Target
from tests.abuse.documents import ABUSES, Abuse

pytestmark = pytest.mark.prove

EACH_ABUSE = pytest.mark.parametrize("abuse", ABUSES.values(), ids=ABUSES.keys())


@EACH_ABUSE
def test_document_is_refused_with_its_measure(target: Target, abuse: Abuse) -> None:
    """With the bound, the limit, and nothing read."""
    answer = target.post(abuse.document).json()
    assert "data" not in answer
    extensions = answer["errors"][0]["extensions"]
    assert extensions["code"] == abuse.code
    assert extensions.get("measure") == abuse.measure
    if abuse.measure:
        assert extensions["bound"] > extensions["limit"]
        assert answer["extensions"]["cost"]["actual"]["rpcs"] == 0
    target.assert_answers()


@EACH_ABUSE
def test_socket_is_told_the_same_and_stays_open(target: Target, abuse: Abuse) -> None:
    """One bad operation is no reason to end the others."""
    address = f"ws://127.0.0.1:{target.port}/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(10))["type"] == "connection_ack"
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": abuse.document}}))
        answer = json.loads(socket.recv(10))
        assert answer["type"] == "error"
        assert answer["payload"][0]["extensions"]["code"] == abuse.code
        socket.send(json.dumps({"type": "subscribe", "id": "2", "payload": {"query": "{ __typename }"}}))
        assert json.loads(socket.recv(10))["payload"]["data"] == {"__typename": "Query"}


def test_batch_is_refused(target: Target) -> None:
    """One request, one operation."""
    response = httpx.post(f"{target.address}/graphql", json=[{"query": "{ __typename }"}] * 100)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_most_expensive_path_is_named(target: Target) -> None:
    """The author of the query is told where to ask for less."""
    answer = target.post("{ viewer { userId } videos { nodes { cover { id } clips(first: 9999) { nodes { id } } } } }")
    error = answer.json()["errors"][0]
    assert error["extensions"]["path"][:3] == ["videos", "nodes", "clips"]
    assert "videos.nodes.clips" in error["message"]
