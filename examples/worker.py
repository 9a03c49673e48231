#!/usr/bin/env python3
"""A worker: cuts the highlights out of a video, uploads the clips, and reports them. Killed and run again, it goes on.

python examples/worker.py talk.mp4 highlights.json --user alice --video-id talk --style original --style left_focus
"""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cli.stack import connect_services
from domain.keys import ClipName, format_clip_filename, highlights_key, thumbnail_key
from repositories.client import FirestoreClient, create_client
from repositories.clips import MAX_CLIPS_PER_BATCH, ClipRepository
from repositories.exceptions import (
    ClipAlreadyExistsError,
    ClipBeingDeletedError,
    RepositoryError,
    ValidationError,
    VideoAlreadyExistsError,
    VideoBeingDeletedError,
)
from repositories.model.statuses import ClipStatusChange
from repositories.model.validation import validate_model
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.videos import VideoRepository
from settings import Settings
from storage.exceptions import ObjectNotFoundError, StorageError
from storage.highlights import Highlights, HighlightsError, parse_highlights
from storage.r2 import R2Storage

# style → ffmpeg's filter; H.264 wants even sizes.
FILTERS = {
    "original": "scale=trunc(iw/2)*2:trunc(ih/2)*2",
    "left_focus": "crop=trunc(ih*9/32)*2:trunc(ih/2)*2:0:0",
    "right_focus": "crop=trunc(ih*9/32)*2:trunc(ih/2)*2:iw-ow:0",
}
MAX_SLUG_CHARACTERS = 60
NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Job:
    """A job of a queue, delivered at least once: all ids follow from it, so that a repeat finds its own work."""

    user_id: str
    video_id: str
    source: Path
    highlights: Path
    styles: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The documents that a job makes: the video, and all clips, no two of which are one."""

    video: VideoMetadata
    clips: tuple[ClipMetadata, ...]


class CuttingError(Exception):
    """ffmpeg cannot cut this; the text is its last line."""


class ImpossibleJobError(Exception):
    """The job can never succeed, however often it is delivered; the text says why."""


class Worker:
    """Works on one job. Each step may be the last one that a killed worker took, and can be taken again."""

    def __init__(self, job: Job, firestore: FirestoreClient, storage: R2Storage) -> None:
        self._job = job
        self._videos = VideoRepository(job.user_id, firestore)
        self._clips = ClipRepository(job.user_id, job.video_id, firestore)
        self._storage = storage

    async def run(self) -> VideoStatus:
        """The video's clips are cut, uploaded and reported; how it ended.

        `ImpossibleJobError` where the job can never succeed: then the video has failed for that reason.
        """
        content = self._job.highlights.read_bytes()
        try:
            plan = make_plan(self._job, content)
            await self._storage.put(highlights_key(self._job.user_id, self._job.video_id), content, "application/json")
            video = await self._begin(plan.video)
            clips = await self._announce(plan.clips)
        except ImpossibleJobError as error:
            await self._give_up(str(error))
            raise
        for clip in clips:
            # Whatever is not reported yet is cut anew: a file that lies there may be of an earlier rendering.
            if clip.status is not ClipStatus.COMPLETED:
                await self._work_on(clip)
        return await self._finish(video)

    async def _begin(self, described: VideoMetadata) -> VideoMetadata:
        """The video is there and processing, or completed where this job was done before."""
        try:
            video, _ = await self._videos.create_video(described)
        except ValidationError as error:  # a document that would be too large
            raise ImpossibleJobError(describe_error(error)) from error
        if video.status is VideoStatus.FAILED:
            return await self._videos.update_video_status(video.video_id, VideoStatus.PROCESSING)
        return video

    async def _announce(self, clips: Sequence[ClipMetadata]) -> list[ClipMetadata]:
        """Every clip as it is stored: new ones as processing, so that a page can show what is to come."""
        stored: list[ClipMetadata] = []
        for start in range(0, len(clips), MAX_CLIPS_PER_BATCH):
            batch = await self._create(clips[start : start + MAX_CLIPS_PER_BATCH])
            stored.extend(clip for clip, _ in batch)
        return stored

    async def _create(self, clips: Sequence[ClipMetadata]) -> list[tuple[ClipMetadata, bool]]:
        try:
            return await self._clips.create_clips_batch(clips)
        except ClipBeingDeletedError:
            raise  # it is gone soon
        except ClipAlreadyExistsError as error:
            raise ImpossibleJobError(error.message) from error
        except ValidationError as error:
            raise ImpossibleJobError(describe_error(error)) from error

    async def _give_up(self, reason: str) -> None:
        """The video and its unfinished clips have failed for this reason; one that was completed before stays so."""
        video = await self._find_or_create()
        if video is None or video.status is VideoStatus.COMPLETED:
            return
        if video.status is VideoStatus.FAILED:
            await self._videos.update_video_status(video.video_id, VideoStatus.PROCESSING)
        clips = await self._clips.list_clips(status=ClipStatus.PROCESSING)
        for start in range(0, len(clips), MAX_CLIPS_PER_BATCH):
            batch = clips[start : start + MAX_CLIPS_PER_BATCH]
            changes = [ClipStatusChange(clip.clip_id, ClipStatus.FAILED, reason) for clip in batch]
            await self._clips.update_clip_statuses(changes)
        await self._videos.update_video_status(video.video_id, VideoStatus.FAILED, error_message=reason)

    async def _find_or_create(self) -> VideoMetadata | None:
        """The job's video; None where it is not there, and no new video can have these ids."""
        video = await self._videos.get_video(self._job.video_id)
        if video is not None:
            return video
        try:
            new = validate_model(VideoMetadata, {"user_id": self._job.user_id, "video_id": self._job.video_id})
        except ValidationError:
            return None
        return (await self._videos.create_video(new))[0]

    async def _work_on(self, clip: ClipMetadata) -> None:
        if clip.status is ClipStatus.FAILED:
            await self._clips.update_clip_status(clip.clip_id, ClipStatus.PROCESSING)
        with tempfile.TemporaryDirectory(prefix="clipgraph-") as folder:
            file, thumbnail = Path(folder, "clip.mp4"), Path(folder, "clip.jpg")
            try:
                await cut_clip(self._job.source, clip, file, thumbnail)
            except CuttingError as error:
                await self._clips.update_clip_status(clip.clip_id, ClipStatus.FAILED, error_message=str(error))
                return
            await self._report(clip, file, thumbnail)

    async def _report(self, clip: ClipMetadata, file: Path, thumbnail: Path) -> None:
        """The files are in R2, and then the clip is completed: nobody ever sees a clip that cannot be played."""
        image_key = thumbnail_key(clip.user_id, clip.video_id, clip.filename)
        await self._storage.put(image_key, thumbnail, "image/jpeg")
        await self._storage.put(clip.r2_key, file, "video/mp4")
        stored = await self._storage.head(clip.r2_key)
        if stored is None:
            raise ObjectNotFoundError(clip.r2_key)
        await self._clips.update_clip_status(
            clip.clip_id, ClipStatus.COMPLETED, file_size_bytes=stored.size_bytes, has_thumbnail=True
        )

    async def _finish(self, video: VideoMetadata) -> VideoStatus:
        missing = await self._clips.count_clips() - await self._clips.count_clips(ClipStatus.COMPLETED)
        status = VideoStatus.FAILED if missing else VideoStatus.COMPLETED
        if video.status is not status:
            message = f"{missing} clips were not cut." if missing else None
            await self._videos.update_video_status(video.video_id, status, error_message=message)
        return status


