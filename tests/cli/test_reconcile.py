"""`clipgraph reconcile`: every kind of drift is seeded, found and mended, while workers go on writing."""

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.progress import Progress

from cli.main import main
from cli.reconciling.confirming import Confirmer
from cli.reconciling.drift import Drift, DriftKind, Rules
from cli.reconciling.files import Folder
from cli.reconciling.judging import judge_video
from cli.reconciling.mending import Mender
from cli.reconciling.running import Outcome, Reconciler
from gql.app import create_services
from gql.context import Services
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.scanning import Scanner
from settings import Settings
from storage.exceptions import StorageUnavailableError
from storage.keys import thumbnail_key

# The 2,000 take minutes.
CLIPS = int(os.environ.get("CLIPGRAPH_RECONCILE_CLIPS", "240"))
# Folders of R2 and ids of Firestore order differently around these.
VIDEOS = ("talk", "talk-2", "talk 3", "talk.x")
STYLES = ("split", "original")
STUCK_AFTER = timedelta(seconds=8)
SIZE_BYTES = 100

Found = set[tuple[DriftKind, str]]


class Bucket:
    """A user's videos and clips, and hands that do to them what crashes and people do."""

    def __init__(self, services: Services, user_id: str) -> None:
        self.services = services
        self.user_id = user_id
        self.numbers = itertools.count(1)

    def new_clip(self, video_id: str, status: ClipStatus, name: str = "clip", **fields: Any) -> ClipMetadata:
        """A clip that is nowhere yet."""
        number = next(self.numbers)
        style = STYLES[number % len(STYLES)]
        return ClipMetadata(
            user_id=self.user_id,
            video_id=video_id,
            filename=f"{name}_{number:02d}_{number:02d}_a-title_{style}.mp4",
            scene_id=number,
            scene_title="A title",
            style=style,
            priority=number,
            start_time="00:00:01",
            end_time="00:00:02",
            status=status,
            **fields,
        )

    async def create_video(self, video_id: str, status: VideoStatus = VideoStatus.COMPLETED, **fields: Any) -> None:
        """The video has a document."""
        video = VideoMetadata(user_id=self.user_id, video_id=video_id, status=status, **fields)
        await self.services.videos(self.user_id).create_video(video)

    async def put(self, clips: Iterable[ClipMetadata], size_bytes: int = SIZE_BYTES) -> None:
        """The clips' files and thumbnails are in R2."""
        storage = self.services.storage
        await asyncio.gather(*(storage.put(clip.r2_key, b"x" * size_bytes) for clip in clips))
        await asyncio.gather(*(storage.put(self.thumbnail_key(clip), b"x") for clip in clips))

    async def add_clips(self, video_id: str, count: int) -> list[ClipMetadata]:
        """So many completed clips more, with their files."""
        files: dict[str, Any] = {"file_size_bytes": SIZE_BYTES, "has_thumbnail": True}
        clips = [self.new_clip(video_id, ClipStatus.COMPLETED, **files) for _ in range(count)]
        for batch in (clips[start : start + 50] for start in range(0, count, 50)):
            await self.services.clips(self.user_id, video_id).create_clips_batch(batch)
            await self.put(batch)
        return clips

    def thumbnail_key(self, clip: ClipMetadata) -> str:
        """Where the clip's thumbnail is, or would be."""
        return thumbnail_key(clip.user_id, clip.video_id, clip.filename)

    def document(self, *path: str) -> Any:
        """The document of a video, or of a clip of it, past all repositories."""
        names = itertools.chain(*zip(("videos", "clips"), path, strict=False))
        return self.services.firestore.document("users", self.user_id, *names)

    async def statuses(self) -> dict[str, str]:
        """The status of every video and clip by its path below the user; a tombstone's, too."""
        found: dict[str, str] = {}
        async for reference in self.services.firestore.collection("users", self.user_id, "videos").list_documents():
            video = await reference.get()
            found |= {video.id: video.get("status")} if video.exists else {}
            clips = reference.collection("clips").stream()
            found |= {f"{video.id}/{clip.id}": clip.get("status") async for clip in clips}
        return found


