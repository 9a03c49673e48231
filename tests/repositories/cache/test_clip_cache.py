"""Clips that are kept are what is stored: never older than the video that was read beside them."""

import asyncio
import gc
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from repositories.cache.clip_cache import BYTES_PER_ROW, MAX_CLIPS_KEPT, ClipCache
from repositories.cache.clip_sets import ClipSet, Filter
from repositories.client import FirestoreClient, create_client
from repositories.clips import ClipRepository
from repositories.exceptions import RepositoryError
from repositories.firestore.rpc import Meter, metered
from repositories.firestore.stored import StoredDocument
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.paging.orders import ClipOrder
from repositories.paging.page import Page
from repositories.paging.page_query import PageQuery
from repositories.videos import VideoRepository
from tests.repositories.firestore.snapshots import to_stored

if TYPE_CHECKING:
    from tests.repositories.conftest import FirestoreProxy

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = 2**26


@pytest.fixture
def cache() -> ClipCache:
    return ClipCache(EVERYTHING)


@pytest.fixture
def cached(client: FirestoreClient, user_id: str, cache: ClipCache) -> VideoRepository:
    """The test user's videos, with a cache."""
    return VideoRepository(user_id, client, clip_cache=cache)


async def read(videos: VideoRepository, video_id: str = "v", **arguments: Any) -> tuple[list[int], Meter]:
    """The priorities of the video's clips, as a page shows them, and what the clips cost."""
    video = await videos.get_video(video_id)
    assert video is not None
    with metered(meter := Meter()):
        pages = await videos.list_clips([video], **arguments)
    return [clip.priority for clip in pages[video_id]], meter


async def test_the_second_read_asks_nobody(cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip) -> None:
    """Clips that were read are shown again without an RPC, in every order, filter and page."""
    await clips.create_clips_batch([make_clip(number) for number in range(5)])
    assert await read(cached) == ([0, 1, 2, 3, 4], Meter(document_reads=5, rpcs=1))
    assert await read(cached) == ([0, 1, 2, 3, 4], Meter(saved_document_reads=5))
    for arguments, expected in (
        ({"style": "split", "limit": 2}, [0, 1]),
        ({"status": None, "order_by": ClipOrder.PRIORITY_DESC}, [4, 3, 2, 1, 0]),
        ({"limit": 1, "from_end": True}, [4]),
        ({"style": "nobody's"}, []),
    ):
        found, meter = await read(cached, **arguments)
        assert (found, meter.rpcs) == (expected, 0)