async def cut_clip(source: Path, clip: ClipMetadata, file: Path, thumbnail: Path) -> None:
    """`file` is the clip, cut out of the source, and `thumbnail` its middle; `CuttingError` where ffmpeg cannot.

    The same cut has the same bytes, whichever worker makes it: two that race upload the same files.
    """
    picture = ["-vf", FILTERS[clip.style], "-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact"]
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    middle = ["-ss", str(clip.duration_seconds / 2), "-frames:v", "1", "-q:v", "4"]
    await _run_ffmpeg(
        *("-ss", clip.start_time, "-t", str(clip.duration_seconds), "-i", str(source)),
        *(*picture, *codec, "-movflags", "+faststart", str(file)),
        *(*picture, *middle, str(thumbnail)),
    )
    # Past the end of its source ffmpeg makes a clip without pictures, and calls it a success.
    if not await asyncio.to_thread(thumbnail.exists):
        raise CuttingError(f"The video has no frame from {clip.start_time} to {clip.end_time}.")


async def _run_ffmpeg(*arguments: str) -> None:
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise CuttingError(lines[-1] if lines else "ffmpeg failed without a message.")


def make_plan(job: Job, content: bytes) -> Plan:
    """The documents that the job makes; `ImpossibleJobError` where its highlights make no video, or one clip twice."""
    try:
        highlights, _ = parse_highlights(content)
        plan = Plan(_describe_video(job, highlights), tuple(_describe_clips(job, highlights)))
    except HighlightsError as error:
        raise ImpossibleJobError(str(error)) from error
    except ValidationError as error:
        raise ImpossibleJobError(describe_error(error)) from error
    for filename, number in Counter(clip.filename for clip in plan.clips).items():
        if number > 1:
            raise ImpossibleJobError(f"{number} highlights have the same clip, {filename}.")
    return plan


