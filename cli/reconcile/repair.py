"""Repairs what differs, each kind in the direction that loses nothing, and only while it still is as it was judged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC

from cli.bucket_import.reader import VideoReading, read_video
from cli.bucket_import.sources import BucketSource
from cli.reconcile.compare import compare_video
from cli.reconcile.drift import Drift, DriftKind, Rules
from cli.reconcile.files import Folder, read_folder
from cli.reconcile.guesses import correct_guess, find_outdated_guesses
from cli.reconcile.judge import judge_clip
from cli.reconcile.recheck import ATTEMPTS, Rechecker
from domain.keys import folder_prefix
from gql.services import Services
from repositories.exceptions import ClipBeingDeletedError, ContentionError
from repositories.firestore.backoff import RPC_BACKOFF
from repositories.models import ClipMetadata, ClipStatus, VideoStatus
from repositories.scanner import ScannedClip, ScannedVideo, Scanner
from repositories.tombstones import UnfinishedDelete
from storage.r2 import StoredObject

# One commit each, and of files one request to delete them.
FILES_PER_BATCH = 50

Repaired = AsyncIterator[tuple[Drift, bool]]
"""Each drift with whether it is repaired, as soon as that is known."""


class Repairer:
    """Repairs the drift of one video after the other. Orphans are deleted only where that was asked for by name."""

    def __init__(
        self,
        services: Services,
        scanner: Scanner,
        rechecker: Rechecker,
        rules: Rules,
        remark: Callable[[str], None],
        *,
        delete_orphans: bool,
    ) -> None:
        self._remark = remark
        self._services = services
        self._scanner = scanner
        self._rechecker = rechecker
        self._rules = rules
        self._delete_orphans = delete_orphans

    async def repair(self, drifts: list[Drift], video: ScannedVideo) -> Repaired:
        """Repairs drifts of one kind that were just rechecked; what changed meanwhile is left.

        `video` is as it was when they were found. Several drifts at once only of files without metadata, and guesses.
        """
        if drifts[0].kind is DriftKind.GUESS_OUTDATED:
            async for repaired in self._correct_guesses(drifts, video):
                yield repaired
            return
        if drifts[0].kind is not DriftKind.FILE_WITHOUT_METADATA:
            for drift in drifts:
                yield drift, await self._repair_one(drift, video)
            return
        repair_files = self._delete_files if self._delete_orphans else self._import_files
        async for repaired in repair_files(drifts, video):
            yield repaired

    async def _repair_one(self, drift: Drift, video: ScannedVideo) -> bool:
        if drift.kind is DriftKind.DOCUMENT_ODD:
            return await self._repair_document(drift)
        for attempt in range(ATTEMPTS):
            try:
                return await self._try_repair(drift, video)
            except ContentionError:
                await asyncio.sleep(RPC_BACKOFF.compute_seconds(attempt))
        return False

    async def _try_repair(self, drift: Drift, video: ScannedVideo) -> bool:
        if drift.kind is DriftKind.UNFINISHED_DELETE:
            unfinished = UnfinishedDelete(drift.video_id, drift.clip_id, None)
            await self._services.videos(drift.user_id).finish_delete(unfinished, self._services.storage)
            return True
        if drift.clip_id is None:
            return await self._repair_video(drift)
        clip, (file, thumbnail) = await self._rechecker.look_at(video, drift.clip_id)
        if clip is None:
            return False
        if drift.kind is DriftKind.CLIP_WITHOUT_VIDEO:
            return await self._repair_orphan(clip)
        if drift.kind in {one.kind for one in judge_clip(video, clip, file, thumbnail, self._rules)}:
            return await self._repair_clip(drift, clip, file, thumbnail)
        return True  # somebody took the clip up meanwhile, or an earlier repair repaired this, too

    async def _repair_document(self, drift: Drift) -> bool:
        """Whether no odd field is left: those with a certain value are written, the others stay for a person."""
        if drift.clip_id is None:
            video = await self._services.videos(drift.user_id).mend_video(drift.video_id)
            return not video.mended
        clip = await self._services.clips(drift.user_id, drift.video_id).mend_clip(drift.clip_id)
        return not clip.mended

    # Clips

    async def _repair_clip(
        self, drift: Drift, clip: ScannedClip, file: StoredObject | None, thumbnail: StoredObject | None
    ) -> bool:
        if drift.kind is DriftKind.METADATA_WITHOUT_FILE:
            steps = [ClipStatus.PROCESSING, ClipStatus.FAILED]
            return await self._update(clip, steps, error_message="The file is missing in R2, or empty.")
        has_thumbnail = thumbnail is not None
        if file is not None and file.size_bytes == 0:
            file = None  # as good as missing
        if drift.kind is DriftKind.CLIP_STUCK and (file is None or not _check_is_of_this_work(file, clip)):
            return await self._update(clip, [ClipStatus.FAILED], error_message=f"The clip {drift.text}")
        if file is None:
            return False
        return await self._update(
            clip, [ClipStatus.COMPLETED], file_size_bytes=file.size_bytes, has_thumbnail=has_thumbnail
        )

    async def _update(
        self,
        scanned: ScannedClip,
        steps: list[ClipStatus],
        *,
        error_message: str | None = None,
        file_size_bytes: int | None = None,
        has_thumbnail: bool | None = None,
    ) -> bool:
        """Whether the clip has taken the steps; it has not where its document is no longer as it was looked at."""
        clip = scanned.clip
        if clip is None:
            return False
        clips = self._services.clips(clip.user_id, clip.video_id)
        async with clips.transaction() as transaction:
            if await clips.get_clip(clip.clip_id, transaction=transaction) != clip:
                return False
            for status in steps:
                await clips.update_clip_status(
                    clip.clip_id,
                    status,
                    error_message=error_message,
                    file_size_bytes=file_size_bytes,
                    has_thumbnail=has_thumbnail,
                    transaction=transaction,
                )
        return True

    async def _repair_orphan(self, scanned: ScannedClip) -> bool:
        """The clip has a video again, as its files describe it; without files it goes, if it may."""
        clip = scanned.clip
        if clip is None:
            return False
        videos = self._services.videos(clip.user_id)
        if await videos.get_video(clip.video_id) is not None:
            return True  # an earlier repair brought it back
        folder = await read_folder(self._services.storage, clip.user_id, clip.video_id)
        if folder.objects:
            return (await self._describe(folder)).video is not None
        if not self._delete_orphans or not self._rules.check_is_orphan(scanned.updated_at):
            return False
        async with videos.transaction() as transaction:
            if await videos.get_video(clip.video_id, transaction=transaction) is not None:
                return False
            await self._services.clips(clip.user_id, clip.video_id).delete_clip(clip.clip_id, transaction=transaction)
        return True

    # Videos

    async def _repair_video(self, drift: Drift) -> bool:
        if drift.kind is DriftKind.VIDEO_STUCK:
            return await self._end_video(drift)
        await self._services.videos(drift.user_id).update_clip_statistics(drift.video_id)
        return True

    async def _end_video(self, drift: Drift) -> bool:
        """The video is completed where every style of every highlight is, and failed otherwise: it can be retried."""
        videos = self._services.videos(drift.user_id)
        clips = self._services.clips(drift.user_id, drift.video_id)
        async with videos.transaction() as transaction:
            video = await videos.get_video(drift.video_id, transaction=transaction)
            if video is None or video.status is not VideoStatus.PROCESSING:
                return False
            if await clips.count_clips(ClipStatus.PROCESSING, transaction=transaction):
                return False
            completed = await clips.count_clips(ClipStatus.COMPLETED, transaction=transaction)
            expected = video.highlights_count * len(video.styles_processed)
            status = VideoStatus.COMPLETED if 0 < expected <= completed else VideoStatus.FAILED
            await videos.update_video_status(
                drift.video_id, status, error_message=f"The video {drift.text}", transaction=transaction
            )
        return True

    async def _correct_guesses(self, drifts: list[Drift], video: ScannedVideo) -> Repaired:
        """The documents say what their files tell by now; a fact that somebody wrote meanwhile stays."""
        found = find_outdated_guesses(self._services, self._scanner, video.user_id, video.video_id)
        guesses = {guess.clip_id: guess async for guess in found}
        for drift in drifts:
            guess = guesses.get(drift.clip_id)
            yield drift, guess is None or await correct_guess(self._services, guess)

    # Files

    async def _delete_files(self, drifts: list[Drift], video: ScannedVideo) -> Repaired:
        """The files are gone, but for those that any document of the video names by now, or that came anew."""
        orphans = await self._find_orphans(video)
        for batch in _split(drifts):
            # Once more, right before: a worker may have put a file that is old in every list.
            rechecked = await asyncio.gather(*(self._rechecker.recheck(drift, video) for drift in batch))
            keys = [drift.key for drift in rechecked if drift is not None and drift.key in orphans]
            await self._services.storage.delete(filter(None, keys))
            for drift in batch:
                yield drift, drift.key in keys

    async def _find_orphans(self, video: ScannedVideo) -> set[str | None]:
        """The keys of the video's files without metadata, as all of its documents are now."""
        now = await self._scanner.read_video(video.user_id, video.video_id)
        judge = await compare_video(self._services.storage, self._scanner, now, self._rules)
        return {drift.key for drift in judge.find_files_without_metadata()}

    async def _import_files(self, drifts: list[Drift], video: ScannedVideo) -> Repaired:
        """The files have metadata, as an import would describe them; what is there already is not touched."""
        folder = await read_folder(self._services.storage, video.user_id, video.video_id)
        known = await self._services.videos(video.user_id).get_video(video.video_id)
        if known is None and video.video is not None:
            self._remark(f"{video.user_id}/{video.video_id} was deleted meanwhile: its files are kept.")
            return  # whoever deleted it must not find it again
        reading = await self._describe(folder)
        keys = {drift.key for drift in drifts}
        for problem in reading.problems:
            if problem.key in keys:
                self._remark(f"{problem.key} {problem.text}")
        # One that came anew is a worker's to describe.
        old = {key for key, found in folder.objects.items() if self._rules.check_is_orphan(found.last_modified)}
        waiting = {clip.clip_id: clip for clip in reading.clips if clip.r2_key in keys & old}
        described = {None} if reading.video else set[str | None]()
        for batch in _split(drifts):
            clip_ids = dict.fromkeys(drift.clip_id for drift in batch if drift.clip_id is not None)
            # A clip and its thumbnail may be in two batches.
            clips = [waiting.pop(one) for one in clip_ids if one in waiting]
            described |= await self._create(clips, reading, video)
            for drift in batch:
                yield drift, drift.clip_id in described

    async def _create(self, clips: list[ClipMetadata], reading: VideoReading, video: ScannedVideo) -> set[str | None]:
        """The ids of those that have a document now, be it a worker's."""
        repository = self._services.clips(video.user_id, video.video_id)
        guesses = {clip.clip_id: reading.guesses.get(clip.clip_id, {}) for clip in clips}
        outcomes = await repository.try_create_clips(clips, guesses=guesses) if clips else []
        return {
            clip.clip_id
            for clip, outcome in zip(clips, outcomes, strict=True)
            if not isinstance(outcome, ClipBeingDeletedError)
        }

    async def _describe(self, folder: Folder) -> VideoReading:
        """The folder's files as models; their video has a document."""
        videos = self._services.videos(folder.user_id)
        known = await videos.get_video(folder.video_id)
        source = BucketSource(self._services.storage, folder_prefix(folder.user_id, folder.video_id))
        reading = await read_video(source, folder.to_video_files(), known)
        if known is None and reading.video is not None:
            await videos.create_video(reading.video, guesses=reading.guesses.get(None))
            # Clips may have outlived the video's document.
            await videos.update_clip_statistics(folder.video_id)
        return reading


def _split(drifts: list[Drift]) -> Iterator[list[Drift]]:
    return (drifts[start : start + FILES_PER_BATCH] for start in range(0, len(drifts), FILES_PER_BATCH))


def _check_is_of_this_work(file: StoredObject, clip: ScannedClip) -> bool:
    """Whether the file came after the clip went into processing: an older one is of an earlier rendering."""
    # R2 tells whole seconds.
    return file.last_modified.astimezone(UTC) >= clip.updated_at.replace(microsecond=0)
