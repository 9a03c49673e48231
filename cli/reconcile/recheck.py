"""Looks again at what seemed to differ: lists are old when they are compared, and workers go on writing."""

import asyncio

from cli.reconcile.drift import Drift, DriftKind, Rules
from cli.reconcile.judge import (
    describe_statistics,
    find_keys,
    judge_clip,
    judge_delete,
    judge_video_document,
)
from gql.services import Services
from repositories.exceptions import ContentionError
from repositories.firestore.backoff import RPC_BACKOFF
from repositories.scanner import ScannedClip, ScannedVideo, Scanner
from storage.r2 import StoredObject

ATTEMPTS = 5
"""A document that is written as often as this while it is looked at has somebody who cares for it."""


class Rechecker:
    """Asks both sides for single documents and files. What it answers held at one moment of now."""

    def __init__(self, services: Services, scanner: Scanner, rules: Rules) -> None:
        self._services = services
        self._scanner = scanner
        self._rules = rules

    async def recheck(self, drift: Drift, video: ScannedVideo) -> Drift | None:
        """The drift as it is now, or None where it is none (any more)."""
        if drift.kind is DriftKind.FILE_WITHOUT_METADATA:
            return drift if await self._check_is_orphan(drift) else None
        if drift.kind is DriftKind.GUESS_OUTDATED:
            return drift  # found in documents and files as they are now
        if drift.kind is DriftKind.STATISTICS_DIFFER:
            return await self.recheck_statistics(drift.user_id, drift.video_id)
        if drift.clip_id is not None:
            found = await self._judge_clip(drift, drift.clip_id)
        else:
            now = await self._scanner.read_video(video.user_id, video.video_id)
            found = [*judge_delete(now, self._rules), *judge_video_document(now, self._rules)]
        return next((one for one in found if one.kind is drift.kind), None)

    async def recheck_statistics(self, user_id: str, video_id: str) -> Drift | None:
        """The drift if the statistics differ from a count in the same transaction."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._compare_statistics(user_id, video_id)
            except ContentionError:
                await asyncio.sleep(RPC_BACKOFF.compute_seconds(attempt))
        return None

    async def look_at(self, video: ScannedVideo, clip_id: str) -> tuple[ScannedClip | None, list[StoredObject | None]]:
        """The clip's document, with its file and its thumbnail as they were while the document did not change."""
        user_id, video_id = video.user_id, video.video_id
        for _ in range(ATTEMPTS):
            before = await self._scanner.read_clip(user_id, video_id, clip_id)
            if before is None:
                break
            keys = [key for key in find_keys(before) if key is not None]
            files = list(await asyncio.gather(*map(self._services.storage.head, keys)))
            if await self._scanner.read_clip(user_id, video_id, clip_id) == before:
                return before, files or [None, None]
        return None, [None, None]

    async def _judge_clip(self, drift: Drift, clip_id: str) -> list[Drift]:
        now = await self._scanner.read_video(drift.user_id, drift.video_id)
        clip, (file, thumbnail) = await self.look_at(now, clip_id)
        if clip is None or now.is_deleting:
            return []
        return list(judge_clip(now, clip, file, thumbnail, self._rules))

    async def _check_is_orphan(self, drift: Drift) -> bool:
        now = await self._scanner.read_video(drift.user_id, drift.video_id)
        if now.is_deleting or drift.key is None:
            return False
        file = await self._services.storage.head(drift.key)
        if file is None or not self._rules.check_is_orphan(file.last_modified):
            return False
        if drift.clip_id is None:
            return now.video is None
        return await self._scanner.read_clip(drift.user_id, drift.video_id, drift.clip_id) is None

    async def _compare_statistics(self, user_id: str, video_id: str) -> Drift | None:
        videos, clips = self._services.videos(user_id), self._services.clips(user_id, video_id)
        async with videos.transaction() as transaction:
            video = await videos.get_video(video_id, transaction=transaction)
            if video is None:
                return None
            counted = await clips.count_by_style(transaction)
        if (video.clips_count, video.clips_by_style) == (counted.total(), counted):
            return None
        text = describe_statistics(video.clips_count, counted.total())
        return Drift(DriftKind.STATISTICS_DIFFER, user_id, video_id, text)