def describe_error(error: ValidationError) -> str:
    """The wrong value and what is wrong with it, in one line."""
    return f"{'.'.join(map(str, error.path))}: {error.message}"


def _describe_video(job: Job, highlights: Highlights) -> VideoMetadata:
    values = {
        "user_id": job.user_id,
        "video_id": job.video_id,
        "video_url": highlights.video_url,
        "video_title": highlights.video_title,
        "custom_prompt": highlights.custom_prompt,
        "highlights_count": len(highlights.highlights),
        "styles_processed": list(job.styles),
    }
    return validate_model(VideoMetadata, {name: value for name, value in values.items() if value is not None})


def _describe_clips(job: Job, highlights: Highlights) -> Iterator[ClipMetadata]:
    for index, one in enumerate(highlights.highlights):
        if one.start_time is None or one.end_time is None:
            continue
        for style in job.styles:
            values = {
                "user_id": job.user_id,
                "video_id": job.video_id,
                "filename": format_clip_filename(ClipName(one.priority, one.id, _to_slug(one.title), style)),
                "scene_id": one.id,
                "scene_title": one.title,
                "scene_description": one.description,
                "style": style,
                "priority": one.priority,
                "start_time": one.start_time,
                "end_time": one.end_time,
            }
            yield validate_model(ClipMetadata, values, path=("highlights", index))


def _to_slug(title: str) -> str:
    return NOT_IN_SLUG.sub("-", title.lower()).strip("-")[:MAX_SLUG_CHARACTERS]


async def work(job: Job, settings: Settings) -> VideoStatus:
    """The job is done against the Firestore and R2 that the settings lead to; how the video ended."""
    firestore = create_client(
        project=settings.google_cloud_project,
        database=settings.firestore_database,
        emulator_host=settings.firestore_emulator_host,
    )
    storage = R2Storage(**settings.resolve_r2()._asdict(), cache_control=settings.upload_cache_control)
    try:
        return await Worker(job, firestore, storage).run()
    finally:
        firestore.close()
        storage.close()


EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(help="Cut the highlights out of a video, upload the clips and report their status.")
@click.argument("source", type=EXISTING_FILE)
@click.argument("highlights", type=EXISTING_FILE)
@click.option("--user", "user_id", required=True, help="Owner of the video.")
@click.option("--video-id", required=True, help="The video's id.")
@click.option(
    "--style", "styles", type=click.Choice(list(FILTERS)), multiple=True, default=["original"], show_default=True
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data directory of the embedded servers; ./data.",
)
def main(
    source: Path, highlights: Path, user_id: str, video_id: str, styles: tuple[str, ...], data_dir: Path | None
) -> None:
    """Exits 0 once the video is completed, and 2 where it never can be; for any other end the job is to come again."""
    job = Job(user_id, video_id, source, highlights, tuple(dict.fromkeys(styles)))
    try:
        with connect_services(data_dir) as settings:
            status = asyncio.run(work(job, settings))
    except VideoBeingDeletedError as error:
        raise click.ClickException(f"{error} Run the same job again then.") from None
    except ValidationError as error:  # of ids that no document can have
        raise click.UsageError(f"{describe_error(error)} This job can never succeed.") from None
    except (ImpossibleJobError, VideoAlreadyExistsError) as error:
        raise click.UsageError(f"{error} This job can never succeed.") from None
    except (RepositoryError, StorageError) as error:
        raise click.ClickException(f"{error} Run the same job again to continue.") from None
    click.echo(f"The video {video_id} is {status}.")
    if status is not VideoStatus.COMPLETED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