class BrokenStore:
    """Deletes nothing: whoever asks it is left with half a delete."""

    async def delete(self, keys: Iterable[str], /) -> None:
        """Fails."""
        raise StorageUnavailableError(str(list(keys)))

    async def delete_prefix(self, prefix: str, /) -> int:
        """Fails."""
        raise StorageUnavailableError(prefix)


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = create_services(settings)
    yield services
    await services.close()


@pytest.fixture
def bucket(services: Services, user_id: str) -> Bucket:
    return Bucket(services, user_id)


async def reconcile(bucket: Bucket, *, older_than: timedelta = timedelta(0), **options: bool) -> dict[Outcome, Found]:
    """What the drift of the user's videos came to."""
    outcomes: dict[Outcome, Found] = {outcome: set() for outcome in Outcome}

    def report(drift: Drift, outcome: Outcome) -> None:
        place = (drift.kind, drift.place.removeprefix(f"{bucket.user_id}/"))
        assert place not in outcomes[outcome]
        outcomes[outcome].add(place)

    rules = Rules(STUCK_AFTER, older_than)
    reconciler = Reconciler(bucket.services, rules, Progress(disable=True), report, **options)
    assert (await reconciler.run(bucket.user_id)).remarks == [] or options
    return outcomes


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


@pytest.mark.timeout(120 + CLIPS)
async def test_every_kind_of_drift_is_found_and_mended_while_workers_write(bucket: Bucket) -> None:
    for video_id in VIDEOS:
        await bucket.create_video(video_id)
    seeded = await seed_stuck(bucket) | await seed_without_video(bucket) | await seed(bucket)
    newest = datetime.now(UTC)
    before = await bucket.statuses()
    await asyncio.sleep(max(0.0, (newest + STUCK_AFTER - datetime.now(UTC)).total_seconds()))
    young = bucket.new_clip("stuck", ClipStatus.PROCESSING).r2_key
    upload_id = await bucket.services.storage.create_multipart_upload(young)
    async with working(bucket) as done:
        found = await reconcile(bucket)
        assert found[Outcome.FOUND] == seeded
        statuses = await bucket.statuses()
        assert {path: statuses.get(path) for path in before} == before
        await bucket.services.storage.abort_multipart_upload(young, upload_id)
        mended = await reconcile(bucket, fix=True)
    assert done.total() > 0
    hollow = {drift for drift in seeded if drift[1].startswith("hollow/")}
    assert mended[Outcome.LEFT] == hollow
    assert mended[Outcome.MENDED] == seeded - hollow
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


async def test_file_that_a_worker_may_still_describe_is_left_alone(bucket: Bucket) -> None:
    """Also where orphans are deleted: the same guards hold for all."""
    await bucket.create_video("talk")
    young = bucket.new_clip("talk", ClipStatus.PROCESSING)
    await bucket.put([young])
    hour = timedelta(hours=1)
    for options in ({}, {"fix": True}, {"fix": True, "delete_orphans": True}):
        assert not any((await reconcile(bucket, older_than=hour, **options)).values())
    assert await bucket.services.storage.head(young.r2_key)
    assert (await reconcile(bucket, fix=True, delete_orphans=True))[Outcome.MENDED]
    assert await bucket.services.storage.head(young.r2_key) is None


async def test_file_of_an_earlier_rendering_does_not_complete_a_stuck_clip(bucket: Bucket) -> None:
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    # R2 tells whole seconds.
    await asyncio.sleep(1.1)
    clips = bucket.services.clips(bucket.user_id, "talk")
    await clips.update_clip_status(clip.clip_id, ClipStatus.PROCESSING)
    await asyncio.sleep(STUCK_AFTER.total_seconds())
    assert (await reconcile(bucket, fix=True))[Outcome.MENDED] == {(DriftKind.CLIP_STUCK, f"talk/{clip.clip_id}")}
    stored = await clips.get_clip(clip.clip_id)
    assert stored is not None
    assert (stored.status, bool(stored.error_message)) == (ClipStatus.FAILED, True)


