"""Several calls as one commit."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import (
    ClipNotFoundError,
    ConflictError,
    ContentionError,
    InvalidStatusChangeError,
    TransactionEndedError,
)
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
    """Calls of both repositories in a transaction become visible together, with exact statistics."""
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
    """Reads by id in a transaction see its uncommitted writes."""
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
    """A transaction's block that raises writes nothing, and frees its locks."""
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
    """A recount amid a transaction's writes leaves exact statistics."""
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
    """An error of the function passes through `run_in_transaction`."""

    async def work(transaction: UnitOfWork) -> ClipMetadata:
        return await clips.delete_clip("nobody", transaction=transaction)

    with pytest.raises(ClipNotFoundError):
        await run_in_transaction(client, work)


async def test_lists_in_a_transaction_are_as_stored(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """Lists and counts in a transaction omit its uncommitted writes."""
    await clips.create_clip(make_clip(1))
    async with videos.transaction() as transaction:
        await clips.create_clip(make_clip(2), transaction=transaction)
        assert len(await clips.list_clips(transaction=transaction)) == 1
        assert len(await videos.list_videos(transaction=transaction)) == 1
        assert await clips.count_clips(transaction=transaction) == 1
        assert await videos.count_videos(transaction=transaction) == 1
    assert await clips.count_clips() == 2


async def test_a_block_may_commit_early(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """The writes are done with `commit`, and the block's end does nothing more."""
    async with clips.transaction() as transaction:
        await clips.create_clips_batch([make_clip(1), make_clip(2)], transaction=transaction)
        counted = await videos.update_clip_statistics("v", transaction=transaction)
        await transaction.commit()
        stored = await videos.get_video("v")
    assert stored is not None
    assert (counted.clips_count, stored.clips_count) == (2, 2)
    await assert_exact_statistics()


async def test_a_block_that_raises_after_its_commit_takes_nothing_back(
    clips: ClipRepository, make_clip: MakeClip
) -> None:
    """The commit stays, and the error is the caller's own."""

    async def work() -> None:
        async with clips.transaction() as transaction:
            await clips.create_clip(make_clip(1), transaction=transaction)
            await transaction.commit()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await work()
    assert await clips.count_clips() == 1


async def test_an_ended_transaction_takes_no_calls(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, make_video: MakeVideo
) -> None:
    """After `commit`, after the block, and after one that raised: every call is refused, and writes nothing."""

    async def assert_refused(transaction: UnitOfWork) -> None:
        clip_id = make_clip(1).clip_id
        for call in (
            transaction.commit,
            lambda: clips.create_clip(make_clip(9), transaction=transaction),
            lambda: clips.update_clip_status(clip_id, "processing", transaction=transaction),
            lambda: clips.delete_clip(clip_id, transaction=transaction),
            lambda: clips.get_clip(clip_id, transaction=transaction),
            lambda: clips.list_clips(transaction=transaction),
            lambda: clips.count_clips(transaction=transaction),
            lambda: videos.create_video(make_video(video_id="w"), transaction=transaction),
            lambda: videos.create_or_update_video(make_video(crop_mode="none"), transaction=transaction),
            lambda: videos.update_video("v", {"crop_mode": "none"}, transaction=transaction),
            lambda: videos.update_video_status("v", "completed", transaction=transaction),
            lambda: videos.update_clip_statistics("v", transaction=transaction),
        ):
            with pytest.raises(TransactionEndedError):
                await call()

    async with clips.transaction() as transaction:
        await clips.create_clip(make_clip(1), transaction=transaction)
        await transaction.commit()
        await assert_refused(transaction)
    await assert_refused(transaction)
    async with clips.transaction() as transaction:
        pass
    await assert_refused(transaction)
    with pytest.raises(RuntimeError):
        async with clips.transaction() as transaction:
            raise RuntimeError
    await assert_refused(transaction)
    video = await videos.get_video("v")
    assert video is not None
    assert (video.clips_count, video.crop_mode, await clips.count_clips()) == (1, "auto", 1)
    assert len(await videos.list_videos()) == 1


async def test_two_commits_at_once_are_one(clips: ClipRepository, make_clip: MakeClip) -> None:
    """Of two tasks that commit the same transaction, one writes and one is refused."""
    async with clips.transaction() as transaction:
        await clips.create_clip(make_clip(1), transaction=transaction)
        outcomes = await asyncio.gather(transaction.commit(), transaction.commit(), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), TransactionEndedError]
    assert await clips.count_clips() == 1


async def test_a_function_may_commit_early_and_is_not_run_anew(
    client: FirestoreClient, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """Even where it says afterwards that somebody else came first: what it wrote is written."""
    runs = 0

    async def work(transaction: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await clips.create_clip(make_clip(runs), transaction=transaction)
        await transaction.commit()
        raise ContentionError

    with pytest.raises(ContentionError):
        await run_in_transaction(client, work)
    assert (runs, await clips.count_clips()) == (1, 1)


async def test_a_recount_mends_what_equals_the_count_by_chance(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """Statistics that miss a clip, and will count one more: the sum that will be is not the count of what is stored."""
    await clips.create_clip(make_clip(1))
    drifted = {"clips_count": 0, "clips_by_style": {}}
    await videos._video("v").update(drifted)
    async with videos.transaction() as transaction:
        await clips.create_clip(make_clip(2), transaction=transaction)
        counted = await videos.update_clip_statistics("v", transaction=transaction)
    assert (counted.clips_count, counted.clips_by_style) == (2, {"split": 2})
    await assert_exact_statistics()
