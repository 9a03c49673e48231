"""Does it cost more when there is more? The embedded Firestore with few clips and with a million, side by side.

`make bench-scale`: two servers are loaded, then asked the same in turns, so that both suffer from whatever else the
machine does. What is claimed is printed beside what was measured; the exit code is 1 where a claim does not hold.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1._helpers import encode_dict

from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus

ROOT = Path(__file__).parents[1]
DATABASE = "projects/bench/databases/(default)"
USER = f"{DATABASE}/documents/users/u"
STYLES = ("split", "left_focus", "right_focus", "intelligent", "original")
CLIPS_A_VIDEO = 50
WRITES_A_COMMIT = 510  # ten videos with their clips
COMMITS_IN_FLIGHT = 4
COMMITS_A_BATCH = 100
PAGE_SIZE = 20
MAX_RATIO = 1.5
MAX_MEMORY_MB = 300
MIN_LOADED_PER_SECOND = 5000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

Message = Any  # a raw protobuf message


def new(name: str, **fields: Any) -> Message:
    """A raw message of the API."""
    return getattr(types, name).pb()(**fields)


class Server:
    """A server process over a folder of its own, and the channel to it."""

    def __init__(self, data_dir: Path, clip_count: int) -> None:
        self.clip_count = clip_count
        self.video_count = clip_count // CLIPS_A_VIDEO
        self.loaded_per_second = 0.0
        self.loaded_per_cpu_second = 0.0
        self._data_dir = data_dir
        command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), "--exit-with-parent"]
        command += ["--indexes", str(ROOT / "firestore.indexes.json")]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        host_port = json.loads(self._process.stdout.readline())["host_port"]
        self._channel = grpc.insecure_channel(host_port, options=[("grpc.use_local_subchannel_pool", 1)])

    def stop(self) -> None:
        """Ends it, and waits until it has ended."""
        self._channel.close()
        self._process.terminate()
        self._process.communicate()

    @property
    def memory_mb(self) -> float:
        """The most memory that the process has had resident so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    @property
    def cpu_seconds(self) -> float:
        """The processor time that the process has used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def file_mb(self) -> float:
        """The size of what is on disk."""
        return sum(file.stat().st_size for file in self._data_dir.iterdir()) / 2**20

    def load(self) -> None:
        """Writes all videos and their clips, a few commits at a time; making them up is not part of the time."""
        loading_seconds, used_before = 0.0, self.cpu_seconds
        commits = self._commits()
        number = 0
        while batch := list(islice(commits, COMMITS_A_BATCH)):
            began_at = time.monotonic()
            self._send(batch)
            loading_seconds += time.monotonic() - began_at
            number += len(batch)
            print(f"  {number * WRITES_A_COMMIT:,} documents, {self.memory_mb:.0f} MB resident", flush=True)
        documents = self.video_count + self.clip_count
        self.loaded_per_second = documents / loading_seconds
        self.loaded_per_cpu_second = documents / (self.cpu_seconds - used_before)

    def _send(self, commits: list[bytes]) -> None:
        flying: deque[Any] = deque()
        commit = self._channel.unary_unary(_path("Commit"), None, None)
        for data in commits:
            flying.append(commit.future(data))
            if len(flying) == COMMITS_IN_FLIGHT:
                flying.popleft().result()
        for call in flying:
            call.result()

    def commit(self, writes: list[Message]) -> None:
        """Commits writes, and waits for it."""
        data = new("CommitRequest", database=DATABASE, writes=writes).SerializeToString()
        self._channel.unary_unary(_path("Commit"), None, None)(data)

    def query(self, parent: str, **query: Any) -> int:
        """Runs a query, and returns how many documents came."""
        request = new("RunQueryRequest", parent=parent, structured_query=query)
        stream = self._channel.unary_stream(_path("RunQuery"), None, None)(request.SerializeToString())
        return sum(1 for _ in stream)

    def count(self, parent: str, **query: Any) -> int:
        """The count of a query's results."""
        aggregation = {"structured_query": query, "aggregations": [{"count": {}}]}
        request = new("RunAggregationQueryRequest", parent=parent, structured_aggregation_query=aggregation)
        stream = self._channel.unary_stream(_path("RunAggregationQuery"), None, None)(request.SerializeToString())
        answer = new("RunAggregationQueryResponse").FromString(next(iter(stream)))
        count: int = answer.result.aggregate_fields["field_1"].integer_value
        return count

    def _commits(self) -> Iterator[bytes]:
        writes: list[Message] = []
        for video in range(self.video_count):
            writes += video_writes(video)
            if len(writes) >= WRITES_A_COMMIT:
                yield new("CommitRequest", database=DATABASE, writes=writes).SerializeToString()
                writes = []
        if writes:
            yield new("CommitRequest", database=DATABASE, writes=writes).SerializeToString()


