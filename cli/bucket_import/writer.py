"""Writes what was read: files first, then the documents that say they are there. Stopped and run again, it goes on."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from rich.progress import Progress, TaskID

from cli.bucket_import.corrections import Correction, correct_clip, correct_video, find_known_styles
from cli.bucket_import.listing import Problem, VideoFiles, list_videos
from cli.bucket_import.reader import VideoReading, describe_video, parse_file, read_video
from cli.bucket_import.report import Report
from cli.bucket_import.sources import MAX_HIGHLIGHTS_BYTES, Source, SourceFile
from cli.bucket_import.uploader import FileFaultError, Uploader
from domain.keys import thumbnail_filename, thumbnail_key
from gql.services import Services
from repositories.exceptions import ConflictError, DocumentTooLargeError, NotFoundError, ValidationError
from repositories.models import ClipMetadata, ClipStatus
from repositories.scanner import ScannedClip, ScannedVideo, Scanner
from repositories.unit_of_work import UnitOfWork
from storage.exceptions import ObjectNotFoundError, ObjectTooLargeError

# Files of one batch are uploaded together, then their documents are written in one commit.
CLIPS_PER_BATCH = 50


@dataclass
class _Video:
    """A video that is being imported: its documents as they are, and its files as they were read."""

    scanned: ScannedVideo
    clips: dict[str, ScannedClip]
    reading: VideoReading
    base: VideoReading | None = None
    unit: UnitOfWork | None = None
    """The unit of work that buffers a dry run's writes, so that it meets the refusals of the real run."""


