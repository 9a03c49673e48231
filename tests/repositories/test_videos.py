"""A user's videos."""

from collections.abc import Callable

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import (
    ConflictError,
    InvalidStatusChangeError,
    NotFoundError,
    RepositoryError,
    ValidationError,
    VideoAlreadyExistsError,
    VideoNotFoundError,
    VideoRepositoryError,
)
from repositories.models import ClipMetadata, HighlightsSummary, VideoMetadata, VideoStatus
from repositories.videos import VideoRepository

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]


async def test_a_video_is_there_once_created(videos: VideoRepository, make_video: MakeVideo) -> None:
    """A created video is stored as it was given."""
    given = make_video(video_url="https://youtu.be/dQw4w9WgXcQ", highlights_summary=HighlightsSummary(total_duration=3))
    stored, created = await videos.create_video(given)
    assert created
    assert await videos.get_video("v") == stored
    assert stored.model_copy(update={"updated_at": given.updated_at}) == given


async def test_the_same_video_again_is_no_error(videos: VideoRepository, make_video: MakeVideo) -> None:
    """A video that is created again keeps its status and creator."""
    first, _ = await videos.create_video(make_video())
    await videos.update_video_status("v", VideoStatus.COMPLETED)
    again, created = await videos.create_video(make_video(created_by="a retry", highlights_count=0))
    assert not created
    assert (again.status, again.created_by) == (VideoStatus.COMPLETED, first.created_by)


async def test_another_video_of_the_same_id_is_refused(videos: VideoRepository, make_video: MakeVideo) -> None:
    """A video of other content under the same id names the fields that differ, and changes nothing."""
    await videos.create_video(make_video())
    with pytest.raises(VideoAlreadyExistsError) as caught:
        await videos.create_video(make_video(video_title="B", custom_prompt="P"))
    assert caught.value.fields == ("video_title", "custom_prompt")
    assert isinstance(caught.value, ConflictError)
    assert (await videos.get_videos(["v"]))["v"].video_title == "A title"


async def test_statistics_begin_at_zero_whatever_is_given(videos: VideoRepository, make_video: MakeVideo) -> None:
    """A created video has statistics of zero, whatever it was given."""
    stored, _ = await videos.create_video(make_video(clips_count=7, clips_by_style={"split": 7}))
    assert (stored.clips_count, stored.clips_by_style) == (0, {})
    assert await videos.get_video("v") == stored


async def test_an_upsert_changes_what_is_given_and_nothing_else(
    videos: VideoRepository, clips: ClipRepository, make_video: MakeVideo, make_clip: MakeClip
) -> None:
    """An upsert changes the given fields and the status, and neither others nor statistics."""
    await clips.create_clip(make_clip())
    await videos.update_video("v", {"custom_prompt": "P"})
    stored = await videos.create_or_update_video(make_video(video_title="B", status="completed", clips_count=9))
    assert (stored.video_title, stored.custom_prompt, stored.clips_count) == ("B", "P", 1)
    assert stored.status is VideoStatus.COMPLETED
    assert stored.completed_at is not None
    assert await videos.get_video("v") == stored


async def test_an_upsert_creates(videos: VideoRepository, make_video: MakeVideo) -> None:
    """An upsert of a missing video creates it."""
    stored = await videos.create_or_update_video(make_video())
    assert await videos.get_video("v") == stored


async def test_an_update_changes_only_its_fields(videos: VideoRepository, make_video: MakeVideo) -> None:
    """An update changes its fields, the YouTube id that follows, and the time."""
    before, _ = await videos.create_video(make_video())
    changes = {
        "video_url": "https://youtu.be/dQw4w9WgXcQ",
        "highlights_summary": {"total_duration": 1.5, "categories": ["a.b"]},
    }
    after = await videos.update_video("v", changes)
    assert after.youtube_id == "dQw4w9WgXcQ"
    assert after.updated_at > before.updated_at
    assert after.video_title == before.video_title
    assert await videos.get_video("v") == after


async def test_an_update_that_changes_nothing_is_not_written(videos: VideoRepository, make_video: MakeVideo) -> None:
    """An update to the values that are stored leaves the document's time."""
    before, _ = await videos.create_video(make_video())
    assert await videos.update_video("v", {"video_title": "A title"}) == before
    assert await videos.update_video("v", {}) == before


@pytest.mark.parametrize("field", ["status", "clips_count", "user_id", "video_id", "created_at", "nonsense"])
async def test_some_fields_cannot_be_updated(videos: VideoRepository, make_video: MakeVideo, field: str) -> None:
    """An update of a field with its own call, or of none, names it, and changes nothing."""
    before, _ = await videos.create_video(make_video())
    with pytest.raises(ValidationError) as caught:
        await videos.update_video("v", {field: "x"})
    assert caught.value.path == (field,)
    assert await videos.get_video("v") == before


