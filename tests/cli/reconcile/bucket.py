"""A bucket with its documents, and hands that do to it what crashes and people do."""

import asyncio
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.progress import Progress

from cli.reconcile.drift import Drift, DriftKind, Rules
from cli.reconcile.run import Outcome, Reconciler
from domain.keys import thumbnail_key
from gql.services import Services
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from storage.exceptions import StorageUnavailableError

STYLES = ("split", "original")
STUCK_AFTER = timedelta(days=1)
SIZE_BYTES = 100

Found = set[tuple[DriftKind, str]]


class HeldClock:
    """The time of day, until `age` holds it: from then on a test may take as long as it likes."""

    def __init__(self) -> None:
        self._held: datetime | None = None

    def now(self) -> datetime:
        """The time by which a run tells ages."""
        return self._held or datetime.now(UTC)

    async def age(self, by: timedelta) -> None:
        """Holds the clock where all that there is has the age `by` or more, and all that is to come is younger."""
        newest = datetime.now(UTC)
        self._held = newest + by
        await wait_for_next_second(newest)


async def wait_for_next_second(since: datetime) -> None:
    """Waits until R2, which tells whole seconds, tells a later one than `since`."""
    next_second = since.replace(microsecond=0) + timedelta(seconds=1)
    await asyncio.sleep((next_second - datetime.now(UTC)).total_seconds() + 0.05)
    assert datetime.now(UTC) >= next_second


class Bucket:
    """A user's videos and clips, and hands that do to them what crashes and people do."""

    def __init__(self, services: Services, user_id: str) -> None:
        self.services = services
        self.user_id = user_id
        self.clock = HeldClock()
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
        """Adds completed clips with their files."""
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


class Recorder:
    """Keeps what it is told."""

    def __init__(self, user_id: str) -> None:
        self.outcomes: dict[Outcome, Found] = {outcome: set() for outcome in Outcome}
        self.remarks: list[str] = []
        self._user_id = user_id

    def tell_drift(self, drift: Drift, outcome: Outcome, resume_after: str | None) -> None:
        """Keeps the drift, which was told once."""
        assert resume_after is None or resume_after.startswith(f"{self._user_id}/")
        place = (drift.kind, drift.place.removeprefix(f"{self._user_id}/"))
        assert place not in self.outcomes[outcome]
        self.outcomes[outcome].add(place)

    def tell_remark(self, text: str) -> None:
        """Keeps the remark."""
        self.remarks.append(text)


async def reconcile(
    bucket: Bucket,
    *,
    older_than: timedelta = timedelta(0),
    remarks: list[str] | None = None,
    fix: bool = False,
    delete_orphans: bool = False,
) -> dict[Outcome, Found]:
    """The drift of the user's videos after the run; remarks are added to `remarks`, where some are expected."""
    recorder = Recorder(bucket.user_id)
    rules = Rules(STUCK_AFTER, older_than, bucket.clock.now)
    reconciler = Reconciler(
        bucket.services, rules, Progress(disable=True), recorder, fix=fix, delete_orphans=delete_orphans
    )
    summary = await reconciler.run(bucket.user_id)
    assert summary.remarks == len(recorder.remarks)
    if remarks is None:
        assert recorder.remarks == [] or fix
    else:
        remarks.extend(recorder.remarks)
    return recorder.outcomes
