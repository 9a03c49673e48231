"""The scanner reads everything that is stored of a user, and changes nothing."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from repositories import scanner as scanners
from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import UnavailableError
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.scanner import ScannedVideo, Scanner
from repositories.videos import VideoRepository

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]


@pytest.fixture
def scanner(client: FirestoreClient) -> Scanner:
    """A scanner of the embedded Firestore."""
    return Scanner(client)


def document(client: FirestoreClient, *path: str) -> Any:
    """A document, past all repositories."""
    return client.document("users", *path)


class BrokenStore:
    """Deletes nothing: whoever asks it is left with half a delete."""

    async def delete(self, keys: Iterable[str], /) -> None:
        """Fails."""
        raise OSError(str(list(keys)))

    async def delete_prefix(self, prefix: str, /) -> int:
        """Fails."""
        raise OSError(prefix)


async def list_clip_ids(scanner: Scanner, user_id: str, video_id: str = "v") -> list[str]:
    return [clip.clip_id async for clip in scanner.list_clips(user_id, video_id)]


# Users and videos


async def test_users_are_found_by_their_videos(
    scanner: Scanner, client: FirestoreClient, videos: VideoRepository, make_video: MakeVideo
) -> None:
    """No user has a document of their own."""
    await videos.create_video(make_video())
    assert not (await document(client, videos.user_id).get()).exists
    assert videos.user_id in [user_id async for user_id in scanner.list_users()]


async def test_videos_come_in_the_order_of_their_ids(
    scanner: Scanner, videos: VideoRepository, make_video: MakeVideo
) -> None:
    """By bytes, as R2's folders do but for the slash."""
    ids = ["a", "a-b", "a0", "B", "\u00e9", "\uff41", "\U00010000"]
    for video_id in ids:
        await videos.create_video(make_video(video_id=video_id))
    assert [one async for one in scanner.list_videos(videos.user_id)] == sorted(ids, key=str.encode)