class Importer:
    """One import from a source into Firestore, and into R2 where the source is a folder."""

    def __init__(self, services: Services, source: Source, progress: Progress, *, dry_run: bool = False) -> None:
        self._services = services
        self._source = source
        self._progress = progress
        self._task = TaskID(0)
        self._dry_run = dry_run
        self._scanner = Scanner(services.firestore, timeout_seconds=services.settings.firestore_timeout_seconds)
        self._uploader = Uploader(services.storage, dry_run=dry_run)
        self._report = Report()

    async def run(self, user_id: str | None = None) -> Report:
        """Every video of the source (of `user_id` only, if given) has its metadata."""
        videos, problems = await list_videos(self._source, user_id)
        self._report.problems.extend(problems)
        self._task = self._progress.add_task("Importing clips", total=sum(len(video.clips) for video in videos))
        for files in videos:
            try:
                await self._import_video(files)
            except (ValidationError, ConflictError, NotFoundError) as error:
                self._note(files.folder, f"is skipped: {error}")
        self._report.files_uploaded = self._uploader.files_uploaded
        return self._report

    def _note(self, key: str, text: str) -> None:
        self._report.problems.append(Problem(key, text))

    async def _import_video(self, files: VideoFiles) -> None:
        scanned = await self._scanner.read_video(files.user_id, files.video_id)
        if scanned.is_deleting:
            self._note(files.folder, "is being deleted: skipped.")
            self._progress.advance(self._task, len(files.clips))
            return
        video = await self._read(files, scanned)
        self._report.problems.extend(video.reading.problems)
        if video.reading.video is None:
            self._progress.advance(self._task, len(files.clips))
            return
        await self._upload_described(video.reading)
        await self._write_video(video)
        await self._import_clips(video)

    async def _read(self, files: VideoFiles, scanned: ScannedVideo) -> _Video:
        """The video's documents and files, each read once."""
        if any(file.path is not None for file in files.all):
            await self._uploader.look(files.folder)
        styles = find_known_styles(scanned.video, scanned.guesses)
        clips = {one.clip_id: one async for one in self._scanner.list_clips(files.user_id, files.video_id)}
        filenames = {one.clip.filename for one in clips.values() if one.clip is not None}
        reading = await read_video(self._source, files, scanned.video, styles, filenames)
        base = await self._read_base(reading, scanned, styles, filenames)
        unit = self._services.videos(files.user_id).rehearse() if self._dry_run else None
        return _Video(scanned, clips, reading, base, unit)

    async def _read_base(
        self, reading: VideoReading, scanned: ScannedVideo, styles: list[str], filenames: Collection[str]
    ) -> VideoReading | None:
        """The content of the highlights.json in R2, where the folder has another: documents may still follow it."""
        file = reading.files.highlights
        if scanned.video is None or file is None or reading.content is None or self._uploader.find(file.key) is None:
            return None
        if await self._uploader.check_same(file, reading.content):
            return None
        try:
            content = await self._services.storage.get(file.key, max_bytes=MAX_HIGHLIGHTS_BYTES)
        except (ObjectNotFoundError, ObjectTooLargeError):
            return None
        return describe_video(reading.files, parse_file(file.key, content), scanned.video, styles, filenames)

    # Files

    async def _upload_described(self, reading: VideoReading) -> None:
        """The highlights.json is in R2 as it was read, and so are the files that are no clip's."""
        files = reading.files
        if files.highlights is not None:
            await self._try_upload(files.highlights, reading.content)
        for file in files.others.values():
            is_taken = await self._try_upload(file)
            suffix = "kept in R2 without a document" if is_taken else "uploaded without a document"
            self._note(file.key, f"{files.reasons[file.key]}: {suffix}.")

    async def _try_upload(self, file: SourceFile, content: bytes | None = None) -> bool:
        """Whether the file is in R2; a fault of it is a remark."""
        try:
            await self._uploader.upload(file, content)
        except FileFaultError as error:
            self._note(file.key, f"{error}: skipped.")
            return False
        return True

    # Documents

    async def _write_video(self, video: _Video) -> None:
        found, known = video.reading.video, video.scanned.video
        if found is None:
            return
        videos = self._services.videos(found.user_id)
        if known is None:
            await videos.create_video(found, guesses=video.reading.guesses.get(None), transaction=video.unit)
            if video.clips:
                await videos.update_clip_statistics(found.video_id, transaction=video.unit)
            self._report.videos_created += 1
            return
        plan = correct_video(known, video.scanned.guesses, video.reading, video.base)
        if plan.differences:
            names = ", ".join(plan.differences)
            self._note(video.reading.files.folder, f"has files whose values differ from its metadata ({names}).")
        if not plan.check_writes(video.scanned.guesses):
            self._report.videos_unchanged += 1
            return
        try:
            corrected = await videos.correct_video(known, plan.changes, plan.guesses, transaction=video.unit)
        except DocumentTooLargeError as error:
            self._note(video.reading.files.folder, f"has metadata that is kept: {error}")
            self._report.videos_unchanged += 1
            return
        if corrected is None:
            self._note(video.reading.files.folder, "changed meanwhile: its metadata is kept.")
        else:
            self._report.videos_updated += 1

    async def _import_clips(self, video: _Video) -> None:
        reading = video.reading
        differences = Counter[str]()
        new: list[ClipMetadata] = []
        for clip in reading.clips:
            scanned = video.clips.get(clip.clip_id)
            if scanned is None:
                new.append(clip)
            else:
                differences.update(await self._visit_known(video, clip, scanned))
        if differences:
            told = ", ".join(f"{name} of {count}" for name, count in sorted(differences.items()))
            self._note(reading.files.folder, f"has clips whose files differ from their metadata ({told}).")
        self._progress.advance(self._task, len(reading.files.clips) - len(new))
        for start in range(0, len(new), CLIPS_PER_BATCH):
            await self._create_batch(video, new[start : start + CLIPS_PER_BATCH])
        self._note_lone_thumbnails(video)

    # Clips that are there

    async def _visit_known(self, video: _Video, clip: ClipMetadata, scanned: ScannedClip) -> Iterable[str]:
        """The clip's guesses give way to what is known by now; answers the facts in which its files say otherwise."""
        file, known = video.reading.files.clips[clip.filename], scanned.clip
        if known is None or known.filename != clip.filename:
            reason = "is being deleted" if scanned.is_deleting else "has another file"
            self._note(file.key, f"is skipped: the clip {clip.clip_id!r} {reason}.")
            return ()
        plan = correct_clip(known, scanned.guesses, video.reading, video.base)
        is_corrected = await self._write_correction(video, known, scanned, plan)
        if await self._restore_files(video, clip, known) or is_corrected:
            self._report.clips_updated += 1
        else:
            self._report.clips_unchanged += 1
        return plan.differences

    async def _write_correction(
        self, video: _Video, known: ClipMetadata, scanned: ScannedClip, plan: Correction
    ) -> bool:
        if not plan.check_writes(scanned.guesses):
            return False
        clips = self._services.clips(known.user_id, known.video_id)
        try:
            corrected = await clips.correct_clip(known, plan.changes, plan.guesses, transaction=video.unit)
        except ValidationError as error:
            self._note(known.r2_key, f"has metadata that is kept: {error}")
            return False
        if corrected is None:
            self._note(known.r2_key, "changed meanwhile: its metadata is kept.")
        return corrected is not None

    async def _restore_files(self, video: _Video, clip: ClipMetadata, known: ClipMetadata) -> bool:
        """R2 has the clip's files; what it has stays, and what differs is told.

        Answers whether the document was changed, because a file was missing.
        """
        files = video.reading.files
        file, thumbnail = files.clips[clip.filename], files.thumbnails.get(thumbnail_filename(clip.filename))
        restored = [one for one in (file, thumbnail) if one is not None and await self._restore(one)]
        if known.status is not ClipStatus.COMPLETED:
            self._note(file.key, f"belongs to a clip with the status {known.status.name}: its metadata is kept.")
            return False
        sizes = {one.key: one.size_bytes for one in restored}
        size_bytes = sizes.get(file.key, known.file_size_bytes)
        has_thumbnail = known.has_thumbnail or (thumbnail is not None and thumbnail.key in sizes)
        if file.path is None and file.size_bytes != known.file_size_bytes:
            text = f"has {file.size_bytes} bytes, its metadata {known.file_size_bytes}: kept."
            self._note(file.key, text)
        if (size_bytes, has_thumbnail) == (known.file_size_bytes, known.has_thumbnail):
            return False
        await self._services.clips(known.user_id, known.video_id).update_clip_status(
            known.clip_id,
            ClipStatus.COMPLETED,
            file_size_bytes=size_bytes,
            has_thumbnail=has_thumbnail,
            transaction=video.unit,
        )
        return True

    async def _restore(self, file: SourceFile) -> bool:
        """Whether the file was missing in R2, and is there now."""
        if file.path is None:
            return False
        if self._uploader.find(file.key) is None:
            return await self._try_upload(file)
        try:
            if not await self._uploader.check_same(file):
                self._note(file.key, "differs from the file in R2, which is kept.")
        except FileFaultError as error:
            self._note(file.key, f"{error}.")
        return False

    # Clips that are new

    async def _create_batch(self, video: _Video, clips: list[ClipMetadata]) -> None:
        """The clips' files are in R2, and then their documents, which say what R2 has."""
        described = await asyncio.gather(*(self._bring_files(video.reading, clip) for clip in clips))
        batch = [clip for clip in described if clip is not None]
        if batch:
            await self._create(video, batch)
        self._progress.advance(self._task, len(clips))

    async def _create(self, video: _Video, clips: list[ClipMetadata]) -> None:
        """The clips have documents; one that cannot have is left out with a remark, and the others are not."""
        guesses = {clip.clip_id: video.reading.guesses.get(clip.clip_id, {}) for clip in clips}
        repository = self._services.clips(video.reading.files.user_id, video.reading.files.video_id)
        try:
            outcomes = await repository.try_create_clips(clips, guesses=guesses, transaction=video.unit)
        except ValidationError as error:
            if len(clips) == 1:
                self._note(clips[0].r2_key, f"is skipped: {error}")
                return
            half = len(clips) // 2
            await self._create(video, clips[:half])
            await self._create(video, clips[half:])
            return
        for clip, outcome in zip(clips, outcomes, strict=True):
            if isinstance(outcome, ConflictError):
                self._note(clip.r2_key, f"is skipped: {outcome}")
            elif outcome[1]:
                self._report.clips_created += 1
            else:
                self._report.clips_unchanged += 1

    async def _bring_files(self, reading: VideoReading, clip: ClipMetadata) -> ClipMetadata | None:
        """The clip as R2 has it; None, with a remark, where its file cannot be brought there."""
        file = reading.files.clips[clip.filename]
        thumbnail = reading.files.thumbnails.get(thumbnail_filename(clip.filename))
        if not await self._try_upload(file):
            self._leave_thumbnail(thumbnail)
            return None
        if thumbnail is not None:
            await self._try_upload(thumbnail)
        return clip if self._dry_run else await self._describe(clip, thumbnail)

    async def _describe(self, clip: ClipMetadata, thumbnail: SourceFile | None) -> ClipMetadata | None:
        image_key = thumbnail_key(clip.user_id, clip.video_id, clip.filename)
        stored, image = await asyncio.gather(*map(self._services.storage.head, (clip.r2_key, image_key)))
        if stored is None or not stored.size_bytes:
            self._note(clip.r2_key, "is empty or no longer in R2: skipped.")
            self._leave_thumbnail(thumbnail)
            return None
        return clip.with_file(file_size_bytes=stored.size_bytes, has_thumbnail=image is not None)

    # Thumbnails

    def _leave_thumbnail(self, thumbnail: SourceFile | None) -> None:
        if thumbnail is not None:
            self._note(thumbnail.key, "is the thumbnail of a skipped clip: skipped.")

    def _note_lone_thumbnails(self, video: _Video) -> None:
        """A remark for each thumbnail whose clip is not there."""
        files = video.reading.files
        described = {thumbnail_filename(clip.filename) for clip in video.reading.clips}
        known = {thumbnail_filename(one.clip.filename) for one in video.clips.values() if one.clip is not None}
        for name, file in files.thumbnails.items():
            if name not in described | known:
                self._note(file.key, "is a thumbnail without a clip: skipped.")