def _path(method: str) -> str:
    return f"/google.firestore.v1.Firestore/{method}"


def video_name(number: int) -> str:
    """The full name of a video's document."""
    return f"{USER}/videos/v{number:06}"


def _template(model: VideoMetadata | ClipMetadata) -> Message:
    return new("Document", fields={name: value._pb for name, value in encode_dict(model.to_document()).items()})  # noqa: SLF001 - proto-plus's own way to the message


_VIDEO = _template(
    VideoMetadata(
        user_id="u",
        video_id="v",
        video_url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        video_title="A talk",
        status=VideoStatus.COMPLETED,
        styles_processed=list(STYLES),
        clips_count=CLIPS_A_VIDEO,
        clips_by_style=dict.fromkeys(STYLES, CLIPS_A_VIDEO // len(STYLES)),
    )
)
_CLIP = _template(
    ClipMetadata(
        user_id="u",
        video_id="v",
        clip_id="clip_01_01_a-good-moment_split",
        scene_id=1,
        scene_title="A good moment of the talk",
        scene_description="What makes it good, in a sentence of some length that a worker has written.",
        filename="clip_01_01_a-good-moment_split.mp4",
        style="split",
        priority=1,
        start_time="00:01:00",
        end_time="00:01:30",
        file_size_bytes=12_345_678,
        has_thumbnail=True,
        status=ClipStatus.COMPLETED,
    )
)


def video_writes(number: int) -> list[Message]:
    """The writes of a video with its clips, some ten of each style."""
    name = video_name(number)
    fields = {"video_id": {"string_value": f"v{number:06}"}, "video_title": {"string_value": f"Talk {number}"}}
    created_at = {"timestamp_value": BEGIN + timedelta(seconds=number)}
    video = _vary(_VIDEO, name, **fields, created_at=created_at, updated_at=created_at)
    return [video, *(clip_write(number, at) for at in range(CLIPS_A_VIDEO))]


def clip_write(video: int, at: int, prefix: str = "clip") -> Message:
    """The write of one clip."""
    style = STYLES[at % len(STYLES)]
    clip_id = f"{prefix}_{at % 10:02}_{at:02}_a-good-moment-{video}_{style}"
    key = f"u/v{video:06}/clips/{clip_id}"
    texts = {
        "video_id": f"v{video:06}",
        "clip_id": clip_id,
        "filename": f"{clip_id}.mp4",
        "style": style,
        "r2_key": f"{key}.mp4",
        "thumbnail_r2_key": f"{key}.jpg",
        "start_time": f"00:{at:02}:00",
        "end_time": f"00:{at:02}:30",
    }
    fields = {name: {"string_value": text} for name, text in texts.items()}
    created_at = {"timestamp_value": BEGIN + timedelta(seconds=video, milliseconds=at)}
    priority = {"integer_value": at % 10}
    return _vary(_CLIP, f"{video_name(video)}/clips/{clip_id}", **fields, priority=priority, created_at=created_at)


def _vary(template: Message, name: str, **fields: Any) -> Message:
    write = new("Write")
    write.update.CopyFrom(template)
    write.update.name = name
    for field, value in fields.items():
        write.update.fields[field].CopyFrom(new("Value", **value))
    return write


def _where(**equal: str) -> Message:
    filters = [
        {"field_filter": {"field": {"field_path": name}, "op": "EQUAL", "value": {"string_value": value}}}
        for name, value in equal.items()
    ]
    return {"composite_filter": {"op": "AND", "filters": filters}}


def _order(field: str, direction: str) -> list[Message]:
    return [{"field": {"field_path": field}, "direction": direction}]


def read_page(server: Server, dice: random.Random) -> None:
    """A page of the user's newest completed videos, from somewhere in the list."""
    position = {"timestamp_value": BEGIN + timedelta(seconds=dice.randrange(PAGE_SIZE, server.video_count))}
    found = server.query(
        USER,
        from_=[{"collection_id": "videos"}],
        where=_where(status="completed"),
        order_by=_order("created_at", "DESCENDING"),
        start_at={"values": [new("Value", **position)], "before": True},
        limit={"value": PAGE_SIZE},
    )
    assert found == PAGE_SIZE, found


def read_clips(server: Server, dice: random.Random) -> None:
    """The clips of one video in one style, by priority."""
    found = server.query(
        video_name(dice.randrange(server.video_count)),
        from_=[{"collection_id": "clips"}],
        where=_where(style=dice.choice(STYLES)),
        order_by=_order("priority", "ASCENDING"),
    )
    assert found >= CLIPS_A_VIDEO // len(STYLES), found


def count_clips(server: Server, dice: random.Random) -> None:
    """How many completed clips a video has."""
    parent = video_name(dice.randrange(server.video_count))
    found = server.count(parent, from_=[{"collection_id": "clips"}], where=_where(status="completed"))
    assert found >= CLIPS_A_VIDEO, found


def commit_clips(server: Server, dice: random.Random) -> None:
    """Fifty new clips of one video, in one commit."""
    prefix = f"new{dice.randrange(10**9)}"
    video = dice.randrange(server.video_count)
    server.commit([clip_write(video, at, prefix) for at in range(CLIPS_A_VIDEO)])


OPERATIONS: dict[str, tuple[Callable[[Server, random.Random], None], int]] = {
    "a page of 20 videos": (read_page, 20),
    "the clips of a video by style, in order": (read_clips, 20),
    "a count of a video's clips": (count_clips, 20),
    "a commit of 50 clips": (commit_clips, 5),
}


def measure(servers: list[Server], rounds: int) -> dict[str, list[float]]:
    """For each operation, the median time in milliseconds of each server; they take turns."""
    dice = random.Random(1)  # noqa: S311 - which documents, not secrets
    times: dict[str, list[list[float]]] = {name: [[] for _ in servers] for name in OPERATIONS}
    for turn in range(rounds + 1):
        for name, (operation, repeats) in OPERATIONS.items():
            for at, server in enumerate(servers):
                for _ in range(repeats):
                    began_at = time.perf_counter()
                    operation(server, dice)
                    if turn:  # the first round only warms up
                        times[name][at].append((time.perf_counter() - began_at) * 1000)
    return {name: [statistics.median(each) for each in found] for name, found in times.items()}


def report(small: Server, big: Server, medians: dict[str, list[float]]) -> bool:
    """Prints the tables, and tells whether every claim holds."""
    print(f"\n| median | {small.clip_count:,} clips | {big.clip_count:,} clips | ratio (at most {MAX_RATIO}) |")
    print("| --- | ---: | ---: | ---: |")
    holds = True
    for name, (few, many) in medians.items():
        holds &= many <= MAX_RATIO * few
        print(f"| {name} | {few:.2f} ms | {many:.2f} ms | {many / few:.2f} |")
    print("\n| | measured | claimed |\n| --- | ---: | ---: |")
    print(f"| bulk load | {big.loaded_per_second:,.0f} documents/s | at least {MIN_LOADED_PER_SECOND:,} |")
    print(f"| the same, of the server's own CPU time | {big.loaded_per_cpu_second:,.0f} documents/s | |")
    print(f"| memory, at its most | {big.memory_mb:.0f} MB | under {MAX_MEMORY_MB} |")
    print(f"| memory with {small.clip_count:,} clips | {small.memory_mb:.0f} MB | |")
    print(f"| on disk | {big.file_mb:,.0f} MB | |")
    return holds and big.memory_mb < MAX_MEMORY_MB and big.loaded_per_second >= MIN_LOADED_PER_SECOND


def main() -> int:
    """Loads, measures and reports; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--small", type=int, default=10_000, help="how many clips the one server holds")
    parser.add_argument("--big", type=int, default=1_000_000, help="how many the other holds: some 4 KB of disk each")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    data_dir = Path(tempfile.mkdtemp(prefix="clipgraph-scale-"))
    servers: list[Server] = []
    try:
        for count in (arguments.small, arguments.big):
            servers.append(Server(data_dir / str(count), count))
            print(f"Loading {count:,} clips of {servers[-1].video_count:,} videos ...", flush=True)
            servers[-1].load()
        small, big = servers
        holds = report(small, big, measure(servers, arguments.rounds))
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(data_dir)
    print("\nEvery claim holds." if holds else "\nNot every claim holds.")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