async def test_video_of_which_only_clips_are_left_is_listed(
    scanner: Scanner, client: FirestoreClient, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A video whose document is gone is listed while clips lie below it."""
    await clips.create_clip(make_clip())
    await document(client, clips.user_id, "videos", "v").delete()
    assert [one async for one in scanner.list_videos(clips.user_id)] == ["v"]
    assert await scanner.read_video(clips.user_id, "v") == ScannedVideo(clips.user_id, "v")
    assert await list_clip_ids(scanner, clips.user_id) == [make_clip().clip_id]


async def test_user_without_videos_has_none(scanner: Scanner, user_id: str) -> None:
    """A user without videos has no videos and no clips."""
    assert [one async for one in scanner.list_videos(user_id)] == []
    assert await list_clip_ids(scanner, user_id) == []
    assert await scanner.read_clip(user_id, "v", "c") is None


async def test_video_is_told_as_it_is_stored(scanner: Scanner, videos: VideoRepository, make_video: MakeVideo) -> None:
    """A scanned video holds its model and the time of its last write."""
    before = datetime.now(UTC)
    await videos.create_video(make_video())
    found = await scanner.read_video(videos.user_id, "v")
    assert found.video == await videos.get_video("v")
    assert not found.is_deleting
    assert found.updated_at is not None
    assert before <= found.updated_at <= datetime.now(UTC)


async def test_video_that_is_being_deleted_is_a_tombstone(
    scanner: Scanner, videos: VideoRepository, make_video: MakeVideo
) -> None:
    """A video whose delete was interrupted is listed, and scanned as one that is being deleted."""
    await videos.create_video(make_video())
    with pytest.raises(OSError, match="v"):
        await videos.delete_video("v", BrokenStore())
    found = await scanner.read_video(videos.user_id, "v")
    assert (found.video, found.is_deleting) == (None, True)
    assert [one async for one in scanner.list_videos(videos.user_id)] == ["v"]


async def test_document_that_says_nothing_of_a_video_is_one_all_the_same(
    scanner: Scanner, client: FirestoreClient, user_id: str
) -> None:
    """A document without a video's fields is scanned as a video whose status is mended."""
    await document(client, user_id, "videos", "v").set({"status": "no status"})
    found = await scanner.read_video(user_id, "v")
    assert found.video is not None
    assert [(one.name, one.is_certain) for one in found.video.mended] == [("status", False)]
    assert found.updated_at is not None


# Clips


async def test_clip_is_told_with_the_keys_that_its_document_names(
    scanner: Scanner, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A scanned clip holds its model and the keys of its file and thumbnail."""
    clip, _ = await clips.create_clip(make_clip(has_thumbnail=True))
    (found,) = [one async for one in scanner.list_clips(clips.user_id, "v")]
    assert found == await scanner.read_clip(clips.user_id, "v", clip.clip_id)
    assert (found.clip, found.is_deleting) == (clip, False)
    assert found.keys == {clip.r2_key, clip.thumbnail_r2_key}


async def test_every_clip_comes_once_and_in_order_over_many_pages(
    scanner: Scanner, clips: ClipRepository, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the last page is full."""
    monkeypatch.setattr(scanners, "DOCUMENTS_PER_QUERY", 3)
    made = [make_clip(number) for number in range(9)]
    await clips.create_clips_batch(made)
    assert await list_clip_ids(scanner, clips.user_id) == sorted(clip.clip_id for clip in made)


async def test_clips_of_other_videos_are_not_listed(
    scanner: Scanner, videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, make_video: MakeVideo
) -> None:
    """A video's scan lists no clip of another video."""
    await videos.create_video(make_video(video_id="v2"))
    await clips.create_clip(make_clip())
    assert await list_clip_ids(scanner, clips.user_id, "v2") == []


async def test_clip_that_is_being_deleted_keeps_the_keys_of_its_files(
    scanner: Scanner, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """Also that of a thumbnail that its document did not know of."""
    clip, _ = await clips.create_clip(make_clip(has_thumbnail=False))
    with pytest.raises(OSError, match=clip.clip_id):
        await clips.delete_clip_with_files(clip.clip_id, BrokenStore())
    (found,) = [one async for one in scanner.list_clips(clips.user_id, "v")]
    assert (found.clip, found.is_deleting) == (None, True)
    assert found.keys == {clip.r2_key, clip.r2_key.replace(".mp4", ".jpg")}
    assert await clips.get_clip(clip.clip_id) is None


async def test_odd_clip_keeps_the_keys_that_its_document_names(
    scanner: Scanner, client: FirestoreClient, clips: ClipRepository
) -> None:
    """An odd clip with any other fault still owns the file that it names."""
    fields = {"status": "no status", "r2_key": "u/v/clips/c.mp4", "thumbnail_r2_key": 7}
    await document(client, clips.user_id, "videos", "v", "clips", "c").set(fields)
    found = await scanner.read_clip(clips.user_id, "v", "c")
    assert found is not None
    assert found.clip is not None
    assert found.clip.r2_key == ""
    assert {one.name for one in found.clip.mended} == {"status", "r2_key", "thumbnail_r2_key"}
    assert found.keys == {"u/v/clips/c.mp4"}


async def test_write_shows_in_the_time_of_the_document(
    scanner: Scanner, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """It is Firestore's own, not the field that any writer can set."""
    clip, _ = await clips.create_clip(make_clip(status="processing"))
    before = await scanner.read_clip(clips.user_id, "v", clip.clip_id)
    await clips.update_clip_status(clip.clip_id, ClipStatus.FAILED, error_message="It broke.")
    after = await scanner.read_clip(clips.user_id, "v", clip.clip_id)
    assert before is not None
    assert after is not None
    assert before.updated_at < after.updated_at


# Outages


async def test_list_that_firestore_does_not_answer_is_an_outage(proxied: FirestoreClient, proxy: Any) -> None:
    """A list of users that Firestore refuses ends with `UnavailableError`."""
    proxy.fail = lambda name, _: grpc.StatusCode.UNAVAILABLE if name == "ListDocuments" else None
    with pytest.raises(UnavailableError):
        _ = [one async for one in Scanner(proxied, timeout_seconds=1).list_users()]


async def test_page_that_fails_once_is_asked_for_again(
    proxied: FirestoreClient, proxy: Any, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A page that fails once is read by a second query."""
    await clips.create_clip(make_clip())
    proxy.fail = lambda name, nth: grpc.StatusCode.UNAVAILABLE if (name, nth) == ("RunQuery", 0) else None
    assert await list_clip_ids(Scanner(proxied), clips.user_id) == [make_clip().clip_id]
    assert proxy.rpcs.count("RunQuery") == 2
