"""Walks through all videos of both sides, one at a time, and hands on what differs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, Protocol

from rich.progress import Progress

from cli.reconcile.compare import compare_video
from cli.reconcile.drift import Drift, DriftKind, Rules
from cli.reconcile.files import find_stale_uploads, list_folders
from cli.reconcile.guesses import find_outdated_guesses
from cli.reconcile.judge import Judge
from cli.reconcile.ordered_merge import merge, to_order
from cli.reconcile.recheck import Rechecker
from cli.reconcile.repair import Repairer
from domain.keys import folder_prefix
from gql.services import Services
from repositories.exceptions import ConflictError, NotFoundError, ValidationError
from repositories.scanner import ScannedVideo, Scanner
from storage.exceptions import ObjectNotFoundError

# Each asks Firestore and R2 a few times, one after the other.
RECHECKED_AT_ONCE = 8


class Outcome(StrEnum):
    """The outcome of a drift."""

    FOUND = "found"
    MENDED = "mended"
    LEFT = "left"


@dataclass
class Summary:
    """The objects that a run has read, and the outcome of their drift, by kind and outcome."""

    videos: int = 0
    clips: int = 0
    files: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: int = 0

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


class Reporter(Protocol):
    """A receiver of a run's findings, one at a time: none is kept."""

    def tell_drift(self, drift: Drift, outcome: Outcome, resume_after: str | None) -> None:
        """Reports a drift and its outcome; a run behind `resume_after`, as `user/video`, comes to it again."""

    def tell_remark(self, text: str) -> None:
        """Reports what was left out, or guessed."""


class Reconciler:
    """One run. `reached` is the video that was looked at last, as `user/video`: where another run can go on."""

    def __init__(
        self,
        services: Services,
        rules: Rules,
        progress: Progress,
        reporter: Reporter,
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
        self._reporter = reporter
        self._scanner = Scanner(services.firestore, timeout_seconds=services.settings.firestore_timeout_seconds)
        self._rechecker = Rechecker(services, self._scanner, rules)
        self._repairer: Repairer | None = None
        if fix:
            self._repairer = Repairer(
                services, self._scanner, self._rechecker, rules, self._remark, delete_orphans=delete_orphans
            )

    async def run(self, user_id: str | None = None, resume_after: tuple[str, str] | None = None) -> Summary:
        """Every video of the user, or of all users, was looked at; with `resume_after`, those behind that one."""
        reached = None
        if resume_after is not None:
            self.reached, reached = "/".join(resume_after), tuple(map(to_order, resume_after))
        async for found_id in self._list_users(user_id):
            if reached is not None and to_order(found_id) < reached[0]:
                continue
            try:
                await self._run_user(found_id, reached)
            except ValidationError as error:
                self._remark(f"{found_id} is skipped: {error.message}")
        async for drift, upload in find_stale_uploads(self._services.storage, user_id, self._rules):
            if self._repairer is not None:
                # Whoever completed it meanwhile keeps the file: an upload that is over is not aborted.
                await self._services.storage.abort_multipart_upload(upload.key, upload.upload_id)
            self._note(drift, Outcome.FOUND if self._repairer is None else Outcome.MENDED)
        return self.summary

    async def _list_users(self, user_id: str | None) -> AsyncIterator[str]:
        if user_id is not None:
            yield user_id
            return
        async for found_id in merge(self._scanner.list_users(), list_folders(self._services.storage, self._remark)):
            yield found_id

    async def _run_user(self, user_id: str, reached: tuple[bytes, ...] | None) -> None:
        await self._expect_videos(user_id)
        folders = list_folders(self._services.storage, self._remark, folder_prefix(user_id))
        async for video_id in merge(self._scanner.list_videos(user_id), folders):
            self._progress.advance(self._task)
            if reached is not None and (to_order(user_id), to_order(video_id)) <= reached:
                continue
            try:
                await self._run_video(user_id, video_id)
            except ValidationError as error:
                self._remark(f"{user_id}/{video_id} is skipped: {error.message}")
            self.reached = f"{user_id}/{video_id}"

    async def _expect_videos(self, user_id: str) -> None:
        """The bar is longer by the user's videos."""
        videos = await self._services.videos(user_id).count_videos()
        self._progress.update(self._task, total=(self._progress.tasks[self._task].total or 0) + videos)

    async def _run_video(self, user_id: str, video_id: str) -> None:
        video = await self._scanner.read_video(user_id, video_id)
        found = await self._find_drift(video)
        # All of it is rechecked before any is repaired: repairing one changes what the others look like.
        for drifts in _group([drift async for drift in self._recheck(found, video)]):
            await self._settle(drifts, video)

    async def _recheck(self, found: list[Drift], video: ScannedVideo) -> AsyncIterator[Drift]:
        for start in range(0, len(found), RECHECKED_AT_ONCE):
            batch = found[start : start + RECHECKED_AT_ONCE]
            for drift in await asyncio.gather(*(self._rechecker.recheck(one, video) for one in batch)):
                if drift is not None:
                    yield drift

    async def _find_drift(self, video: ScannedVideo) -> list[Drift]:
        judge = await compare_video(self._services.storage, self._scanner, video, self._rules)
        self.summary.videos += 1
        self.summary.clips += judge.clips_count
        self.summary.files += judge.files_count
        for text in judge.list_remarks():
            self._remark(text)
        return [*judge.finish(), *[one async for one in self._find_guesses(video, judge)]]

    async def _find_guesses(self, video: ScannedVideo, judge: Judge) -> AsyncIterator[Drift]:
        """Guesses that are outdated; only a video that has any costs a look into its highlights.json."""
        if judge.has_guesses and video.video is not None:
            found = find_outdated_guesses(self._services, self._scanner, video.user_id, video.video_id)
            async for guess in found:
                yield guess.to_drift()

    async def _settle(self, drifts: list[Drift], video: ScannedVideo) -> None:
        if self._repairer is None:
            for drift in drifts:
                self._note(drift, Outcome.FOUND)
            return
        left = dict.fromkeys(drifts)
        try:
            async for drift, is_repaired in self._repairer.repair(drifts, video):
                del left[drift]
                self._note(drift, Outcome.MENDED if is_repaired else Outcome.LEFT)
        except (ConflictError, NotFoundError, ValidationError, ObjectNotFoundError) as error:
            self._remark(f"{drifts[0].place} is unchanged: {error}")
        for drift in left:
            self._note(drift, Outcome.LEFT)

    def _note(self, drift: Drift, outcome: Outcome) -> None:
        self.summary.outcomes[drift.kind, outcome] += 1
        self._reporter.tell_drift(drift, outcome, self.reached)

    def _remark(self, text: str) -> None:
        self.summary.remarks += 1
        self._reporter.tell_remark(text)


def _group(drifts: list[Drift]) -> Iterator[list[Drift]]:
    """Drifts that are repaired together: those that one look into a video's highlights.json describes."""
    for kind, same_kind in groupby(drifts, key=lambda drift: drift.kind):
        if kind in {DriftKind.FILE_WITHOUT_METADATA, DriftKind.GUESS_OUTDATED}:
            yield list(same_kind)
        else:
            yield from ([drift] for drift in same_kind)
