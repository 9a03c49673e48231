"""The repositories' behaviour when Firestore fails: refused calls, lost answers, silence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import grpc
import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import ConflictError, ContentionError, RepositoryError, UnavailableError
from repositories.firestore.rpc import Meter, metered
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.videos import VideoRepository
from tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from tests.repositories.conftest import FirestoreProxy

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]
AssertExact = Callable[..., Awaitable[None]]

UNAVAILABLE, ABORTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED


@pytest.fixture
def shaky_videos(proxied: FirestoreClient, user_id: str) -> VideoRepository:
    """The test user's videos, through the proxy."""
    return VideoRepository(user_id, proxied)


@pytest.fixture
def shaky(clips: ClipRepository, proxied: FirestoreClient) -> ClipRepository:
    """The clips of the video `v`, through the proxy."""
    return ClipRepository(clips.user_id, "v", proxied)


def first(name: str, code: grpc.StatusCode, times: int = 1) -> Callable[[str, int], grpc.StatusCode | None]:
    """Fails the first RPCs of this name."""
    return lambda called, nth: code if called == name and nth < times else None


@pytest.mark.parametrize("code", [UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL])
async def test_reads_are_asked_again(shaky: ClipRepository, proxy: "FirestoreProxy", code: grpc.StatusCode) -> None:
    """A read that fails for now is sent until it is answered."""
    proxy.fail = first("BatchGetDocuments", code, times=2)
    assert await shaky.get_clip("c") is None
    assert proxy.rpcs == ["BatchGetDocuments"] * 3


async def test_an_outage_is_unavailable_and_bounded(
    proxied: FirestoreClient, proxy: "FirestoreProxy", user_id: str
) -> None:
    """Calls end with `UnavailableError` while Firestore refuses everything."""
    proxy.fail = lambda _name, _nth: UNAVAILABLE
    videos = VideoRepository(user_id, proxied, timeout_seconds=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for call in (videos.list_videos(), videos.get_video("v"), videos.update_video_status("v", VideoStatus.FAILED)):
            with pytest.raises(UnavailableError):
                await call


async def test_silence_ends_with_the_deadline(proxied: FirestoreClient, proxy: "FirestoreProxy", user_id: str) -> None:
    """Calls end with `UnavailableError` while Firestore answers nothing."""

    async def hang(_name: str, _nth: int) -> None:
        await asyncio.sleep(60)

    proxy.before = hang
    videos = VideoRepository(user_id, proxied, timeout_seconds=0.3)
    for call in (videos.list_videos(), videos.count_videos(), videos.update_clip_statistics("v")):
        with pytest.raises(UnavailableError):
            await call


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED])
async def test_refusals_are_not_asked_again(
    shaky: ClipRepository, proxy: "FirestoreProxy", code: grpc.StatusCode
) -> None:
    """A read that Firestore denies is sent once."""
    proxy.fail = lambda _name, _nth: code
    with pytest.raises(RepositoryError):
        await shaky.list_clips()
    assert len(proxy.rpcs) == 1


@pytest.mark.parametrize(
    "code", [UNAVAILABLE, ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED]
)
@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not-done"])
async def test_a_commit_whose_outcome_is_not_known_is_never_done_twice(
    shaky: ClipRepository,
    make_clip: MakeClip,
    proxy: "FirestoreProxy",
    assert_exact_statistics: AssertExact,
    code: grpc.StatusCode,
    is_done: bool,
) -> None:
    """A batch whose answer is lost is written once, whether or not the first commit was done."""
    fail_first_commit = first("Commit", code)
    if is_done:
        proxy.fail_after = fail_first_commit
    else:
        proxy.fail = fail_first_commit
    await shaky.create_clips_batch([make_clip(1), make_clip(2, status="processing")])
    proxy.rpcs.clear()
    await shaky.update_clip_status(make_clip(2).clip_id, ClipStatus.COMPLETED)
    await assert_exact_statistics()
    assert await shaky.count_clips(ClipStatus.COMPLETED) == 2


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not-done"])
async def test_a_transaction_whose_outcome_is_not_known_is_run_anew(
    clips: ClipRepository,
    shaky_videos: VideoRepository,
    proxy: "FirestoreProxy",
    is_done: bool,
) -> None:
    """A transaction whose answer is lost ends with its change stored, whether or not the first commit was done."""
    if is_done:
        proxy.fail_after = first("Commit", UNAVAILABLE)
    else:
        proxy.fail = first("Commit", UNAVAILABLE)
    changed = await shaky_videos.update_video_status("v", VideoStatus.COMPLETED)
    assert changed.status is VideoStatus.COMPLETED
    assert await VideoRepository(clips.user_id, shaky_videos._rpc.client).get_video("v") == changed


async def test_deleting_counts_once_though_the_answer_is_lost(
    shaky: ClipRepository, make_clip: MakeClip, proxy: "FirestoreProxy", assert_exact_statistics: AssertExact
) -> None:
    """Clips whose delete is not acknowledged are counted out of the statistics once."""
    await shaky.create_clips_batch([make_clip(number) for number in range(3)])
    proxy.rpcs.clear()
    proxy.fail_after = first("Commit", UNAVAILABLE)
    await shaky.delete_all_clips()
    await assert_exact_statistics()


