"""N+1 is gone: round trips to Firestore, counted where they leave the process."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

WALL = """
query ($u: ID) {
  videos(userId: $u, first: 20) { nodes { clips(style: "split") { nodes { title thumbnailUrl } } } }
}"""


@pytest.fixture
def rpcs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that this process calls over gRPC from now on, one entry a call, retries included."""
    calls: list[str] = []
    for name in ("unary_unary", "unary_stream", "stream_stream"):
        original = getattr(grpc.aio._channel.Channel, name)

        def counted(self: Any, method: str, *args: Any, _original: Callable[..., Any] = original, **kwargs: Any) -> Any:
            call = _original(self, method, *args, **kwargs)

            def record(*a: Any, **k: Any) -> Awaitable[Any]:
                calls.append(method.rsplit("/", 1)[-1])
                answer: Awaitable[Any] = call(*a, **k)
                return answer

            return record

        monkeypatch.setattr(grpc.aio._channel.Channel, name, counted)
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
