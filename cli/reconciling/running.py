"""Walks through all videos of both sides, one at a time, and hands on what differs."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any

from rich.progress import Progress

from cli.reconciling.confirming import Confirmer
from cli.reconciling.drift import Drift, Rules
from cli.reconciling.files import Folder, list_folders, list_users
from cli.reconciling.judging import judge_video
from cli.reconciling.mending import Mender
from cli.reconciling.merging import merge, to_order
from cli.reconciling.uploads import find_stale_uploads
from gql.context import Services
from repositories.exceptions import ConflictError, NotFoundError, ValidationError
from repositories.scanning import ScannedVideo, Scanner


class Outcome(StrEnum):
    """What became of a drift."""

    FOUND = "found"
    MENDED = "mended"
    LEFT = "left"


@dataclass
class Summary:
    """What a run saw, and what became of it, by kind and outcome."""

    videos: int = 0
    clips: int = 0
    files: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    @property
    def has_drift(self) -> bool:
        """Whether anything differs still."""
        return any(outcome != Outcome.MENDED for _, outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON shows it."""
        by_kind: dict[str, dict[str, int]] = {}
        for (kind, outcome), count in self.outcomes.items():
            by_kind.setdefault(str(kind), {})[str(outcome)] = count
        counts = {"videos": self.videos, "clips": self.clips, "files": self.files}
        return {**counts, "drift": by_kind, "remarks": self.remarks}


class Reconciler:
    """One run. `reached` is the video that was looked at last, as `user/video`: where another run can go on."""

    def __init__(
        self,
        services: Services,
        rules: Rules,
        progress: Progress,
        report: Callable[[Drift, Outcome], None],
        *,
        fix: bool = False,
        delete_orphans: bool = False,
    ) -> None:
        self.reached: str | None = None
        self.summary = Summary()
        self._services = services
        self._rules = rules
        self._progress = progress
        self._task = progress.add_task("Comparing videos", total=0)
        self._report = report
        self._scanner = Scanner(services.firestore, timeout_seconds=services.settings.firestore_timeout_seconds)
        self._confirmer = Confirmer(services, self._scanner, rules)
        self._mender: Mender | None = None
        if fix:
            remark = self.summary.remarks.append
            self._mender = Mender(
                services, self._scanner, self._confirmer, rules, remark, delete_orphans=delete_orphans
            )

    async def run(self, user_id: str | None = None, resume_after: tuple[str, str] | None = None) -> Summary:
        """Every video of the user, or of all users, was looked at; with `resume_after`, those behind that one."""
        reached = None if resume_after is None else tuple(map(to_order, resume_after))
        async for found_id in self._list_users(user_id):
            if reached is not None and to_order(found_id) < reached[0]:
                continue
            try:
                await self._run_user(found_id, reached)
            except ValidationError as error:
                self.summary.remarks.append(f"{found_id} is left out: {error.message}")
        async for drift, upload in find_stale_uploads(self._services.storage, user_id, self._rules):
            if self._mender is not None:
                # Whoever completed it meanwhile keeps the file: an upload that is over is not aborted.
                await self._services.storage.abort_multipart_upload(upload.key, upload.upload_id)
            self._note(drift, Outcome.FOUND if self._mender is None else Outcome.MENDED)
        return self.summary

    async def _list_users(self, user_id: str | None) -> AsyncIterator[str]:
        if user_id is not None:
            yield user_id
            return
        async for found_id, _ in merge(self._scanner.list_users(), list_users(self._services.storage)):
            yield found_id

    async def _run_user(self, user_id: str, reached: tuple[bytes, ...] | None) -> None:
        self._expect(await self._services.videos(user_id).count_videos())
        folders = list_folders(self._services.storage, user_id)
        async for video_id, folder in merge(self._scanner.list_videos(user_id), folders):
            self._progress.advance(self._task)
            if reached is not None and (to_order(user_id), to_order(video_id)) <= reached:
                continue
            try:
                await self._run_video(folder or Folder(user_id, video_id))
            except ValidationError as error:
                self.summary.remarks.append(f"{user_id}/{video_id} is left out: {error.message}")
            self.reached = f"{user_id}/{video_id}"

    def _expect(self, videos: int) -> None:
        """The bar is longer by so many videos."""
        total = self._progress.tasks[self._task].total or 0
        self._progress.update(self._task, total=total + videos)

    async def _run_video(self, folder: Folder) -> None:
        video = await self._scanner.read_video(folder.user_id, folder.video_id)
        self.summary.videos += 1
        self.summary.clips += len(video.clips)
        self.summary.files += len(folder.objects)
        if video.is_unreadable:
            self.summary.remarks.append(f"{folder.user_id}/{folder.video_id} is left out: its document is unreadable.")
        unreadable = [clip.clip_id for clip in video.clips.values() if clip.clip is None and not clip.is_deleting]
        for clip_id in unreadable:
            self.summary.remarks.append(
                f"{folder.user_id}/{folder.video_id}/{clip_id} is left out: its document is unreadable."
            )
        # All of it is confirmed before any is mended: mending one changes what the others look like.
        confirmed = [await self._confirmer.confirm(drift, video) for drift in judge_video(video, folder, self._rules)]
        for _, same_kind in groupby(filter(None, confirmed), key=lambda drift: drift.kind):
            await self._settle(list(same_kind), video, folder)

    async def _settle(self, drifts: list[Drift], video: ScannedVideo, folder: Folder) -> None:
        outcomes = [Outcome.FOUND] * len(drifts)
        if self._mender is not None:
            mended = await self._mend(self._mender, drifts, video, folder)
            outcomes = [Outcome.MENDED if is_mended else Outcome.LEFT for is_mended in mended]
        for drift, outcome in zip(drifts, outcomes, strict=True):
            self._note(drift, outcome)

    def _note(self, drift: Drift, outcome: Outcome) -> None:
        self.summary.outcomes[drift.kind, outcome] += 1
        self._report(drift, outcome)

    async def _mend(self, mender: Mender, drifts: list[Drift], video: ScannedVideo, folder: Folder) -> list[bool]:
        try:
            return await mender.mend(drifts, video, folder)
        except (ConflictError, NotFoundError, ValidationError) as error:
            self.summary.remarks.append(f"{drifts[0].place} is left as it is: {error.message}")
            return [False] * len(drifts)
