"""Writes what was read: files first, then the documents that say they are there. Stopped and run again, it goes on."""

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.progress import Progress, TaskID

from cli.bucket_import.reader import Problem, VideoReading, read_video
from cli.bucket_import.sources import Source, SourceFile, VideoFiles, guess_content_type, list_videos
from gql.context import Services
from repositories.exceptions import ConflictError, ValidationError
from repositories.models import ClipMetadata

# Files of one batch are uploaded together, then their documents are written in one commit.
CLIPS_PER_BATCH = 50
# A page that holds every clip of a video.
ALL_CLIPS = 10_000


@dataclass
class Report:
    """What an import did, or would do."""

    videos_created: int = 0
    videos_updated: int = 0
    clips_created: int = 0
    clips_unchanged: int = 0
    files_uploaded: int = 0
    problems: list[Problem] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON shows it."""
        return asdict(self)


class Importer:
    """One import from a source into Firestore, and into R2 where the source is a folder."""

    def __init__(self, services: Services, source: Source, progress: Progress, *, dry_run: bool = False) -> None:
        self._services = services
        self._source = source
        self._progress = progress
        self._dry_run = dry_run
        self._report = Report()

    async def run(self, user_id: str | None = None) -> Report:
        """Every video of the source (of `user_id` only, if given) has its metadata."""
        videos, strays = await list_videos(self._source, user_id)
        self._report.problems.extend(Problem(file.key, "belongs to no video, and is left out.") for file in strays)
        task = self._progress.add_task("Importing clips", total=sum(len(video.clips) for video in videos))
        for files in videos:
            try:
                await self._import_video(files, task)
            except (ValidationError, ConflictError) as error:
                key = f"{files.user_id}/{files.video_id}/"
                self._report.problems.append(Problem(key, f"is left out: {error.message}"))
        return self._report

    async def _import_video(self, files: VideoFiles, task: TaskID) -> None:
        repository = self._services.videos(files.user_id)
        known = await repository.get_video(files.video_id)
        reading = await read_video(self._source, files, known)
        self._report.problems.extend(reading.problems)
        if reading.video is None:
            self._progress.advance(task, len(files.clips))
            return
        if known is None:
            self._report.videos_created += 1
        else:
            self._report.videos_updated += 1
        if not self._dry_run:
            described = [file for file in files.all if file not in files.clips.values()]
            await self._upload(described)
            await repository.create_or_update_video(reading.video)
        await self._import_clips(reading, task)

    async def _import_clips(self, reading: VideoReading, task: TaskID) -> None:
        repository = self._services.clips(reading.files.user_id, reading.files.video_id)
        known = {clip.clip_id: clip for clip in await repository.list_clips(limit=ALL_CLIPS)}
        for clip in reading.clips:
            self._note_difference(reading, clip, known.get(clip.clip_id))
        new = [clip for clip in reading.clips if clip.clip_id not in known]
        self._report.clips_unchanged += len(reading.clips) - len(new)
        self._progress.advance(task, len(reading.files.clips) - len(new))
        for batch in _batched(new):
            if not self._dry_run:
                await self._upload([reading.files.clips[clip.filename] for clip in batch])
                await repository.create_clips_batch(batch)
            self._report.clips_created += len(batch)
            self._progress.advance(task, len(batch))

    def _note_difference(self, reading: VideoReading, clip: ClipMetadata, known: ClipMetadata | None) -> None:
        if known is None or known.file_size_bytes == clip.file_size_bytes:
            return
        text = f"has {clip.file_size_bytes} bytes, its metadata says {known.file_size_bytes}: left as it is."
        self._report.problems.append(Problem(reading.files.clips[clip.filename].key, text))

    async def _upload(self, files: list[SourceFile]) -> None:
        """The files of a folder are in R2; those of the bucket are there already."""
        await asyncio.gather(*(self._upload_file(file) for file in files if file.path is not None))

    async def _upload_file(self, file: SourceFile) -> None:
        if file.path is None:
            return
        stored = await self._services.storage.head(file.key)
        if stored is not None and stored.size_bytes == file.size_bytes:
            return
        await self._services.storage.put(file.key, file.path, content_type=guess_content_type(file.key))
        self._report.files_uploaded += 1


def _batched(clips: list[ClipMetadata]) -> list[list[ClipMetadata]]:
    return [clips[start : start + CLIPS_PER_BATCH] for start in range(0, len(clips), CLIPS_PER_BATCH)]
