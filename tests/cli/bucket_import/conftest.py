"""A folder that is laid out as a bucket, and imports of it into the session's servers."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from cli.bucket_import.report import Report
from cli.bucket_import.sources import BucketSource, FolderSource
from cli.bucket_import.writer import Importer
from cli.reconcile.drift import Drift, Rules
from cli.reconcile.run import Outcome, Reconciler
from gql.app import create_services
from gql.services import Services
from repositories.models import ClipMetadata, VideoMetadata
from settings import Settings

VIDEO_ID = "talk"
TIMES = {"start": "00:00:01", "end": "00:00:03", "duration": 2}
HIGHLIGHTS = {
    "video_url": "https://youtu.be/dQw4w9WgXcQ",
    "video_title": "A talk",
    "highlights": [
        {"id": 1, "title": "First", "description": "Why", "priority": 1, **TIMES},
        {"id": 2, "title": "Second", "description": "How", "priority": 2, **TIMES},
    ],
}
CLIP = "clip_01_01_first_split.mp4"
OTHER_CLIP = "clip_02_02_second_split.mp4"


class Found:
    """The report of a run of `reconcile`."""

    def __init__(self) -> None:
        self.drift: list[tuple[str, str]] = []
        self.remarks: list[str] = []

    def tell_drift(self, drift: Drift, outcome: Outcome, resume_after: str | None) -> None:  # noqa: ARG002  Reporter's
        """Keeps the drift."""
        self.drift.append((str(drift.kind), str(outcome)))

    def tell_remark(self, text: str) -> None:
        """Keeps the remark."""
        self.remarks.append(text)


@dataclass
class Folder:
    """A folder with one user's videos."""

    services: Services
    root: Path
    user_id: str

    def write(self, name: str, content: bytes | str = b"x", video_id: str = VIDEO_ID) -> Path:
        """The file is in the video's folder."""
        path = self.root / self.user_id / video_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write_video(self, highlights: Any = HIGHLIGHTS) -> None:
        """Two clips, the first with a thumbnail, and a highlights.json that describes them."""
        if highlights is not None:
            self.write("highlights.json", json.dumps(highlights))
        self.write(f"clips/{CLIP}", b"first clip")
        self.write("clips/clip_01_01_first_split.jpg", b"first image")
        self.write(f"clips/{OTHER_CLIP}", b"second clip")

    async def run(self, *, dry_run: bool = False, user_id: str | None = None) -> Report:
        """The folder's import."""
        return await self._run(FolderSource(self.root), dry_run=dry_run, user_id=user_id)

    async def run_r2(self, prefix: str, user_id: str | None = None) -> Report:
        """The import of the bucket itself, below the prefix."""
        return await self._run(BucketSource(self.services.storage, prefix), user_id=user_id)

    async def reconcile(self, *, fix: bool = False) -> Found:
        """The report of `reconcile` for the user."""
        found = Found()
        rules = Rules(stuck_after=timedelta(hours=1), older_than=timedelta(0))
        await Reconciler(self.services, rules, Progress(disable=True), found, fix=fix).run(self.user_id)
        return found

    async def get_video(self) -> VideoMetadata:
        """The video's document."""
        video = await self.services.videos(self.user_id).get_video(VIDEO_ID)
        assert video is not None
        return video

    async def get_clips(self) -> dict[str, ClipMetadata]:
        """The clips' documents, by filename."""
        clips = await self.services.clips(self.user_id, VIDEO_ID).list_clips()
        return {clip.filename: clip for clip in clips}

    async def read_object(self, name: str) -> bytes | None:
        """The content of the object of this name in the video's folder."""
        key = f"{self.user_id}/{VIDEO_ID}/{name}"
        found = await self.services.storage.head(key)
        return None if found is None else await self.services.storage.get(key, max_bytes=10**7)

    def key(self, name: str) -> str:
        """The key of a file in the video's folder."""
        return f"{self.user_id}/{VIDEO_ID}/{name}"

    async def _run(self, source: Any, *, dry_run: bool = False, user_id: str | None = None) -> Report:
        return await Importer(self.services, source, Progress(disable=True), dry_run=dry_run).run(user_id)


def counts(report: Report) -> tuple[int, int, int, int, int]:
    """Videos created and updated, clips created and updated, and files uploaded."""
    videos = report.videos_created, report.videos_updated
    return (*videos, report.clips_created, report.clips_updated, report.files_uploaded)


def told(report: Report) -> dict[str, str]:
    """The remarks by key."""
    return {problem.key: problem.text for problem in report.problems}


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = create_services(settings)
    yield services
    await services.close()


@pytest.fixture
def folder(services: Services, tmp_path: Path, user_id: str) -> Folder:
    """An empty folder for the test's own user."""
    return Folder(services, tmp_path / "bucket", user_id)
