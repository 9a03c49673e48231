"""Several calls as one commit."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import ClipNotFoundError, ConflictError, InvalidStatusChangeError
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.unit_of_work import UnitOfWork, run_in_transaction
from repositories.videos import VideoRepository

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]
AssertExact = Callable[..., Awaitable[None]]


async def test_calls_of_both_repositories_are_one_commit(
    videos: VideoRepository,
    client: FirestoreClient,
    make_video: MakeVideo,
    make_clip: MakeClip,
    assert_exact_statistics: AssertExact,
) -> None:
    clips = ClipRepository(videos.user_id, "v", client)
    async with videos.transaction() as transaction:
        await videos.create_video(make_video(), transaction=transaction)
        await clips.create_clip(make_clip(1), transaction=transaction)
        await clips.create_clips_batch([make_clip(2), make_clip(3)], transaction=transaction)
        await clips.delete_clip(make_clip(3).clip_id, transaction=transaction)
        await videos.update_video_status("v", VideoStatus.COMPLETED, transaction=transaction)
        assert await videos.get_video("v") is None
        assert await clips.count_clips() == 0
    video = await videos.get_video("v")
    assert video is not None
    assert (video.status, video.clips_count, await clips.count_clips()) == (VideoStatus.COMPLETED, 2, 2)
    await assert_exact_statistics()


async def test_reads_see_what_is_buffered_first_or_last(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    async with clips.transaction() as transaction:
        assert await clips.get_clip(make_clip(1).clip_id, transaction=transaction) is None
        await clips.create_clip(make_clip(1, status="processing"), transaction=transaction)
        await clips.update_clip_status(make_clip(1).clip_id, ClipStatus.COMPLETED, transaction=transaction)
        await clips.create_clip(make_clip(2, style="a.b"), transaction=transaction)
        seen = await clips.get_clip(make_clip(1).clip_id, transaction=transaction)
        video = await videos.get_video("v", transaction=transaction)
        await clips.delete_clip(make_clip(2).clip_id, transaction=transaction)
        assert await clips.get_clip(make_clip(2).clip_id, transaction=transaction) is None
    assert seen is not None
    assert video is not None
    assert seen.status is ClipStatus.COMPLETED
    assert (video.clips_count, video.clips_by_style) == (2, {"split": 1, "a.b": 1})
    assert await clips.get_clip(seen.clip_id) == seen


async def test_a_block_that_raises_writes_nothing(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    before = await videos.get_video("v")

    async def work() -> None:
        async with videos.transaction() as transaction:
            await clips.create_clip(make_clip(1), transaction=transaction)
            await videos.update_video_status("v", VideoStatus.FAILED, transaction=transaction)
            await videos.update_video_status("v", VideoStatus.COMPLETED, transaction=transaction)

    with pytest.raises(InvalidStatusChangeError):
        await work()
    assert await videos.get_video("v") == before
    assert await clips.count_clips() == 0
    # Its locks are gone with it.
    await videos.update_video_status("v", VideoStatus.COMPLETED)


async def test_a_recount_in_a_transaction_counts_what_is_buffered(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    await clips.create_clip(make_clip(1))
    async with videos.transaction() as transaction:
        await clips.create_clip(make_clip(2), transaction=transaction)
        await videos.update_clip_statistics("v", transaction=transaction)
        await clips.create_clip(make_clip(3), transaction=transaction)
        await clips.delete_clip(make_clip(1).clip_id, transaction=transaction)
    await assert_exact_statistics()


@pytest.mark.usefixtures("clips")
async def test_what_was_read_and_changed_meanwhile_is_a_conflict(videos: VideoRepository) -> None:
    """Of two transactions that read and write the same, one is refused and says so."""

    async def work(title: str, both_read: asyncio.Barrier) -> None:
        async with videos.transaction() as transaction:
            await videos.get_video("v", transaction=transaction)
            await both_read.wait()
            await videos.update_video("v", {"video_title": title}, transaction=transaction)

    barrier = asyncio.Barrier(2)
    outcomes = await asyncio.gather(work("B", barrier), work("C", barrier), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert len(refused) == 1
    assert isinstance(refused[0], ConflictError)
    video = await videos.get_video("v")
    assert video is not None
    assert video.video_title == ("B" if outcomes[0] is None else "C")


@pytest.mark.usefixtures("clips")
async def test_a_function_is_run_anew_until_it_is_committed(videos: VideoRepository, client: FirestoreClient) -> None:
    """Twenty read-modify-writes of one field lose none."""
    await videos.update_video("v", {"highlights_count": 0})

    async def add_one(transaction: UnitOfWork) -> None:
        video = await videos.get_video("v", transaction=transaction)
        assert video is not None
        await videos.update_video("v", {"highlights_count": video.highlights_count + 1}, transaction=transaction)

    await asyncio.gather(*(run_in_transaction(client, add_one, timeout_seconds=60) for _ in range(20)))
    video = await videos.get_video("v")
    assert video is not None
    assert video.highlights_count == 20


async def test_errors_of_the_function_are_its_callers(client: FirestoreClient, clips: ClipRepository) -> None:
    async def work(transaction: UnitOfWork) -> ClipMetadata:
        return await clips.delete_clip("nobody", transaction=transaction)

    with pytest.raises(ClipNotFoundError):
        await run_in_transaction(client, work)


async def test_lists_in_a_transaction_are_as_stored(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    await clips.create_clip(make_clip(1))
    async with videos.transaction() as transaction:
        await clips.create_clip(make_clip(2), transaction=transaction)
        assert len(await clips.list_clips(transaction=transaction)) == 1
        assert len(await videos.list_videos(transaction=transaction)) == 1
        assert await clips.count_clips(transaction=transaction) == 1
        assert await videos.count_videos(transaction=transaction) == 1
    assert await clips.count_clips() == 2
