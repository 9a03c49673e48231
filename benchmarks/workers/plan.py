"""The plan of a run: who works on which clips, and when what is killed. All of it follows from the numbers given."""

import dataclasses
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from domain.keys import ClipName, clip_key, format_clip_filename, thumbnail_key

USER_ID = "demo"
STYLES = ("split", "left_focus", "original")
THUMBNAIL = b"\xff\xd8jpeg"
# A kill at the very end would meet nobody.
KILLS_BETWEEN = 0.02, 0.9


@dataclass(frozen=True)
class FilePlan:
    """A file that a worker will upload."""

    kind: str
    filename: str
    key: str
    body: bytes


@dataclass(frozen=True)
class ClipPlan:
    """A clip that a worker will make."""

    video_id: str
    number: int
    """Its scene; no two clips of a run have the same."""

    priority: int

    @property
    def style(self) -> str:
        """How it is cut."""
        return STYLES[self.number % len(STYLES)]

    @property
    def filename(self) -> str:
        """The name of its file."""
        return format_clip_filename(ClipName(self.priority, self.number, "a-title", self.style))

    @property
    def clip_id(self) -> str:
        """Its id."""
        return self.filename.rpartition(".")[0]

    @property
    def body(self) -> bytes:
        """The content of its file: of a length of its own, as far as there are some."""
        return random.Random(self.number).randbytes(100 + self.number * 37 % 1999)  # noqa: S311  no secret

    @property
    def has_thumbnail(self) -> bool:
        """Whether it gets a thumbnail; every fourth does."""
        return self.number % 4 == 0

    @property
    def files(self) -> list[FilePlan]:
        """The objects of the clip that will be in R2."""
        key = clip_key(USER_ID, self.video_id, self.filename)
        files = [FilePlan("CLIP", self.filename, key, self.body)]
        if self.has_thumbnail:
            key = thumbnail_key(USER_ID, self.video_id, self.filename)
            files.append(FilePlan("THUMBNAIL", self.filename, key, THUMBNAIL))
        return files

    def to_input(self) -> dict[str, object]:
        """The clip as input of `createClips`."""
        return {
            "filename": self.filename,
            "sceneId": self.number,
            "title": f"Title {self.number}",
            "style": self.style,
            "priority": self.priority,
            "startTime": "00:00:01",
            "endTime": "00:00:31.500",
        }


class Victim(StrEnum):
    """The process to kill."""

    WORKERS = "workers"
    """One of the processes, with the workers in it."""

    SERVER = "server"
    """`clipgraph serve`; its Firestore and its S3 end by themselves."""

    ALL_SERVERS = "all servers"
    """`clipgraph serve`, its Firestore and its S3, at once."""


@dataclass(frozen=True)
class Kill:
    """A SIGKILL, once so many clips are completed."""

    at_clips: int
    victim: Victim


@dataclass(frozen=True)
class Plan:
    """The numbers of a run."""

    workers: int = 50
    clips_per_worker: int = 100
    videos: int = 5
    processes: int = 10
    failure_percent: float = 5.0
    worker_kills: int = 30
    server_kills: int = 10
    seed: int = 1

    @property
    def clip_count(self) -> int:
        """How many clips there will be."""
        return self.workers * self.clips_per_worker

    @property
    def video_ids(self) -> list[str]:
        """The videos; the workers take them in turn."""
        return [f"video-{number}" for number in range(self.videos)]

    def list_workers(self, process: int) -> range:
        """The workers that run in a process."""
        return range(process, self.workers, self.processes)

    def list_clips(self, worker: int) -> list[ClipPlan]:
        """The clips of a worker, best first."""
        first = worker * self.clips_per_worker + 1
        video_id = self.video_ids[worker % self.videos]
        return [ClipPlan(video_id, first + at, at + 1) for at in range(self.clips_per_worker)]

    def list_all_clips(self) -> Iterator[ClipPlan]:
        """The clips of all workers."""
        for worker in range(self.workers):
            yield from self.list_clips(worker)

    def draw_kills(self) -> list[Kill]:
        """The kills of the run, in order of time."""
        dice = random.Random(self.seed)  # noqa: S311  no secret
        servers = [dice.choice([Victim.SERVER, Victim.ALL_SERVERS]) for _ in range(self.server_kills)]
        victims = [Victim.WORKERS] * self.worker_kills + servers
        kills = [Kill(int(dice.uniform(*KILLS_BETWEEN) * self.clip_count), victim) for victim in victims]
        return sorted(kills, key=lambda kill: kill.at_clips)

    def save(self, path: Path) -> None:
        """A worker process can load it."""
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """The plan that was saved there."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