@pytest.mark.usefixtures("clips")
async def test_aborted_reads_in_a_transaction_are_run_anew(
    shaky_videos: VideoRepository, proxy: "FirestoreProxy"
) -> None:
    """A transaction whose read is aborted begins anew and succeeds."""
    proxy.fail = first("BatchGetDocuments", ABORTED)
    assert (await shaky_videos.update_video("v", {"video_title": "B"})).video_title == "B"


@pytest.mark.usefixtures("clips")
async def test_an_aborted_block_is_a_conflict(shaky_videos: VideoRepository, proxy: "FirestoreProxy") -> None:
    """A transaction's block whose commit is aborted raises `ContentionError` and is sent once."""
    proxy.fail = first("Commit", ABORTED)

    async def work() -> None:
        async with shaky_videos.transaction() as transaction:
            await shaky_videos.update_video("v", {"video_title": "B"}, transaction=transaction)

    with pytest.raises(ContentionError):
        await work()
    assert proxy.rpcs.count("Commit") == 1


async def test_contention_without_end_is_unavailable(
    clips: ClipRepository, proxied: FirestoreClient, proxy: "FirestoreProxy", make_clip: MakeClip
) -> None:
    """A write whose commits are all aborted ends with `UnavailableError`, and writes nothing."""
    proxy.fail = first("Commit", ABORTED, times=10**6)
    with pytest.raises(UnavailableError):
        await ClipRepository(clips.user_id, "v", proxied, timeout_seconds=0.3).create_clip(make_clip())
    assert await clips.count_clips() == 0


async def test_a_missing_index_is_no_conflict(shaky: ClipRepository, proxy: "FirestoreProxy") -> None:
    """A query that Firestore has no index for is neither an outage nor a conflict."""
    proxy.fail = first("RunQuery", grpc.StatusCode.FAILED_PRECONDITION)
    with pytest.raises(RepositoryError) as caught:
        await shaky.list_clips(style="split")
    assert not isinstance(caught.value, UnavailableError | ConflictError)


async def test_a_call_costs_what_the_meter_says(
    shaky: ClipRepository, shaky_videos: VideoRepository, make_clip: MakeClip, proxy: "FirestoreProxy"
) -> None:
    """The meter counts the reads, writes and RPCs that a call causes."""
    for call, reads, writes, rpcs in (
        (lambda: shaky.create_clips_batch([make_clip(number) for number in range(4)]), 1, 5, 2),
        (lambda: shaky.create_clips_batch([make_clip(number) for number in range(4)]), 6, 0, 3),
        (shaky.list_clips, 4, 0, 1),
        (lambda: shaky.list_clips(style="nobody's"), 1, 0, 1),
        (shaky.count_clips, 1, 0, 1),
        (lambda: shaky.update_clip_status(make_clip(1).clip_id, ClipStatus.PROCESSING), 2, 2, 2),
        (lambda: shaky_videos.update_video_status("v", VideoStatus.COMPLETED), 1, 1, 3),
        # One for the video, three for its completed clips, and one for a look at statuses of other programs.
        (lambda: shaky_videos.update_clip_statistics("v"), 5, 0, 5),
    ):
        proxy.rpcs.clear()
        meter = Meter()
        with metered(meter):
            await call()
        assert (meter.document_reads, meter.document_writes, meter.rpcs) == (reads, writes, rpcs)
        assert len(proxy.rpcs) == rpcs


@pytest.mark.parametrize("clips_per_video", [1, 40])
async def test_rpcs_do_not_grow_with_videos_or_clips(
    shaky_videos: VideoRepository,
    proxied: FirestoreClient,
    proxy: "FirestoreProxy",
    make_video: MakeVideo,
    make_clip: MakeClip,
    clips_per_video: int,
) -> None:
    """Twenty videos with their clips take two RPCs, however many clips they have."""
    ids = [f"v{number}" for number in range(20)]
    for video_id in ids:
        await shaky_videos.create_video(make_video(video_id=video_id))
        own = ClipRepository(shaky_videos.user_id, video_id, proxied)
        await own.create_clips_batch([make_clip(number, video_id=video_id) for number in range(clips_per_video)])
    proxy.rpcs.clear()
    page = await shaky_videos.list_videos()
    found = await shaky_videos.list_clips_of_videos([video.video_id for video in page], style="split")
    assert sum(len(clips) for clips in found.values()) == 20 * clips_per_video
    assert proxy.rpcs[0] == "ListDocuments"
    assert sorted(proxy.rpcs[1:]) == ["BatchGetDocuments", "RunQuery"]


async def test_many_videos_are_read_in_one_rpc(
    shaky_videos: VideoRepository, proxy: "FirestoreProxy", make_video: MakeVideo
) -> None:
    """Videos by their ids take one RPC, and missing ones are left out."""
    for number in range(5):
        await shaky_videos.create_video(make_video(video_id=f"v{number}"))
    proxy.rpcs.clear()
    found = await shaky_videos.get_videos([*(f"v{number}" for number in range(5)), "nobody", "v1"])
    assert sorted(found) == [f"v{number}" for number in range(5)]
    assert proxy.rpcs == ["BatchGetDocuments"]