async def test_what_a_filter_leaves_is_kept_for_that_filter(
    cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A set that was read by a filter serves that filter, and no other."""
    await clips.create_clips_batch([make_clip(number, style="split" if number == 0 else "left") for number in range(5)])
    assert await read(cached, style="split") == ([0], Meter(document_reads=1, rpcs=1))
    assert await read(cached, style="split") == ([0], Meter(saved_document_reads=1))
    assert (await read(cached, style="left"))[0] == [1, 2, 3, 4]


async def test_first_pages_of_larger_sets_are_kept(
    cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A cover of a video with many clips: read by a query that stops, and known until the video changes."""
    await clips.create_clips_batch([make_clip(number) for number in range(2, 22)])
    assert await read(cached, limit=1) == ([2], Meter(document_reads=2, rpcs=1))
    assert await read(cached, limit=1) == ([2], Meter(saved_document_reads=1))
    assert await read(cached, limit=1, from_end=True) == ([21], Meter(document_reads=2, rpcs=1))
    assert await read(cached, limit=1, status=None) == ([2], Meter(document_reads=2, rpcs=1))
    await clips.create_clip(make_clip(1))
    assert await read(cached, limit=1) == ([1], Meter(document_reads=2, rpcs=1))


async def test_pages_at_cursors_are_not_kept(
    cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """There are more of them than anybody looks at twice."""
    await clips.create_clips_batch([make_clip(number) for number in range(20)])
    first = (await clips.list_clips(limit=1)).next_cursor
    for _ in range(2):
        found, meter = await read(cached, limit=1, cursor=first)
        assert (found, meter.rpcs, meter.saved_document_reads) == ([1], 1, 0)


async def test_a_kept_page_is_the_same_object(
    cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """By which what is shown of it is kept as well; and a set that is read later goes first."""
    await clips.create_clips_batch([make_clip(number) for number in range(20)])
    video = await cached.get_video("v")
    assert video is not None
    pages = [(await cached.list_clips([video], limit=1))["v"] for _ in range(3)]
    assert pages[1] == pages[0]
    assert pages[1] is pages[2]
    assert pages[1].page_key is not None
    await cached.list_clips([video], limit=20)
    (again,) = (await cached.list_clips([video], limit=1)).values()
    assert again == pages[1]
    assert again is not pages[1]


async def test_without_a_cache_everything_is_read(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A repository without a cache reads its clips each time."""
    await clips.create_clip(make_clip())
    for _ in range(2):
        assert await read(videos) == ([1], Meter(document_reads=1, rpcs=1))


class NoFiles:
    """Where no clip has a file."""

    async def delete(self, keys: Any) -> None:
        """Has no object to delete."""

    async def delete_prefix(self, _prefix: str) -> int:
        """Has no object to delete."""
        return 0


async def recreate(clips: ClipRepository, videos: VideoRepository, make: MakeClip) -> None:
    await videos.delete_video("v")
    await videos.create_video(VideoMetadata(user_id=clips.user_id, video_id="v"))
    await clips.create_clip(make(9))


WRITES: dict[str, Callable[[ClipRepository, VideoRepository, MakeClip], Any]] = {
    "create": lambda clips, _, make: clips.create_clip(make(9)),
    "create several": lambda clips, _, make: clips.create_clips_batch([make(8), make(9)]),
    "try to create": lambda clips, _, make: clips.try_create_clips([make(9)]),
    "complete": lambda clips, _, make: clips.update_clip_status(make(2).clip_id, ClipStatus.COMPLETED),
    "fail": lambda clips, _, make: clips.update_clip_status(make(2).clip_id, ClipStatus.FAILED),
    "take back": lambda clips, _, make: clips.update_clip_status(make(1).clip_id, ClipStatus.PROCESSING),
    "size": lambda clips, _, make: clips.update_clip_status(make(1).clip_id, ClipStatus.COMPLETED, file_size_bytes=7),
    "delete": lambda clips, _, make: clips.delete_clip(make(1).clip_id),
    "delete all": lambda clips, _, __: clips.delete_all_clips(),
    "delete with files": lambda clips, _, make: clips.delete_clip_with_files(make(1).clip_id, NoFiles()),
    "delete and create": recreate,
}


@pytest.mark.parametrize("name", WRITES)
async def test_after_every_write_the_new_clips_are_shown(
    cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip, name: str
) -> None:
    """Every write of a clip gives its video a new version, whose clips are read anew."""
    await clips.create_clips_batch([make_clip(1), make_clip(2, status="processing")])
    before = await cached.get_video("v")
    assert before is not None
    await cached.list_clips([before])
    await WRITES[name](clips, cached, make_clip)
    after = await cached.get_video("v")
    assert after is not None
    assert after.version != before.version
    for status in (None, *ClipStatus):
        pages = await cached.list_clips([after], status=status)
        assert pages["v"].items == (await clips.list_clips(status=status)).items


async def test_a_video_that_was_just_written_has_no_version(
    cached: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A mutation's answer is not the document as it was read, so its clips are read anew."""
    await clips.create_clip(make_clip())
    await read(cached)
    changed = await cached.update_video("v", {"video_title": "Another"})
    assert changed.version is None
    with metered(meter := Meter()):
        await cached.list_clips([changed])
    assert (meter.rpcs, meter.saved_document_reads) == (1, 0)


def test_a_copy_is_no_document_as_it_was_read() -> None:
    """A copied video has no version, and the version is no field."""
    video = make_read_video("v")
    assert video.model_copy(update={"clips_count": 1}).version is None
    assert video.model_copy() == video
    assert video.to_document().keys() == VideoMetadata.model_fields.keys()


async def test_writes_in_one_microsecond_still_are_versions(
    clips: ClipRepository, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Production keeps a document's `update_time` where a write changes nothing in it."""
    monkeypatch.setattr("repositories.statistics.utc_now", lambda: MOMENT)
    await clips.create_clips_batch([make_clip(1), make_clip(2, status="processing")])
    before = (await clips._video("v").get()).to_dict() or {}
    await clips.update_clip_status(make_clip(2).clip_id, ClipStatus.FAILED)
    after = (await clips._video("v").get()).to_dict() or {}
    assert {name for name in after if after[name] != before[name]} == {"clips_revision"}


@pytest.mark.parametrize("name", ["delete", "delete all", "delete with files"])
async def test_a_video_that_is_created_while_its_orphans_are_deleted_shows_no_ghost(
    clips: ClipRepository,
    make_clip: MakeClip,
    make_video: MakeVideo,
    cached: VideoRepository,
    proxied: FirestoreClient,
    proxy: "FirestoreProxy",
    name: str,
) -> None:
    """Only a lock makes the one wait for the other: the deleted clip has no video to be written with it."""
    await clips.create_clips_batch([make_clip(1), make_clip(2)])
    await clips._video("v").delete()
    creating: list[asyncio.Task[Any]] = []

    async def create_and_read() -> None:
        await cached.create_video(make_video())
        await clips._video("v").update({"clips_count": 2})
        await read(cached)

    async def create_meanwhile(rpc: str, nth: int) -> None:
        if rpc == "Commit" and nth == 0:
            creating.append(asyncio.create_task(create_and_read()))
            await asyncio.wait(creating, timeout=1)

    proxy.before = create_meanwhile
    await WRITES[name](ClipRepository(clips.user_id, "v", proxied), cached, make_clip)
    await asyncio.gather(*creating)
    assert (await read(cached))[0] == [clip.priority for clip in await clips.list_clips()]


class Videos:
    """Writers and readers of three videos, and what each commit left."""

    def __init__(self, user_id: str, host: str, cache: ClipCache, draw: random.Random) -> None:
        self._clients = [create_client(project="test", emulator_host=host) for _ in range(3)]
        self._user_id, self._cache, self._draw = user_id, cache, draw
        self.ids = ["a", "b", "c"]
        self.is_done = False
        self.served = 0

    def close(self) -> None:
        """No connection is left."""
        for client in self._clients:
            client.close()

    async def write(self, make: MakeClip, number: int) -> None:
        """Thirty writes of any kind, against whoever else writes the same clips."""
        clips = {video_id: ClipRepository(self._user_id, video_id, self._clients[number]) for video_id in self.ids}
        for _ in range(30):
            video_id, at = self._draw.choice(self.ids), self._draw.randrange(6)
            clip = make(at, video_id=video_id, status=self._draw.choice(list(ClipStatus)))
            try:
                await self._draw.choice([self._create, self._change, self._delete])(clips[video_id], clip)
            except RepositoryError:
                await asyncio.sleep(0)
            await asyncio.sleep(self._draw.random() * 0.01)

    async def _create(self, clips: ClipRepository, clip: ClipMetadata) -> None:
        await clips.create_clip(clip)

    async def _change(self, clips: ClipRepository, clip: ClipMetadata) -> None:
        await clips.update_clip_status(clip.clip_id, clip.status)

    async def _delete(self, clips: ClipRepository, clip: ClipMetadata) -> None:
        await clips.delete_clip(clip.clip_id)

    async def read(self, number: int) -> None:
        """Reads until the writers are done: the same cache, and every page held against what is stored."""
        while not self.is_done:
            await self.read_page(number, self._draw.choice([None, *ClipStatus]), self._draw.choice([1, 100]))

    async def read_page(self, number: int, status: ClipStatus | None, limit: int = 100) -> None:
        """A page of each video, which has to be as it was stored when the video was read, or later."""
        client = self._clients[number]
        videos = VideoRepository(self._user_id, client, clip_cache=self._cache)
        found = await videos.get_videos(self.ids)
        await asyncio.sleep(self._draw.random() * 0.01)
        with metered(meter := Meter()):
            pages = await videos.list_clips(found.values(), status=status, limit=limit)
        self.served += meter.saved_document_reads > 0
        for video_id, video in found.items():
            await self._assert_not_older(client, video, status, limit, pages[video_id])

    async def _assert_not_older(
        self,
        client: FirestoreClient,
        video: VideoMetadata,
        status: ClipStatus | None,
        limit: int,
        shown: Page[ClipMetadata],
    ) -> None:
        """The page is what was stored when the video had this version, or at a later moment."""
        clips = ClipRepository(self._user_id, video.video_id, client)
        assert video.version is not None
        if [*shown] == (await read_at(clips, status, video.version))[:limit]:
            return
        for moment in await self._list_later_moments(client, video):
            if [*shown] == (await read_at(clips, status, moment))[:limit]:
                return
        raise AssertionError(f"{[clip.clip_id for clip in shown]} of {video.version} was never so since")

    async def _list_later_moments(self, client: FirestoreClient, video: VideoMetadata) -> list[datetime]:
        """The video's versions since, found from the last one backwards."""
        reference = client.document("users", self._user_id, "videos", video.video_id)
        moments: list[datetime] = []
        snapshot = await reference.get()
        while snapshot.update_time is not None and snapshot.update_time > video.version:
            moments.append(snapshot.update_time)
            snapshot = await reference.get(read_time=snapshot.update_time - timedelta(microseconds=1))
        return moments


async def read_at(clips: ClipRepository, status: ClipStatus | None, moment: datetime) -> list[ClipMetadata]:
    """The clips as they were then, read past everything that is tested."""
    documents = [to_stored(found) for found in await clips._clips.get(read_time=moment)]
    models = [ClipMetadata.from_document({**(document.fields or {})}) for document in documents]
    return sorted(
        (clip for clip in models if status in {None, clip.status}), key=lambda clip: (clip.priority, clip.clip_id)
    )


@pytest.fixture
async def three(firestore_host: str, user_id: str, cache: ClipCache, request: Any) -> AsyncIterator[Videos]:
    started = Videos(user_id, firestore_host, cache, random.Random(request.node.name))  # noqa: S311  no secret
    yield started
    started.close()


@pytest.mark.parametrize("seed", range(3))
async def test_readers_beside_writers_see_nothing_older_than_the_video(
    three: Videos, videos: VideoRepository, make_video: MakeVideo, make_clip: MakeClip, seed: int
) -> None:
    """In any order of reads and writes on real connections, each page was stored when its video was read, or later."""
    for video_id in three.ids:
        await videos.create_video(make_video(video_id=video_id))
    readers = [asyncio.create_task(three.read(number)) for number in range(3)]
    await asyncio.gather(*(three.write(make_clip, number) for number in range(3)))
    three.is_done = True
    await asyncio.gather(*readers)
    # However slow the machine was: sets of completed clips are kept, and this one is there to be found.
    last = make_clip(9, video_id=three.ids[0], status=ClipStatus.COMPLETED)
    await ClipRepository(videos.user_id, three.ids[0], videos._client).create_clip(last)
    for _ in range(2):
        await three.read_page(0, ClipStatus.COMPLETED)
    assert three.served > 0, seed


def make_set(rows: int, wanted: Filter = Filter()) -> ClipSet:  # noqa: B008  frozen
    documents = (
        StoredDocument(f"users/u/videos/v/clips/c{number}", {"status": "completed"}, MOMENT, MOMENT)
        for number in range(rows)
    )
    return ClipSet.of(wanted, documents)


def make_read_video(video_id: str, version: datetime | None = MOMENT, user_id: str = "u") -> VideoMetadata:
    video = VideoMetadata(user_id=user_id, video_id=video_id)
    video.set_version(version)
    return video


def test_the_least_recently_used_goes_first() -> None:
    """A cache that is full evicts the set that was used longest ago."""
    cache, videos = ClipCache(7 * BYTES_PER_ROW), [make_read_video(f"v{number}") for number in range(3)]
    for video in videos[:2]:
        cache.keep(video, make_set(2))
    assert cache.find(videos[0], Filter()) is not None
    cache.keep(videos[2], make_set(2))
    assert [cache.find(video, Filter()) is not None for video in videos] == [True, False, True]
    assert 0 < cache.size_bytes <= 7 * BYTES_PER_ROW


def test_bytes_are_given_back() -> None:
    """A set that replaces an older version's is counted once."""
    cache = ClipCache(EVERYTHING)
    for number in range(5):
        cache.keep(make_read_video("v", MOMENT + timedelta(seconds=number)), make_set(3))
    once = cache.size_bytes
    other = ClipCache(EVERYTHING)
    other.keep(make_read_video("v"), make_set(3))
    assert once == other.size_bytes


def test_large_sets_are_not_kept() -> None:
    """A set of more than `MAX_CLIPS_KEPT` clips is not stored."""
    cache, video = ClipCache(2**30), make_read_video("v")
    cache.keep(video, make_set(MAX_CLIPS_KEPT + 1))
    assert cache.find(video, Filter()) is None
    cache.keep(video, make_set(MAX_CLIPS_KEPT))
    assert cache.find(video, Filter()) is not None


def test_large_pages_are_not_kept() -> None:
    """A page of more than `MAX_CLIPS_KEPT` clips is not stored, and a stored one serves its version only."""
    cache, video, page_query = (
        ClipCache(2**30),
        make_read_video("v"),
        PageQuery(ClipOrder.PRIORITY_ASC, 2_000, None, None, from_end=False),
    )
    clip = ClipMetadata.from_document({"user_id": "u", "video_id": "v", "clip_id": "c"})
    cache.keep_page(video, Filter(), page_query, Page((clip,) * (MAX_CLIPS_KEPT + 1)))
    assert cache.find_page(video, Filter(), page_query) is None
    cache.keep_page(video, Filter(), page_query, Page((clip,) * MAX_CLIPS_KEPT))
    assert cache.find_page(video, Filter(), page_query) is not None
    assert cache.find_page(make_read_video("v", MOMENT + timedelta(microseconds=1)), Filter(), page_query) is None


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    """Of two versions the newer stays, whichever is stored last."""
    cache, newer = ClipCache(EVERYTHING), make_read_video("v", MOMENT + timedelta(microseconds=1))
    cache.keep(newer, make_set(2))
    cache.keep(make_read_video("v"), make_set(1))
    assert cache.find(make_read_video("v"), Filter()) is None
    assert cache.find(newer, Filter()) is not None


@pytest.mark.parametrize(
    "other",
    [
        make_read_video("w"),
        make_read_video("v", user_id="another"),
        make_read_video("v", MOMENT + timedelta(microseconds=1)),
        make_read_video("v", MOMENT - timedelta(microseconds=1)),
        make_read_video("v", None),
    ],
    ids=["another video", "another user's", "newer", "older", "not as read"],
)
def test_another_video_finds_nothing(other: VideoMetadata) -> None:
    """A set serves its own video, in the version that it was read with."""
    cache = ClipCache(EVERYTHING)
    cache.keep(make_read_video("v"), make_set(1))
    assert cache.find(other, Filter()) is None


FILTERS = [Filter(), Filter(ClipStatus.FAILED), Filter(None, "a"), Filter(ClipStatus.FAILED, "a"), Filter(None, "b")]


@pytest.mark.parametrize("kept", FILTERS)
def test_a_set_serves_the_filters_that_it_covers(kept: Filter) -> None:
    """A set serves each filter that leaves a part of it."""
    cache, video = ClipCache(EVERYTHING), make_read_video("v")
    cache.keep(video, make_set(0, kept))
    for wanted in FILTERS:
        covers = kept.status in {None, wanted.status} and kept.style in {None, wanted.style}
        assert (cache.find(video, wanted) is not None) is covers


async def test_the_size_is_about_what_memory_says(clips: ClipRepository, make_clip: MakeClip) -> None:
    """Counted in bytes that are really taken, within a factor of two, also once it is sorted in every order."""
    await clips.create_clips_batch([make_clip(number) for number in range(200)])
    documents = await clips._rpc.list_documents(clips._clips, 300)
    assert documents is not None
    gc.collect()
    tracemalloc.start()
    cache = ClipCache(EVERYTHING)
    copies = [StoredDocument(one.path, {**(one.fields or {})}, one.create_time, one.update_time) for one in documents]
    kept = ClipSet.of(Filter(), copies)
    cache.keep(make_read_video("v"), kept)
    for order in ClipOrder:
        kept.get_page(Filter(), PageQuery(order, 1, None, None, from_end=False))
    del copies
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken <= cache.size_bytes <= 2 * taken, (taken / 200, cache.size_bytes / 200)
