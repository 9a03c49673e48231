"""`clipgraph reconcile`: every kind of drift is seeded, found and mended, while workers go on writing."""

import asyncio
import itertools
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cli.reconcile.drift import DriftKind
from cli.reconcile.run import Outcome
from repositories.models import ClipStatus, VideoStatus
from storage.exceptions import StorageUnavailableError
from tests.cli.reconcile.bucket import STUCK_AFTER, BrokenStore, Bucket, Found, reconcile
from tests.patience import HANG_SECONDS

pytestmark = pytest.mark.prove

# The 2,000 take minutes.
CLIPS = int(os.environ.get("CLIPGRAPH_RECONCILE_CLIPS", "240"))
# Folders of R2 and ids of Firestore order differently around these.
VIDEOS = ("talk", "talk-2", "talk 3", "talk.x")


async def seed(bucket: Bucket) -> Found:
    """Every kind of drift, several times; what is to be found."""
    seeded: Found = set()
    stores = bucket.services.storage
    clips = {video_id: await bucket.add_clips(video_id, CLIPS // len(VIDEOS)) for video_id in VIDEOS}
    for video_id in VIDEOS:
        missing, resized, blank, buried, wrong = (clips[video_id].pop() for _ in range(5))
        await stores.delete([missing.r2_key])
        seeded.add((DriftKind.METADATA_WITHOUT_FILE, f"{video_id}/{missing.clip_id}"))
        await stores.put(resized.r2_key, b"other")
        seeded.add((DriftKind.SIZE_DIFFERS, f"{video_id}/{resized.clip_id}"))
        await stores.delete([bucket.thumbnail_key(blank)])
        seeded.add((DriftKind.THUMBNAIL_DIFFERS, f"{video_id}/{blank.clip_id}"))
        await bucket.document(video_id, wrong.clip_id).update({"has_thumbnail": False, "thumbnail_r2_key": None})
        seeded.add((DriftKind.THUMBNAIL_DIFFERS, f"{video_id}/{wrong.clip_id}"))
        with pytest.raises(StorageUnavailableError):
            await bucket.services.clips(bucket.user_id, video_id).delete_clip_with_files(buried.clip_id, BrokenStore())
        seeded.add((DriftKind.UNFINISHED_DELETE, f"{video_id}/{buried.clip_id}"))
        unknown = bucket.new_clip(video_id, ClipStatus.PROCESSING)
        await bucket.put([unknown])
        for key in (unknown.r2_key, bucket.thumbnail_key(unknown)):
            seeded.add((DriftKind.FILE_WITHOUT_METADATA, key.removeprefix(f"{bucket.user_id}/")))
        await bucket.document(video_id).update({"clips_count": 7, "clips_by_style": {"split": 7}})
        seeded.add((DriftKind.STATISTICS_DIFFER, video_id))
    return seeded


async def seed_stuck(bucket: Bucket) -> Found:
    """Work that nobody goes on with, deletes among it."""
    uploaded, vanished = (
        bucket.new_clip("stuck", ClipStatus.PROCESSING),
        bucket.new_clip("stuck", ClipStatus.PROCESSING),
    )
    await bucket.create_video("stuck", VideoStatus.PROCESSING)
    await bucket.services.clips(bucket.user_id, "stuck").create_clips_batch([uploaded, vanished])
    await bucket.put([uploaded])
    await bucket.create_video("whole", VideoStatus.PROCESSING, highlights_count=1, styles_processed=["split"])
    await bucket.add_clips("whole", 1)
    await bucket.create_video("buried")
    await bucket.add_clips("buried", 3)
    with pytest.raises(StorageUnavailableError):
        await bucket.services.videos(bucket.user_id).delete_video("buried", BrokenStore())
    begun = bucket.new_clip("stuck", ClipStatus.PROCESSING)
    await bucket.services.storage.create_multipart_upload(begun.r2_key)
    return {
        (DriftKind.STALE_UPLOAD, begun.r2_key.removeprefix(f"{bucket.user_id}/")),
        (DriftKind.CLIP_STUCK, f"stuck/{uploaded.clip_id}"),
        (DriftKind.CLIP_STUCK, f"stuck/{vanished.clip_id}"),
        (DriftKind.VIDEO_STUCK, "stuck"),
        (DriftKind.VIDEO_STUCK, "whole"),
        (DriftKind.UNFINISHED_DELETE, "buried"),
    }


async def seed_without_video(bucket: Bucket) -> Found:
    """A folder that no document knows of, and clips whose video's document is gone: one with files, one without."""
    folder = f"{bucket.user_id}/folder/"
    unknown = bucket.new_clip("folder", ClipStatus.PROCESSING)
    await bucket.put([unknown])
    highlights = {"video_url": "https://youtu.be/dQw4w9WgXcQ", "video_title": "A folder", "highlights": []}
    await bucket.services.storage.put(f"{folder}highlights.json", json.dumps(highlights).encode())
    keys = [unknown.r2_key, bucket.thumbnail_key(unknown), f"{folder}highlights.json"]
    seeded = {(DriftKind.FILE_WITHOUT_METADATA, key.removeprefix(f"{bucket.user_id}/")) for key in keys}
    for video_id in ("headless", "hollow"):
        await bucket.create_video(video_id)
        (clip,) = await bucket.add_clips(video_id, 1)
        await bucket.document(video_id).delete()
        seeded.add((DriftKind.CLIP_WITHOUT_VIDEO, f"{video_id}/{clip.clip_id}"))
    await bucket.services.storage.delete_prefix(f"{bucket.user_id}/hollow/")
    return seeded


async def work(bucket: Bucket, stop: asyncio.Event, done: Counter[str]) -> None:
    """Announces, uploads, completes, renders again and deletes clips, as workers do."""
    for video_id in itertools.cycle(VIDEOS):
        if stop.is_set():
            return
        clips = bucket.services.clips(bucket.user_id, video_id)
        clip = bucket.new_clip(video_id, ClipStatus.PROCESSING, name="live")
        await clips.create_clip(clip)
        for size_bytes in (3, 5):
            await clips.update_clip_status(clip.clip_id, ClipStatus.PROCESSING)
            await bucket.put([clip], size_bytes)
            await clips.update_clip_status(
                clip.clip_id, ClipStatus.COMPLETED, file_size_bytes=size_bytes, has_thumbnail=True
            )
        if next(bucket.numbers) % 3 == 0:
            await clips.delete_clip_with_files(clip.clip_id, bucket.services.storage)
        done[video_id] += 1


@asynccontextmanager
async def working(bucket: Bucket) -> AsyncIterator[Counter[str]]:
    """Two workers are at work within; what goes wrong with them is told at the end."""
    stop, done = asyncio.Event(), Counter[str]()
    async with asyncio.TaskGroup() as workers:
        for _ in range(2):
            workers.create_task(work(bucket, stop, done))
        yield done
        stop.set()


async def assert_consistent(bucket: Bucket) -> None:
    """Counted without the code under test: exact statistics, and every completed clip with its file."""
    for video in await bucket.services.videos(bucket.user_id).list_videos(limit=100):
        clips = await bucket.services.clips(bucket.user_id, video.video_id).list_clips(limit=10_000)
        completed = [clip for clip in clips if clip.status is ClipStatus.COMPLETED]
        assert video.clips_by_style == dict(Counter(clip.style for clip in completed)), video.video_id
        assert video.clips_count == len(completed)
        prefix = f"{bucket.user_id}/{video.video_id}/"
        sizes = {found.key: found.size_bytes async for found in bucket.services.storage.list(prefix)}
        assert {clip.r2_key: clip.file_size_bytes for clip in completed}.items() <= sizes.items()
        assert all(clip.has_thumbnail == (bucket.thumbnail_key(clip) in sizes) for clip in completed)


@pytest.mark.timeout(HANG_SECONDS + CLIPS)
async def test_every_kind_of_drift_is_found_and_mended_while_workers_write(bucket: Bucket) -> None:
    """A run finds exactly the seeded drift of every kind, and `--fix` leaves only what has no repair."""
    for video_id in VIDEOS:
        await bucket.create_video(video_id)
    seeded = await seed_stuck(bucket) | await seed_without_video(bucket) | await seed(bucket)
    await bucket.clock.age(STUCK_AFTER)
    before = await bucket.statuses()
    young = bucket.new_clip("stuck", ClipStatus.PROCESSING).r2_key
    upload_id = await bucket.services.storage.create_multipart_upload(young)
    async with working(bucket) as done:
        found = await reconcile(bucket)
        assert found[Outcome.FOUND] == seeded
        statuses = await bucket.statuses()
        assert {path: statuses.get(path) for path in before} == before
        await bucket.services.storage.abort_multipart_upload(young, upload_id)
        repaired = await reconcile(bucket, fix=True)
    assert done.total() > 0
    hollow = {drift for drift in seeded if drift[1].startswith("hollow/")}
    assert repaired[Outcome.LEFT] == hollow
    assert repaired[Outcome.MENDED] == seeded - hollow
    assert (await reconcile(bucket))[Outcome.FOUND] == hollow
    assert (await reconcile(bucket, fix=True, delete_orphans=True))[Outcome.MENDED] == hollow
    assert not any((await reconcile(bucket)).values())
    await assert_consistent(bucket)
    statuses = await bucket.statuses()
    assert not [path for path, status in statuses.items() if status in {"processing", "deleting"}]
    assert (statuses["stuck"], statuses["whole"], statuses["folder"]) == ("failed", "completed", "completed")
    assert "buried" not in statuses
    by_kind = {kind: [place for found, place in seeded if found is kind] for kind in DriftKind}
    assert {statuses[place] for place in by_kind[DriftKind.METADATA_WITHOUT_FILE]} == {"failed"}
    assert sorted(statuses[place] for place in by_kind[DriftKind.CLIP_STUCK]) == ["completed", "failed"]
