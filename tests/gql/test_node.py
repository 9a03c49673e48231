"""`node` and `nodes`: objects by their global ids, in one batch."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gql.node import MAX_NODES
from gql.relay import encode_global_id
from repositories.firestore.rpc import FirestoreRpc

Execute = Callable[..., Awaitable[Any]]
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Video { title } ... on Clip { title } } }"
CLIP_ID = "clip_01_01_a-title_split"


def encode(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.fixture
async def ids(create_video: Any, create_clips: Any, clip_input: Any, user_id: str) -> list[str]:
    """The ids of two videos' clips and of the videos, of which each id but the last names an object."""
    for video_id in ("v1", "v2"):
        await create_video(video_id)
        await create_clips(clip_input(1), video_id=video_id)
    clips = [encode_global_id("Clip", user_id, video_id, CLIP_ID) for video_id in ("v2", "v1")]
    return [*clips, *(encode_global_id("Video", user_id, video_id) for video_id in ("v1", "v2", "v3"))]


@pytest.fixture
def rpcs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many documents each RPC reads by their names, from now on."""
    counted: list[int] = []
    get_all = FirestoreRpc.get_all

    async def counting(self: FirestoreRpc, references: Any, transaction: Any = None) -> Any:
        counted.append(len(references))
        return await get_all(self, references, transaction)

    monkeypatch.setattr(FirestoreRpc, "get_all", counting)
    return counted


async def test_nodes_come_in_the_order_of_their_ids(query: Execute, ids: list[str]) -> None:
    """Each id has its object, twice where it is given twice; a missing one is null without an error."""
    wanted = [*ids, ids[0]]
    found = (await query(NODES, ids=wanted))["nodes"]
    assert [node and node["id"] for node in found] == [*ids[:4], None, ids[0]]
    assert [node and node["__typename"] for node in found] == ["Clip", "Clip", "Video", "Video", None, "Clip"]


async def test_nodes_are_read_in_one_batch(execute: Execute, ids: list[str], rpcs: list[int]) -> None:
    """The clips of all videos are one RPC, the videos another, and each object counts as one read."""
    answer = await execute(NODES, ids=[*ids, ids[0]])
    assert sorted(rpcs) == [2, 3]
    cost = answer["extensions"]["cost"]
    assert (cost["requested"]["documentReads"], cost["actual"]["documentReads"]) == (6, 5)


async def test_single_nodes_share_a_batch(query: Execute, ids: list[str], rpcs: list[int]) -> None:
    """`node` and `clip` fields of one request are one RPC for all clips."""
    document = "query ($a: ID!, $b: ID!) { a: node(id: $a) { id } b: node(id: $b) { id } }"
    assert await query(document, a=ids[0], b=ids[1]) == {"a": {"id": ids[0]}, "b": {"id": ids[1]}}
    assert rpcs == [2]


async def test_fields_below_nodes_cost_for_each_id(execute: Execute, user_id: str) -> None:
    """The bound counts fields below `nodes` as often as there are ids: in a variable, in the text, and for one id."""
    videos = [encode_global_id("Video", user_id, f"v{number}") for number in range(3)]
    below = "... on Video { clips(first: 10) { nodes { id } } }"
    document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ {below} }} }}"
    text = ", ".join(f'"{video}"' for video in videos)
    for count, answer in (
        (3, await execute(document, ids=videos)),
        (2, await execute(document, ids=videos[:2])),
        (3, await execute(f"{{ nodes(ids: [{text}]) {{ {below} }} }}")),
        (1, await execute(f'{{ nodes(ids: "{videos[0]}") {{ {below} }} }}')),
    ):
        assert answer["extensions"]["cost"]["requested"]["documentReads"] == count * (1 + 41)


async def test_too_many_ids_are_refused(execute: Execute, user_id: str, rpcs: list[int]) -> None:
    """More ids than the limit are BAD_USER_INPUT with the path, and nothing is read; none give no node."""
    ids = [encode_global_id("Video", user_id, f"v{number}") for number in range(MAX_NODES + 1)]
    answer = await execute(NODES, ids=ids)
    extensions = answer["errors"][0]["extensions"]
    assert (answer["data"], extensions["code"], extensions["argumentPath"]) == (None, "BAD_USER_INPUT", ["ids"])
    assert (await execute(NODES, ids=[]))["data"] == {"nodes": []}
    assert rpcs == []


BAD_IDS = {
    "empty": "",
    "no base64": "x",
    "type only": encode("Video:"),
    "another type": encode("Viewer:x"),
    "a highlight": encode("Highlight:u/v1/1"),
    "a clip's path as a video": encode("Video:a/b/c"),
    "a video's path as a clip": encode("Clip:a/b"),
    "a segment no document has": encode("Clip:a/b/.."),
    "no text": b64encode(b"Video:\xff/\xff").decode(),
}


@pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS)
async def test_id_that_was_never_given_out_is_bad_user_input(
    execute: Execute, user_id: str, bad: str, rpcs: list[int]
) -> None:
    """An id that this API did not issue is BAD_USER_INPUT with its place, and no other id is looked for."""
    answer = await execute("query ($id: ID!) { node(id: $id) { id } }", id=bad)
    extensions = answer["errors"][0]["extensions"]
    assert (extensions["code"], extensions["argumentPath"]) == ("BAD_USER_INPUT", ["id"])
    answer = await execute(NODES, ids=[encode_global_id("Video", user_id, "v1"), bad])
    extensions = answer["errors"][0]["extensions"]
    assert (extensions["code"], extensions["argumentPath"]) == ("BAD_USER_INPUT", ["ids", "1"])
    assert rpcs == []
