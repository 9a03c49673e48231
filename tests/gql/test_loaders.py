"""N+1 is gone: round trips to Firestore, counted where they leave the process."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from gql.app import create_app
from settings import Settings

WALL = """
query ($u: ID) {
  videos(userId: $u, first: 20) { nodes { clips(style: "split") { nodes { title thumbnailUrl } } } }
}"""


class Rpcs(list[str]):
    """The methods that this process calls over gRPC, one entry a call, retries included."""

    round_trips = 0
    """How many came one after the other: calls that are sent before any other is answered are one."""

    _is_answered = True

    def clear(self) -> None:
        """Forgets the RPCs so far."""
        super().clear()
        self.round_trips, self._is_answered = 0, True

    def count_calls(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`original`, whose calls are counted."""

        def counted(callable_: Any, *args: Any, **kwargs: Any) -> Any:
            self.append(callable_._method.decode().rsplit("/", 1)[-1])
            self.round_trips += self._is_answered
            self._is_answered = False
            call = original(callable_, *args, **kwargs)
            call.add_done_callback(lambda _: setattr(self, "_is_answered", True))
            return call

        return counted


@pytest.fixture
def rpcs(monkeypatch: pytest.MonkeyPatch) -> Rpcs:
    """The RPCs of this process from now on."""
    calls = Rpcs()
    for kind in (grpc.aio.UnaryUnaryMultiCallable, grpc.aio.UnaryStreamMultiCallable):
        for callable_ in kind.__subclasses__():
            monkeypatch.setattr(callable_, "__call__", calls.count_calls(callable_.__call__))
    return calls


@pytest.fixture
async def seed(create_video: Any, complete_clips: Any, clip_input: Any) -> Callable[[int, int], Awaitable[None]]:
    async def seed(videos: int, clips: int) -> None:
        for video in range(videos):
            await create_video(f"v{video}")
            await complete_clips(*(clip_input(number + 1) for number in range(clips)), video_id=f"v{video}")

    return seed


@pytest.mark.parametrize("clips", [1, 8])
async def test_wall_costs_two_round_trips_however_many_clips(
    rpcs: Rpcs, query: Any, seed: Any, user_id: str, clips: int
) -> None:
    """One list of the videos, then a list of the clips of each, all at once: one message each."""
    await seed(6, clips)
    rpcs.clear()
    answer = await query(WALL, u=user_id)
    assert [len(video["clips"]["nodes"]) for video in answer["videos"]["nodes"]] == [clips] * 6
    assert rpcs == ["ListDocuments"] * 7
    assert rpcs.round_trips == 2


async def test_a_style_among_many_costs_two_rpcs(
    rpcs: Rpcs, execute: Any, create_video: Any, complete_clips: Any, clip_input: Any, user_id: str
) -> None:
    """Where most of the clips are not wanted, one query finds those that are, of all videos."""
    for video in ("v0", "v1"):
        await create_video(video)
        styles = ("split", "left_focus", "right_focus", "original")
        await complete_clips(*(clip_input(1, style) for style in styles), video_id=video)
    rpcs.clear()
    answer = await execute(WALL, u=user_id)
    assert [len(video["clips"]["nodes"]) for video in answer["data"]["videos"]["nodes"]] == [1, 1]
    assert rpcs == ["ListDocuments", "RunQuery"]
    assert answer["extensions"]["cost"]["actual"]["documentReads"] == 2 + 2


async def test_a_list_that_holds_too_many_unfinished_clips_is_given_up(
    rpcs: Rpcs, execute: Any, seed: Any, create_clips: Any, clip_input: Any, user_id: str
) -> None:
    """Statistics do not know them. It costs a round trip more, and no more reads than were announced."""
    await seed(1, 1)
    await create_clips(*(clip_input(number) for number in range(2, 12)), video_id="v0")
    rpcs.clear()
    answer = await execute(WALL.replace("clips(", "clips(first: 2, "), u=user_id)
    (video,) = answer["data"]["videos"]["nodes"]
    assert [clip["title"] for clip in video["clips"]["nodes"]] == ["Title 1"]
    assert rpcs == ["ListDocuments", "ListDocuments", "RunQuery"]
    assert answer["extensions"]["cost"]["actual"]["documentReads"] == 1 + 6 + 1


async def test_clips_that_have_not_changed_are_not_read_again(
    rpcs: Rpcs, execute: Any, seed: Any, complete_clips: Any, clip_input: Any, user_id: str
) -> None:
    """Of six videos one has changed since: its clips are read, and those of the others shown."""
    await seed(6, 3)
    await execute(WALL, u=user_id)
    await complete_clips(clip_input(9), video_id="v3")
    rpcs.clear()
    answer = await execute(WALL, u=user_id)
    assert sorted(len(video["clips"]["nodes"]) for video in answer["data"]["videos"]["nodes"]) == [3] * 5 + [4]
    cost = answer["extensions"]["cost"]
    assert (cost["actual"]["documentReads"], cost["actual"]["documentWrites"], cost["actual"]["rpcs"]) == (6 + 4, 0, 2)
    assert cost["saved"] == {"documentReads": 5 * 3}
    assert rpcs == ["ListDocuments", "ListDocuments"]


async def test_a_mutation_shows_the_clips_as_it_left_them(query: Any, seed: Any, user_id: str) -> None:
    """A mutation's answer shows the clips after its own write, not the cached ones."""
    await seed(1, 2)
    await query(WALL, u=user_id)
    answer = await query(
        """mutation ($u: ID) {
          updateClipStatus(input: {videoId: "v0", clipId: "clip_01_01_a-title_split", status: PROCESSING, userId: $u}) {
            ... on UpdateClipStatusSuccess { clip { video { clips { nodes { priority } } } } } } }""",
        u=user_id,
    )
    assert answer["updateClipStatus"]["clip"]["video"]["clips"]["nodes"] == [{"priority": 2}]


async def test_the_setting_turns_the_cache_off(settings: Settings) -> None:
    """With `CLIPGRAPH_CLIP_CACHE_MB` 0 there is no clip cache."""
    services = create_app(settings.model_copy(update={"clip_cache_mb": 0})).state.services
    assert services.clip_cache is None
    await services.close()


async def test_counts_read_no_clip(rpcs: Rpcs, execute: Any, seed: Any, user_id: str) -> None:
    """Counts of clips come from the videos' statistics, without an RPC for clips."""
    await seed(2, 3)
    rpcs.clear()
    answer = await execute(
        "query ($u: ID) { videos(userId: $u) { totalCount nodes { clipsCount clips { totalCount } } } }", u=user_id
    )
    assert [video["clipsCount"] for video in answer["data"]["videos"]["nodes"]] == [3, 3]
    assert rpcs.count("RunAggregationQuery") == 1
    assert answer["extensions"]["cost"]["actual"]["rpcs"] == len(rpcs)


async def test_parents_of_clips_are_read_once(rpcs: Rpcs, query: Any, seed: Any, user_id: str) -> None:
    """The videos of six clips are read by one RPC."""
    await seed(2, 3)
    rpcs.clear()
    await query("query ($u: ID) { videos(userId: $u) { nodes { clips { nodes { video { title } } } } } }", u=user_id)
    assert rpcs == [*["ListDocuments"] * 3, "BatchGetDocuments"]
    assert rpcs.round_trips == 3


async def test_one_bad_cursor_fails_its_own_field_only(execute: Any, seed: Any, user_id: str) -> None:
    """A bad cursor is an error of its own field, and the sibling's page is answered."""
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