async def test_clip_that_a_worker_took_up_meanwhile_is_left_to_it(bucket: Bucket) -> None:
    """Between the second look and the mending, the worker begins to render anew."""
    await bucket.create_video("talk")
    (clip,) = await bucket.add_clips("talk", 1)
    await bucket.services.storage.delete([clip.r2_key])
    rules = Rules(STUCK_AFTER, timedelta(0))
    scanner = Scanner(bucket.services.firestore)
    confirmer = Confirmer(bucket.services, scanner, rules)
    mender = Mender(bucket.services, scanner, confirmer, rules, print, delete_orphans=False)
    video, folder = await scanner.read_video(bucket.user_id, "talk"), Folder(bucket.user_id, "talk")
    (drift,) = judge_video(video, folder, rules)
    assert await confirmer.confirm(drift, video) == drift
    clips = bucket.services.clips(bucket.user_id, "talk")
    taken = await clips.update_clip_status(clip.clip_id, ClipStatus.PROCESSING)
    assert await confirmer.confirm(drift, video) is None
    await mender.mend([drift], video, folder)
    assert await clips.get_clip(clip.clip_id) == taken


# The command


COMMAND = [sys.executable, "-m", "cli.main", "reconcile"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What leads a process to the session's Firestore and R2."""
    r2 = {f"CLIPGRAPH_R2_{name.upper()}": value for name, value in settings.resolve_r2()._asdict().items()}
    firestore = {
        "GOOGLE_CLOUD_PROJECT": str(settings.google_cloud_project),
        "FIRESTORE_EMULATOR_HOST": str(settings.firestore_emulator_host),
    }
    return {**os.environ, **r2, **firestore}


@pytest.fixture
def run(environment: dict[str, str], user_id: str) -> Run:
    """Runs the command over this test's user."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "--user", user_id, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return run


def make_drift(settings: Settings, user_id: str, *video_ids: str) -> None:
    """The videos, each with a clip whose size differs."""

    async def make() -> None:
        services = create_services(settings)
        bucket = Bucket(services, user_id)
        for video_id in video_ids:
            await bucket.create_video(video_id)
            await bucket.put(await bucket.add_clips(video_id, 1), size_bytes=1)
        await services.close()

    asyncio.run(make())


def test_exit_code_tells_whether_anything_differs(run: Run, settings: Settings, user_id: str) -> None:
    make_drift(settings, user_id, "talk", "talk-2")
    found = run("--json")
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(line["kind"], line["video_id"]) for line in lines[:-1]] == [
        ("size-differs", "talk-2"),
        ("size-differs", "talk"),
    ]
    assert lines[-1]["summary"]["drift"] == {"size-differs": {"found": 2}}
    assert found.returncode == 1
    behind = run("--resume-after", f"{user_id}/talk-2")
    assert "talk-2/" not in behind.stdout
    assert "talk/" in behind.stdout
    assert run("--fix").returncode == 0
    agreed = run()
    assert (agreed.returncode, "R2 and Firestore agree" in agreed.stdout) == (0, True)


def test_run_that_is_interrupted_says_how_to_go_on(
    run: Run, environment: dict[str, str], settings: Settings, user_id: str
) -> None:
    video_ids = {f"talk-{number}" for number in range(60)}
    make_drift(settings, user_id, *video_ids)
    command = [*COMMAND, "--user", user_id, "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, told = process.communicate(timeout=60)
    assert process.returncode == 130
    reached = re.search(r"--resume-after '(.+)'", told)
    assert reached, told
    assert "Traceback" not in told
    seen = {json.loads(line)["video_id"] for line in (first + rest).splitlines()}
    lines = run("--json", "--resume-after", reached[1]).stdout.splitlines()
    # The one that it was at is looked at again.
    behind = {json.loads(line)["video_id"] for line in lines[:-1]}
    assert seen | behind == video_ids
    assert len(behind) < len(video_ids)
    assert len(seen & behind) <= 1


@pytest.mark.parametrize(
    "arguments", [["--delete-orphans"], ["--stuck-after", "soon"], ["--resume-after", "talk"], ["--older-than", "-1h"]]
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["reconcile", "--fix", "--data-dir", str(tmp_path / "data"), *arguments])
    assert refused.exit_code == 2
    assert not (tmp_path / "data").exists()
