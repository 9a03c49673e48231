"""How long from a commit to the page, and what it costs. `make bench-live`, or `python -m benchmarks.live`.

Subscribers are WebSockets with a subscription each; commits are made by another process's worker, one clip at a time.
The age of an event is what lies between Firestore's time of the commit and the message's arrival.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from benchmarks.api.dataset import PROJECT
from benchmarks.api.servers import Backends, Process
from benchmarks.live.watchers import Poller, Seen, Subscriber, start_all
from benchmarks.startup import read_memory
from cli.stack import INDEXES_FILE
from embedded.stack import start_stack
from repositories.client import FirestoreClient, create_client
from repositories.clips import ClipRepository
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata
from repositories.videos import VideoRepository

USER = "live"
SUBSCRIBERS_A_VIDEO = 5
CLIPS_A_VIDEO = 10
COMMITS = 200
POLLERS = 100
POLL_SECONDS = 2.0
SETTINGS = {"CLIPGRAPH_MAX_SOCKETS_PER_CALLER": "100000"}


@dataclass(frozen=True)
class Watched:
    """The results of one number of subscribers."""

    subscribers: int
    videos: int
    events: int
    p50_ms: float
    p99_ms: float
    cpu_us_per_event: float
    memory_kb_per_subscriber: float


class Bench:
    """A Firestore, a server, and a worker that commits."""

    def __init__(self, server: Process, firestore: FirestoreClient, *, poll_seconds: float, commits: int) -> None:
        self._server = server
        self._poll_seconds = poll_seconds
        self._commits = commits
        self._firestore = firestore
        self._port = server.wait_for_ports()[0]
        self._dice = random.Random(0)  # noqa: S311  no secret
        self._next_video = 0
        self._completed: set[tuple[str, int]] = set()

    async def watch(self, count: int, a_video: int) -> Watched:
        """The delays of so many subscribers, some to each video, while clips are completed one after the other."""
        seen = Seen()
        video_ids = await self._make_videos(-(-count // a_video))
        memory_before = read_memory(self._server.read_status())
        subscribers = [
            Subscriber(self._port, USER, video_ids[number % len(video_ids)], seen) for number in range(count)
        ]
        await start_all(subscribers, CLIPS_A_VIDEO)
        memory_mb = read_memory(self._server.read_status()) - memory_before
        used_before = self._server.cpu_seconds
        for number in range(self._commits):
            watched = self._dice.randrange(len(video_ids))
            await self._toggle(video_ids[watched], number % CLIPS_A_VIDEO)
            # What comes before it is seen would be merged with it.
            await seen.wait_for(count // len(video_ids) + (watched < count % len(video_ids)))
        used = self._server.cpu_seconds - used_before
        await asyncio.gather(*(subscriber.stop() for subscriber in subscribers))
        return Watched(
            count,
            len(video_ids),
            len(seen.ages_ms),
            statistics.median(seen.ages_ms),
            _p99(seen.ages_ms),
            used / len(seen.ages_ms) * 1e6,
            memory_mb * 1024 / count,
        )

    async def compare_with_polling(self, seconds: float, count: int) -> list[list[str]]:
        """The same changes seen by subscribers, then by clients that poll: a row each."""
        rows = []
        for way in ("subscriptions", "polling"):
            seen, video_ids = Seen(), await self._make_videos(count)
            reads_before = self._count_reads()
            used_before, ends_at = self._server.cpu_seconds, time.monotonic() + seconds
            changing = asyncio.create_task(self._change_slowly(video_ids, ends_at))
            if way == "subscriptions":
                subscribers = [Subscriber(self._port, USER, video_id, seen) for video_id in video_ids]
                await start_all(subscribers, CLIPS_A_VIDEO)
                changes = await changing
                await asyncio.sleep(1)
                used = self._server.cpu_seconds - used_before
                await asyncio.gather(*(subscriber.stop() for subscriber in subscribers))
                seen.documents_read = self._count_reads() - reads_before
            else:
                pollers = [Poller(self._port, USER, video_id, seen, self._poll_seconds) for video_id in video_ids]
                done = asyncio.Event()
                async with asyncio.TaskGroup() as tasks:
                    for number, poller in enumerate(pollers):
                        tasks.create_task(poller.run(self._poll_seconds * number / count, done))
                    changes = await changing
                    done.set()
                used = self._server.cpu_seconds - used_before
            ages = f"{statistics.median(seen.ages_ms):,.0f} ms", f"{_p99(seen.ages_ms):,.0f} ms"
            rows.append([way, str(changes), str(len(seen.ages_ms)), *ages, f"{seen.documents_read:,}", f"{used:.1f} s"])
        return rows

    async def _make_videos(self, count: int) -> list[str]:
        """Videos that nobody has watched yet, with clips that are being cut."""
        video_ids = [f"v{number:06}" for number in range(self._next_video, self._next_video + count)]
        self._next_video += count
        for at in range(0, count, 20):
            await asyncio.gather(*map(self._make_video, video_ids[at : at + 20]))
        return video_ids

    async def _make_video(self, video_id: str) -> None:
        url = f"https://www.youtube.com/watch?v=dQw4w{video_id[1:]}"
        video = VideoMetadata(user_id=USER, video_id=video_id, video_url=url, video_title="A talk")
        await VideoRepository(USER, self._firestore).create_video(video)
        await self._clips(video_id).create_clips_batch([make_clip(video_id, at) for at in range(CLIPS_A_VIDEO)])

    async def _toggle(self, video_id: str, at: int) -> None:
        """The clip is completed, or is being cut again."""
        is_completed = (video_id, at) in self._completed
        self._completed ^= {(video_id, at)}
        status = ClipStatus.PROCESSING if is_completed else ClipStatus.COMPLETED
        clip_id = make_clip(video_id, at).clip_id
        await self._clips(video_id).update_clip_status(clip_id, status, file_size_bytes=1)

    async def _change_slowly(self, video_ids: list[str], ends_at: float) -> int:
        """How many clips were completed: one of each video at a time, in ten turns."""
        await asyncio.sleep(3 * self._poll_seconds)
        changes, pause_seconds = 0, (ends_at - time.monotonic()) / (CLIPS_A_VIDEO * len(video_ids))
        for at in range(CLIPS_A_VIDEO):
            for video_id in video_ids:
                began_at = time.monotonic()
                await self._toggle(video_id, at)
                changes += 1
                await asyncio.sleep(max(0.0, began_at + pause_seconds - time.monotonic()))
        return changes

    def _clips(self, video_id: str) -> ClipRepository:
        return ClipRepository(USER, video_id, self._firestore)

    def _count_reads(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/listening") as answer:
            reads: int = orjson.loads(answer.read())["reads"]
        return reads


def make_clip(video_id: str, at: int) -> ClipMetadata:
    """A clip that is being cut."""
    return ClipMetadata(
        user_id=USER,
        video_id=video_id,
        filename=f"clip_{at:02}_{at:02}_moment-{at}_split.mp4",
        scene_id=at,
        scene_title=f"Moment {at}",
        style="split",
        priority=at,
        start_time=f"00:{at:02}:00",
        end_time=f"00:{at:02}:30",
        has_thumbnail=True,
        status=ClipStatus.PROCESSING,
    )


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


async def run(server: Process, host_port: str, arguments: argparse.Namespace) -> None:
    """Measures and prints."""
    firestore = create_client(project=PROJECT, emulator_host=host_port)
    bench = Bench(server, firestore, poll_seconds=arguments.poll_seconds, commits=arguments.commits)
    await bench.watch(20, SUBSCRIBERS_A_VIDEO)
    print("| subscribers | videos | events | p50 | p99 | CPU an event | memory a subscriber |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    ways = [(count, SUBSCRIBERS_A_VIDEO) for count in arguments.subscribers] + [
        (count, count) for count in arguments.on_one_video
    ]
    for count, a_video in ways:
        found = await bench.watch(count, min(count, a_video))
        times = f"{found.p50_ms:,.1f} ms | {found.p99_ms:,.1f} ms | {found.cpu_us_per_event:,.0f} µs"
        memory = f"{found.memory_kb_per_subscriber:,.0f} KiB"
        print(f"| {count:,} | {found.videos:,} | {found.events:,} | {times} | {memory} |", flush=True)
    print(
        f"\n{arguments.pollers} clients, a video each, for {arguments.seconds:g} s; "
        f"polls every {arguments.poll_seconds:g} s:\n"
    )
    print("| | changes | seen | age, p50 | age, p99 | Firestore reads | server CPU |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in await bench.compare_with_polling(arguments.seconds, arguments.pollers):
        print(f"| {' | '.join(row)} |", flush=True)
    firestore.close()


def main() -> int:
    """Starts everything, measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--subscribers", type=int, nargs="*", default=[1, 100, 5_000], help="five a video; %(default)s")
    parser.add_argument("--on-one-video", type=int, nargs="*", default=[100, 1_000], help="%(default)s")
    parser.add_argument("--commits", type=int, default=COMMITS, help="to each number of subscribers; %(default)s")
    parser.add_argument("--poll-seconds", type=float, default=POLL_SECONDS, help="between two polls; %(default)g")
    parser.add_argument("--pollers", type=int, default=POLLERS, help="and as many subscribers; %(default)s")
    parser.add_argument("--seconds", type=float, default=60.0, help="of subscriptions, and of polling; %(default)g")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipgraph-live-") as name:
        folder = Path(name)
        with start_stack(folder / "data", indexes_file=INDEXES_FILE) as stack:
            environment = Backends(stack.endpoints, SETTINGS).environment
            server = Process("server", [sys.executable, "-m", "benchmarks.live.server"], environment, folder)
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(run(server, stack.endpoints.firestore_host_port, arguments))
            finally:
                server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
