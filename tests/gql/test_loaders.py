"""N+1 is gone: round trips to Firestore, counted where they leave the process."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

WALL = """
query ($u: ID) {
  videos(userId: $u, first: 20) { nodes { clips(style: "split") { nodes { title thumbnailUrl } } } }
}"""


def count_calls(original: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(self._method.decode().rsplit("/", 1)[-1])
        return original(self, *args, **kwargs)

    return counted


@pytest.fixture
def rpcs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that this process calls over gRPC from now on, one entry a call, retries included."""
    calls: list[str] = []
    for kind in (grpc.aio.UnaryUnaryMultiCallable, grpc.aio.UnaryStreamMultiCallable):
        for callable_ in kind.__subclasses__():
            monkeypatch.setattr(callable_, "__call__", count_calls(callable_.__call__, calls))
    return calls


@pytest.fixture
async def seed(create_video: Any, complete_clips: Any, clip_input: Any) -> Callable[[int, int], Awaitable[None]]:
    async def seed(videos: int, clips: int) -> None:
        for video in range(videos):
            await create_video(f"v{video}")
            await complete_clips(*(clip_input(number + 1) for number in range(clips)), video_id=f"v{video}")

    return seed


@pytest.mark.parametrize("clips", [1, 8])
async def test_wall_costs_two_rpcs_however_many_clips(
    rpcs: list[str], query: Any, seed: Any, user_id: str, clips: int
) -> None:
    """One query for the videos, one for the clips of all of them."""
    await seed(6, clips)
    rpcs.clear()
    answer = await query(WALL, u=user_id)
    assert [len(video["clips"]["nodes"]) for video in answer["videos"]["nodes"]] == [clips] * 6
    assert rpcs == ["RunQuery", "RunQuery"]


async def test_counts_read_no_clip(rpcs: list[str], execute: Any, seed: Any, user_id: str) -> None:
    await seed(2, 3)
    rpcs.clear()
    answer = await execute(
        "query ($u: ID) { videos(userId: $u) { totalCount nodes { clipsCount clips { totalCount } } } }", u=user_id
    )
    assert [video["clipsCount"] for video in answer["data"]["videos"]["nodes"]] == [3, 3]
    assert rpcs.count("RunAggregationQuery") == 1
    assert answer["extensions"]["cost"]["actual"]["rpcs"] == len(rpcs)


async def test_parents_of_clips_are_read_once(rpcs: list[str], query: Any, seed: Any, user_id: str) -> None:
    await seed(2, 3)
    rpcs.clear()
    await query("query ($u: ID) { videos(userId: $u) { nodes { clips { nodes { video { title } } } } } }", u=user_id)
    assert rpcs == ["RunQuery", "RunQuery", "BatchGetDocuments"]


async def test_one_bad_cursor_fails_its_own_field_only(execute: Any, seed: Any, user_id: str) -> None:
    await seed(1, 2)
    document = """query ($u: ID) { video(videoId: "v0", userId: $u) {
      good: clips(first: 1) { nodes { priority } }
    } other: video(videoId: "v0", userId: $u) { bad: clips(after: "nonsense") { nodes { priority } } } }"""
    answer = await execute(document, u=user_id)
    assert answer["data"] == {"video": {"good": {"nodes": [{"priority": 1}]}}, "other": None}
    (error,) = answer["errors"]
    assert error["path"] == ["other", "bad"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argumentPath": ["after"]}


async def test_mutation_shows_what_the_one_before_it_wrote(query: Any, seed: Any, user_id: str) -> None:
    """Root fields run one after the other: nothing that the first loaded serves the second."""
    await seed(1, 1)
    update = """updateVideo(input: {videoId: "v0", userId: $u, title: "%s"}) {
      ... on UpdateVideoSuccess { video { clips { nodes { video { title } } } } } }"""
    answer = await query("mutation ($u: ID) { a: " + update % "A" + " b: " + update % "B" + " }", u=user_id)
    titles = [answer[name]["video"]["clips"]["nodes"][0]["video"]["title"] for name in ("a", "b")]
    assert titles == ["A", "B"]
