"""Videos that were read before are what their documents say, and no more of them are kept than may be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from repositories.cache.video_cache import BYTES_PER_ENTRY, BYTES_PER_VIDEO, VideoCache
from repositories.client import FirestoreClient
from repositories.firestore.stored import StoredDocument
from repositories.mapping.reader import read_video_document
from repositories.models import VideoMetadata
from repositories.tombstones import mark_video_deleted
from repositories.videos import VideoRepository

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def make_document(video_id: str = "v", seconds: int = 0, **fields: Any) -> StoredDocument:
    written_at = MOMENT + timedelta(seconds=seconds)
    return StoredDocument(f"users/u/videos/{video_id}", {"video_title": "A", **fields}, MOMENT, written_at)


def test_a_version_is_read_once() -> None:
    """A document of the same path and time is the same model again."""
    cache, document = VideoCache(2**20), make_document()
    video = cache.read(document)
    assert video == read_video_document(document)
    assert video is not None
    assert video is cache.read(make_document())
    assert video.version == MOMENT


def test_another_version_is_another_video() -> None:
    """Documents of one path and several times are models of their own."""
    cache = VideoCache(2**20)
    found = [cache.read(make_document(seconds=at, video_title=title)) for at, title in ((0, "A"), (1, "B"), (0, "A"))]
    assert [video and (video.video_title, video.version) for video in found] == [
        ("A", MOMENT),
        ("B", MOMENT + timedelta(seconds=1)),
        ("A", MOMENT),
    ]


def test_paths_are_told_apart() -> None:
    """Documents of one time and several paths are models of their own."""
    cache = VideoCache(2**20)
    assert [video and video.video_id for video in map(cache.read, map(make_document, "ab"))] == ["a", "b"]


def test_what_is_no_video_is_looked_at_each_time() -> None:
    """One that is missing, one that is being deleted, and one of no version."""
    cache = VideoCache(2**20)
    missing = StoredDocument("users/u/videos/v", None, None, None)
    tombstone = StoredDocument("users/u/videos/v", mark_video_deleted("u", "v"), MOMENT, MOMENT)
    for document in (missing, tombstone):
        assert cache.read(document) is None
    assert cache.read(StoredDocument("users/u/videos/v", {"video_title": "A"}, MOMENT, None)) is not None
    assert cache.size_bytes == 0


def test_the_least_recently_used_goes_first() -> None:
    """A cache that is full evicts the video that was used longest ago."""
    cache = VideoCache(2 * BYTES_PER_VIDEO + 4_000)
    first, second = (cache.read(make_document(name)) for name in "ab")
    cache.read(make_document("a"))
    cache.read(make_document("c"))
    assert cache.read(make_document("a")) is first
    assert cache.read(make_document("b")) is not second
    assert 0 < cache.size_bytes <= 2 * BYTES_PER_VIDEO + 4_000


def test_long_texts_and_many_styles_are_counted() -> None:
    """A model's texts and entries count, and one that is too large is answered without being stored."""
    cache = VideoCache(2**20)
    cache.read(make_document(custom_prompt="a" * 20_000, clips_by_style=dict.fromkeys(map(str, range(50)), 1)))
    assert cache.size_bytes > BYTES_PER_VIDEO + 20_000 + 50 * BYTES_PER_ENTRY
    small = VideoCache(10_000)
    assert small.read(make_document(custom_prompt="a" * 20_000)) is not None
    assert small.size_bytes == 0


async def test_what_was_written_is_read(client: FirestoreClient, user_id: str, make_video: Any) -> None:
    """A list after a write shows the new title, and a read by id the same model."""
    videos = VideoRepository(user_id, client, video_cache=VideoCache(2**20))
    await videos.create_video(make_video(video_id="v"))
    for title in ("One", "Two"):
        await videos.update_video("v", {"video_title": title})
        listed: VideoMetadata = (await videos.list_videos())[0]
        assert listed.video_title == title
        assert await videos.get_video("v") is listed
