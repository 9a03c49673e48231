"""A request ends at its deadline, and what it does underneath ends with it."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from gql.context import Context
from gql.loaders import Loaders
from gql.permissions import Principal, Role
from gql.schema import schema
from gql.services import Services
from tests.gql.conftest import MakeClient
from tests.patience import PATIENCE_SECONDS

ALICE = Principal("alice", frozenset({Role.USER}))

SECONDS = 0.5
VIDEO = '{ video(videoId: "v") { id } videos { nodes { id } } }'
DELETE = 'mutation { deleteVideo(input: {videoId: "v"}) { __typename } }'


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Where connections are taken, and nothing is ever said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def test_deadline_counts_from_arrival(services: Services) -> None:
    """An operation whose deadline passed while it waited does not begin."""
    now = asyncio.get_running_loop().time()
    seconds = services.settings.request_timeout_seconds
    for waited, code in ((seconds * 0.1, None), (seconds + 1, "TIMEOUT")):
        context = Context(ALICE, services, Loaders(services), request_id="test", arrived_at=now - waited)
        result = await schema.execute("{ videos { nodes { id } } }", context_value=context)
        codes = [error.formatted["extensions"]["code"] for error in result.errors or ()]
        assert codes == ([] if code is None else [code])
        assert result.extensions is not None
        assert (result.extensions["cost"]["actual"]["rpcs"] == 0) == (code is not None)


@pytest.mark.parametrize("document", [VIDEO, DELETE], ids=["query", "mutation"])
async def test_deadline_ends_the_request_with_timeout(
    make_client: MakeClient, silent_address: str, document: str
) -> None:
    """Of a change nobody knows whether it was made, and repeating it is safe: that is said."""
    client = await make_client(
        request_timeout_seconds=SECONDS,
        firestore_timeout_seconds=10 * PATIENCE_SECONDS,
        firestore_emulator_host=silent_address,
    )
    before = asyncio.all_tasks()
    answer = (await client.post("/graphql", json={"query": document})).json()
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "TIMEOUT"
    assert ("may or may not" in error["message"]) == (document is DELETE)
    batches = [task for task in asyncio.all_tasks() - before if "dispatch_queue" in repr(task)]
    if batches:
        # Left alone they would go on for as long as a call to Firestore may take.
        _, going_on = await asyncio.wait(batches, timeout=PATIENCE_SECONDS)
        assert going_on == set()
