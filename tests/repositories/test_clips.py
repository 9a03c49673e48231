"""The clips of a video, and the statistics that follow them."""

from collections.abc import Awaitable, Callable

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import (
    ClipAlreadyExistsError,
    ClipNotFoundError,
    InvalidStatusChangeError,
    ValidationError,
    VideoNotFoundError,
)
from repositories.models import ClipMetadata, ClipStatus, VideoStatus
from repositories.videos import VideoRepository

MakeClip = Callable[..., ClipMetadata]

AssertExact = Callable[..., Awaitable[None]]
STRANGE_STYLES = ["a.b", "a/b", "a b", "`", "\\", "``\\.", "😀", "1st", "~*[]", "é" * 700, "clips_by_style", "0"]


async def test_a_clip_is_there_once_created(clips: ClipRepository, make_clip: MakeClip) -> None:
    """A created clip is stored as it was given."""
    given = make_clip(has_thumbnail=True, scene_description="Two\nlines", file_size_bytes=2**40)
    stored, created = await clips.create_clip(given)
    assert created
    assert stored == given
    assert await clips.get_clip(given.clip_id) == given


async def test_creating_moves_statistics_and_time_but_never_the_status(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """Creating clips moves the video's statistics and time, and leaves its status."""
    before = await videos.get_video("v")
    await clips.create_clips_batch([make_clip(1), make_clip(2, style="original"), make_clip(3, status="processing")])
    after = await videos.get_video("v")
    assert before is not None
    assert after is not None
    assert (after.clips_count, after.clips_by_style) == (2, {"split": 1, "original": 1})
    assert after.updated_at > before.updated_at
    assert after.status is VideoStatus.PROCESSING
    await assert_exact_statistics()


async def test_the_same_batch_again_is_no_error(
    clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """A batch that is sent again creates only what is missing, and keeps what was changed since."""
    await clips.create_clips_batch([make_clip(1), make_clip(2)])
    await clips.update_clip_status(make_clip(1).clip_id, ClipStatus.COMPLETED, file_size_bytes=5)
    outcomes = await clips.create_clips_batch([make_clip(1), make_clip(3), make_clip(2)])
    assert [(clip.priority, created) for clip, created in outcomes] == [(1, False), (3, True), (2, False)]
    assert outcomes[0][0].file_size_bytes == 5
    await assert_exact_statistics()


async def test_other_content_under_the_same_id_writes_nothing(
    clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """A batch with a clip of other content names the fields that differ, and writes nothing."""
    await clips.create_clip(make_clip(1))
    with pytest.raises(ClipAlreadyExistsError) as caught:
        await clips.create_clips_batch([make_clip(2), make_clip(1, scene_title="B", style="original")])
    assert (caught.value.clip_id, caught.value.fields) == (make_clip(1).clip_id, ("scene_title", "style"))
    assert await clips.count_clips() == 1
    await assert_exact_statistics()


async def test_bad_batches_are_named_and_write_nothing(clips: ClipRepository, make_clip: MakeClip) -> None:
    """A batch with a duplicate, a foreign clip or too many clips names the place, and writes nothing."""
    for batch, path in (
        ([make_clip(1), make_clip(2), make_clip(1)], ("clips", 2, "filename")),
        ([make_clip(1), make_clip(2, video_id="w")], ("clips", 1, "video_id")),
        ([make_clip(1, user_id="somebody")], ("clips", 0, "user_id")),
        ([make_clip(number) for number in range(201)], ("clips",)),
    ):
        with pytest.raises(ValidationError) as caught:
            await clips.create_clips_batch(batch)
        assert caught.value.path == path
    assert await clips.create_clips_batch([]) == []
    assert await clips.count_clips() == 0


async def test_without_the_video_nothing_is_written(
    videos: VideoRepository, make_clip: MakeClip, client: FirestoreClient
) -> None:
    """Clips of a missing video are neither created nor changed."""
    orphans = ClipRepository(videos.user_id, "v", client)
    with pytest.raises(VideoNotFoundError):
        await orphans.create_clip(make_clip())
    with pytest.raises(VideoNotFoundError):
        await orphans.update_clip_status("c", ClipStatus.COMPLETED)
    assert await orphans.count_clips() == 0
    assert await videos.get_video("v") is None


async def test_statistics_follow_every_step(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """The video counts the clip while it is completed, through every step of its status."""
    clip, _ = await clips.create_clip(make_clip(status="processing"))
    for status, count in ((ClipStatus.COMPLETED, 1), (ClipStatus.PROCESSING, 0), (ClipStatus.FAILED, 0)):
        changed = await clips.update_clip_status(clip.clip_id, status, error_message="why")
        assert await clips.get_clip(clip.clip_id) == changed
        video = await videos.get_video("v")
        assert video is not None
        assert video.clips_count == count
        await assert_exact_statistics()
    assert (changed.error_message, changed.completed_at, changed.failed_at is None) == ("why", None, False)


async def test_the_status_it_has_is_no_error_and_the_rest_is(clips: ClipRepository, make_clip: MakeClip) -> None:
    """A clip's own status again changes nothing, and a step that does not exist is refused."""
    clip, _ = await clips.create_clip(make_clip())
    assert await clips.update_clip_status(clip.clip_id, ClipStatus.COMPLETED) == clip
    with pytest.raises(InvalidStatusChangeError):
        await clips.update_clip_status(clip.clip_id, ClipStatus.FAILED)
    assert await clips.get_clip(clip.clip_id) == clip


@pytest.mark.parametrize("field", ["status", "completed_at", "failed_at", "error_message"])
async def test_a_correction_leaves_the_status(clips: ClipRepository, make_clip: MakeClip, field: str) -> None:
    """An import's correction of a status, or of a field that follows it, is refused and changes nothing."""
    clip, _ = await clips.create_clip(make_clip(status="processing"))
    with pytest.raises(ValidationError) as refused:
        await clips.correct_clip(clip, {"priority": 9, field: "completed" if field == "status" else None}, {})
    assert refused.value.path == ("changes", field)
    assert await clips.get_clip(clip.clip_id) == clip


async def test_completing_takes_what_r2_says(
    clips: ClipRepository, make_clip: MakeClip, client: FirestoreClient
) -> None:
    """A completed clip has the size and thumbnail that were found in R2, and refuses a negative size."""
    clip, _ = await clips.create_clip(make_clip(status="processing"))
    done = await clips.update_clip_status(
        clip.clip_id, ClipStatus.COMPLETED, file_size_bytes=1_048_576, has_thumbnail=True
    )
    assert (done.file_size_mb, done.thumbnail_r2_key) == (1.0, clip.r2_key.replace(".mp4", ".jpg"))
    document = await client.document("users", clips.user_id, "videos", "v", "clips", clip.clip_id).get()
    assert document.get("file_size_mb") == 1.0
    with pytest.raises(ValidationError) as caught:
        await clips.update_clip_status(clip.clip_id, ClipStatus.COMPLETED, file_size_bytes=-1)
    assert caught.value.path == ("file_size_bytes",)


@pytest.mark.parametrize("style", STRANGE_STYLES)
async def test_any_style_is_counted(
    clips: ClipRepository, videos: VideoRepository, make_clip: MakeClip, style: str
) -> None:
    """A style of any characters is listed, counted, and counted out with its last clip."""
    clip, _ = await clips.create_clip(make_clip(style=style))
    assert [found.style for found in await clips.list_clips(style=style)] == [style]
    video = await videos.get_video("v")
    assert video is not None
    assert video.clips_by_style == {style: 1}
    await clips.delete_clip(clip.clip_id)
    video = await videos.get_video("v")
    assert video is not None
    assert (video.clips_by_style, video.clips_count) == ({}, 0)


async def test_a_deleted_clip_is_gone_with_its_count(
    clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """A deleted clip is gone from reads and statistics, and a second delete finds none."""
    (first, _), _ = await clips.create_clips_batch([make_clip(1), make_clip(2)])
    assert await clips.delete_clip(first.clip_id) == first
    assert await clips.get_clip(make_clip(1).clip_id) is None
    await assert_exact_statistics()
    with pytest.raises(ClipNotFoundError) as caught:
        await clips.delete_clip(make_clip(1).clip_id)
    assert (caught.value.video_id, caught.value.clip_id) == ("v", make_clip(1).clip_id)


async def test_unknown_clips(clips: ClipRepository) -> None:
    """A missing clip is None for reads and `ClipNotFoundError` for writes; an invalid id names its argument."""
    assert await clips.get_clip("nobody") is None
    with pytest.raises(ClipNotFoundError):
        await clips.update_clip_status("nobody", ClipStatus.FAILED)
    with pytest.raises(ValidationError) as caught:
        await clips.get_clip("a/b")
    assert caught.value.path == ("clip_id",)


async def test_all_clips_are_deleted_in_commits_that_keep_statistics(
    clips: ClipRepository, videos: VideoRepository, make_clip: MakeClip
) -> None:
    """Deleting all of 450 clips leaves statistics of zero."""
    for start in range(0, 450, 150):
        await clips.create_clips_batch([make_clip(start + number) for number in range(150)])
    assert await clips.delete_all_clips() == 450
    assert await clips.delete_all_clips() == 0
    video = await videos.get_video("v")
    assert video is not None
    assert (video.clips_count, video.clips_by_style) == (0, {})


async def test_counts_by_status_and_style(clips: ClipRepository, make_clip: MakeClip) -> None:
    """Counts follow the filters by status and style."""
    await clips.create_clips_batch([make_clip(1), make_clip(2, style="original"), make_clip(3, status="failed")])
    assert await clips.count_clips() == 3
    assert await clips.count_clips(ClipStatus.COMPLETED) == 2
    assert await clips.count_clips(style="split") == 2
    assert await clips.count_clips(ClipStatus.COMPLETED, "split") == 1
    assert await clips.count_clips(style="nobody's") == 0
