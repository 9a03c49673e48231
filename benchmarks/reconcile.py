"""Does reconcile need more memory where there is more to compare? Buckets of growing size, one process for each.

`python -m benchmarks.reconcile`: each bucket is written into the embedded S3's folder and its documents through the
repositories; then `clipgraph reconcile` runs over it. What is measured is that process alone, not the servers.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.stack import INDEXES_FILE, with_endpoints
from domain.keys import thumbnail_key
from embedded.r2 import BUCKET
from embedded.stack import start_stack
from gql.app import create_services
from gql.services import Services
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from settings import Settings

ROOT = Path(__file__).parents[1]
USER = "u"
STYLES = ("split", "left_focus", "right_focus", "intelligent", "original")
OBJECTS_A_CLIP = 2  # its file and its thumbnail
CLIPS_A_VIDEO = 50
CLIPS_A_COMMIT = 200
VIDEOS_IN_FLIGHT = 4
MAX_GROWTH = 1.25
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Shape:
    """A bucket's objects, and in how many videos their clips are."""

    objects: int
    clips_a_video: int

    @property
    def videos(self) -> int:
        """How many videos there are."""
        return self.objects // OBJECTS_A_CLIP // self.clips_a_video


@dataclass(frozen=True)
class Measured:
    """A run of the command."""

    seconds: float
    memory_mb: float


def make_clips(video_id: str, count: int) -> Iterator[ClipMetadata]:
    """The clips of a video, each with a file of one byte and a thumbnail."""
    for number in range(count):
        style = STYLES[number % len(STYLES)]
        yield ClipMetadata(
            user_id=USER,
            video_id=video_id,
            filename=f"clip_{number % 100:02d}_{number:02d}_a-good-moment_{style}.mp4",
            scene_id=number,
            scene_title="A good moment of the talk",
            style=style,
            priority=number % 100,
            start_time="00:01:00",
            end_time="00:01:30",
            file_size_bytes=1,
            has_thumbnail=True,
            status=ClipStatus.COMPLETED,
        )


def write_files(bucket: Path, clips: list[ClipMetadata]) -> None:
    """The clips' files lie in the bucket's folder, as if they had been uploaded."""
    (bucket / clips[0].r2_key).parent.mkdir(parents=True)
    for clip in clips:
        (bucket / clip.r2_key).write_bytes(b"x")
        (bucket / thumbnail_key(USER, clip.video_id, clip.filename)).write_bytes(b"x")


async def write_video(services: Services, bucket: Path, video_id: str, clip_count: int) -> None:
    """The video has its documents and its files."""
    video = VideoMetadata(user_id=USER, video_id=video_id, video_title="A talk", status=VideoStatus.COMPLETED)
    await services.videos(USER).create_video(video)
    clips = list(make_clips(video_id, clip_count))
    for start in range(0, clip_count, CLIPS_A_COMMIT):
        await services.clips(USER, video_id).create_clips_batch(clips[start : start + CLIPS_A_COMMIT])
    write_files(bucket, clips)


async def load(settings: Settings, bucket: Path, shape: Shape) -> None:
    """The bucket has this shape."""
    services = create_services(settings)
    free = asyncio.Semaphore(VIDEOS_IN_FLIGHT)

    async def write(number: int) -> None:
        async with free:
            await write_video(services, bucket, f"v{number:06}", shape.clips_a_video)

    async with asyncio.TaskGroup() as tasks:
        for number in range(shape.videos):
            tasks.create_task(write(number))
    await services.close()


def read_peak_memory_mb(pid: int) -> float:
    """The most memory that the process has had resident so far; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0.0
    _, found, rest = status.partition("VmHWM:")
    return int(rest.split()[0]) / 1024 if found else 0.0


def run(data_dir: Path) -> Measured:
    """The command ran over the directory, and found that both sides agree."""
    command = [sys.executable, "-m", "cli.main", "reconcile", "--data-dir", str(data_dir)]
    began_at, memory_mb = time.monotonic(), 0.0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            memory_mb = max(memory_mb, read_peak_memory_mb(process.pid))
            time.sleep(SAMPLE_SECONDS)
        said = process.communicate()[0]
    assert process.returncode == 0, said
    return Measured(time.monotonic() - began_at, memory_mb)


def measure(shape: Shape) -> Measured:
    """A run over a bucket of this shape, of which nothing is left."""
    with tempfile.TemporaryDirectory(prefix="clipgraph-reconcile-") as name:
        folder = Path(name)
        with start_stack(folder, indexes_file=INDEXES_FILE) as stack:
            asyncio.run(load(with_endpoints(Settings(), stack.endpoints), folder / "r2" / BUCKET, shape))
            return run(folder)


def main() -> int:
    """Measures and reports; 1 where memory grows with the bucket."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconcile", description=__doc__)
    parser.add_argument("--objects", type=int, nargs="*", default=[10_000, 100_000], help="sizes to compare")
    parser.add_argument("--one-video", type=int, default=20_000, help="objects of a bucket with a single video")
    arguments = parser.parse_args()
    shapes = [Shape(objects, CLIPS_A_VIDEO) for objects in arguments.objects]
    if arguments.one_video:
        shapes.append(Shape(arguments.one_video, arguments.one_video // OBJECTS_A_CLIP))
    print("| objects | videos | seconds | objects/s | peak memory |\n| ---: | ---: | ---: | ---: | ---: |", flush=True)
    peaks: list[float] = []
    for shape in shapes:
        measured = measure(shape)
        peaks.append(measured.memory_mb)
        speed = shape.objects / measured.seconds
        print(
            f"| {shape.objects:,} | {shape.videos:,} | {measured.seconds:.1f} | {speed:,.0f} "
            f"| {measured.memory_mb:.0f} MB |",
            flush=True,
        )
    return 0 if max(peaks) <= MAX_GROWTH * min(peaks) else 1


if __name__ == "__main__":
    sys.exit(main())