async def test_an_update_with_a_bad_value_names_it(videos: VideoRepository, make_video: MakeVideo) -> None:
    """An update to an invalid value raises `ValidationError` at its field."""
    await videos.create_video(make_video())
    with pytest.raises(ValidationError) as caught:
        await videos.update_video("v", {"highlights_count": -1})
    assert caught.value.path == ("highlights_count",)


async def test_statuses_follow_the_machine(videos: VideoRepository, make_video: MakeVideo) -> None:
    """A video's status takes the steps that exist, with their times and messages, and no others."""
    await videos.create_video(make_video())
    failed = await videos.update_video_status("v", VideoStatus.FAILED, error_message="No network")
    assert (failed.error_message, failed.failed_at is None) == ("No network", False)
    with pytest.raises(InvalidStatusChangeError):
        await videos.update_video_status("v", VideoStatus.COMPLETED)
    assert await videos.get_video("v") == failed
    assert await videos.update_video_status("v", VideoStatus.FAILED) == failed
    retried = await videos.update_video_status("v", VideoStatus.PROCESSING)
    assert (retried.error_message, retried.failed_at) == (None, None)
    assert await videos.get_video("v") == retried


async def test_an_unknown_status_is_refused(videos: VideoRepository) -> None:
    """A status that does not exist raises `ValidationError` at `status`."""
    with pytest.raises(ValidationError) as caught:
        await videos.update_video_status("v", "done")
    assert caught.value.path == ("status",)


async def test_unknown_videos(videos: VideoRepository) -> None:
    """A missing video is None for reads and `VideoNotFoundError` for every write."""
    assert await videos.get_video("nobody") is None
    assert await videos.get_videos([]) == {}
    for call in (
        videos.update_video("nobody", {"video_title": "B"}),
        videos.update_video_status("nobody", VideoStatus.FAILED),
        videos.update_clip_statistics("nobody"),
        videos.delete_video("nobody"),
    ):
        with pytest.raises(VideoNotFoundError) as caught:
            await call
        assert caught.value.video_id == "nobody"
        assert isinstance(caught.value, VideoRepositoryError | NotFoundError)
        assert isinstance(caught.value, RepositoryError)


@pytest.mark.parametrize("video_id", ["", "..", "a/b", "__a__", "a\0"])
async def test_bad_ids_are_named(videos: VideoRepository, client: FirestoreClient, video_id: str) -> None:
    """An invalid id raises `ValidationError` at its argument."""
    with pytest.raises(ValidationError) as caught:
        await videos.get_video(video_id)
    assert caught.value.path == ("video_id",)
    with pytest.raises(ValidationError) as caught:
        VideoRepository(video_id, client)
    assert caught.value.path == ("user_id",)


async def test_users_never_meet(videos: VideoRepository, make_video: MakeVideo, client: FirestoreClient) -> None:
    """A user neither reads, lists, counts nor creates another user's videos."""
    await videos.create_video(make_video())
    other = VideoRepository(f"{videos.user_id}-other", client)
    assert await other.get_video("v") is None
    assert await other.count_videos() == 0
    assert list(await other.list_videos()) == []
    with pytest.raises(ValidationError) as caught:
        await other.create_video(make_video())
    assert caught.value.path == ("user_id",)


async def test_counts_by_status(videos: VideoRepository, make_video: MakeVideo) -> None:
    """Counts of videos follow the filter by status."""
    for number in range(3):
        await videos.create_video(make_video(video_id=f"v{number}"))
    await videos.update_video_status("v1", VideoStatus.COMPLETED)
    assert await videos.count_videos() == 3
    assert await videos.count_videos(VideoStatus.COMPLETED) == 1
    assert await videos.count_videos(VideoStatus.FAILED) == 0


async def test_a_deleted_video_leaves_nothing(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, make_video: MakeVideo
) -> None:
    """A deleted video is gone with all of its clips, and other videos stay."""
    await videos.create_video(make_video(video_id="stays"))
    await clips.create_clips_batch([make_clip(number) for number in range(1, 8)])
    assert await videos.delete_video("v") == 7
    assert await videos.get_video("v") is None
    assert await clips.count_clips() == 0
    assert [video.video_id for video in await videos.list_videos()] == ["stays"]


async def test_a_recount_mends_what_others_wrote(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, client: FirestoreClient
) -> None:
    """A recount replaces wrong statistics, and leaves the status."""
    await clips.create_clips_batch([make_clip(1), make_clip(2), make_clip(3, status="failed")])
    reference = client.document("users", videos.user_id, "videos", "v")
    await reference.update({"clips_count": 40, "clips_by_style": {"gone": 40}, "status": "failed"})
    video = await videos.update_clip_statistics("v")
    assert (video.clips_count, video.clips_by_style, video.status) == (2, {"split": 2}, VideoStatus.FAILED)
    assert await videos.get_video("v") == video
    assert await videos.update_clip_statistics("v") == video


async def test_the_check_needs_no_video(videos: VideoRepository) -> None:
    """The check of Firestore passes for a user without videos."""
    await videos.assert_answers()
