"""The stored data set: users who all have the same videos and clips, in Firestore; of the first, the files as well."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import orjson
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1._helpers import encode_dict

from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus

PROJECT = "demo-clipgraph"
DATABASE = f"projects/{PROJECT}/databases/(default)"
STYLES = ("split", "left_focus", "right_focus", "intelligent", "original")
WRITES_A_COMMIT = 500
COMMITS_IN_FLIGHT = 4
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shape:
    """The videos of each user of a kind; every highlight was cut in each of the styles."""

    videos: int
    highlights: int = 0
    styles: tuple[str, ...] = ()


SHAPES = {
    "page": Shape(videos=20, highlights=10, styles=STYLES),
    "wall": Shape(videos=20, highlights=10, styles=STYLES),
    "video": Shape(videos=1, highlights=300, styles=STYLES[:1]),
    "list": Shape(videos=100),
    "write": Shape(videos=1),
    # For benchmarks/growth.py.
    "ten": Shape(videos=1, highlights=10, styles=STYLES[:1]),
    "long": Shape(videos=5, highlights=200, styles=STYLES),
}


def user_name(kind: str, user: int) -> str:
    """The id of a user; those of a kind are of one length."""
    return f"{kind}-{user:04}"


def video_id(number: int) -> str:
    """The id of a user's video."""
    return f"v{number:03}"


def make_video(kind: str, number: int) -> VideoMetadata:
    """A video of a kind's first user; the later its number, the newer it is."""
    shape = SHAPES[kind]
    return VideoMetadata(
        user_id=user_name(kind, 0),
        video_id=video_id(number),
        video_url=f"https://www.youtube.com/watch?v=dQw4w9W{number:04}",
        video_title=f"Talk {number}: what everybody gets wrong",
        status=VideoStatus.COMPLETED,
        created_at=BEGIN + timedelta(minutes=number),
        highlights_count=shape.highlights,
        styles_processed=list(shape.styles),
        clips_count=shape.highlights * len(shape.styles),
        clips_by_style=dict.fromkeys(shape.styles, shape.highlights),
    )


def make_clips(kind: str, video: int) -> Iterator[ClipMetadata]:
    """The clips of a video of a kind's first user."""
    for at in range(1, SHAPES[kind].highlights + 1):
        for style in SHAPES[kind].styles:
            yield ClipMetadata(
                user_id=user_name(kind, 0),
                video_id=video_id(video),
                filename=f"clip_{at:02}_{at:02}_moment-{at}_{style}.mp4",
                scene_id=at,
                scene_title=f"Moment {at} of talk {video}",
                scene_description="What makes it good, in a sentence of some length that a worker has written.",
                style=style,
                priority=at,
                start_time=f"{at // 60:02}:{at % 60:02}:00",
                end_time=f"{at // 60:02}:{at % 60:02}:30",
                file_size_bytes=1000 + at,
                has_thumbnail=True,
                status=ClipStatus.COMPLETED,
                created_at=BEGIN + timedelta(minutes=video, seconds=at % 60),
            )


def load_documents(firestore_host_port: str, kinds: list[str], users: int) -> int:
    """How many documents were written: so many users of each kind have their videos and clips in Firestore."""
    with grpc.insecure_channel(firestore_host_port, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        commit = channel.unary_unary("/google.firestore.v1.Firestore/Commit", None, None)
        written, flying = 0, []
        for kind in kinds:
            writes = list(_make_writes(kind))
            written += len(writes) * users
            for data in _make_commits(kind, writes, users):
                flying.append(commit.future(data))
                if len(flying) == COMMITS_IN_FLIGHT:
                    flying.pop(0).result()
        for call in flying:
            call.result()
    return written


def write_files(bucket: Path, kinds: list[str]) -> None:
    """The files of each kind's first user lie in the bucket's folder, with their documents' sizes and times."""
    for kind in kinds:
        for number in range(SHAPES[kind].videos):
            _write_video_files(bucket, make_video(kind, number), list(make_clips(kind, number)))


def _make_writes(kind: str) -> Iterator[Any]:
    for number in range(SHAPES[kind].videos):
        video = make_video(kind, number)
        path = f"{DATABASE}/documents/users/{video.user_id}/videos/{video.video_id}"
        yield _to_write(path, video)
        for clip in make_clips(kind, number):
            yield _to_write(f"{path}/clips/{clip.clip_id}", clip)


def _to_write(name: str, model: VideoMetadata | ClipMetadata) -> Any:
    fields = {key: value._pb for key, value in encode_dict(model.to_document()).items()}  # noqa: SLF001 - proto-plus's own way to the message
    return types.Write.pb()(update=types.Document.pb()(name=name, fields=fields))


def _make_commits(kind: str, writes: list[Any], users: int) -> Iterator[bytes]:
    """The commits of all users: those of the first, with names of the same length put in the first one's place."""
    for at in range(0, len(writes), WRITES_A_COMMIT):
        batch = writes[at : at + WRITES_A_COMMIT]
        first = types.CommitRequest.pb()(database=DATABASE, writes=batch).SerializeToString()
        for user in range(users):
            yield first.replace(user_name(kind, 0).encode(), user_name(kind, user).encode())


def _write_video_files(bucket: Path, video: VideoMetadata, clips: list[ClipMetadata]) -> None:
    scenes = {clip.scene_id: clip for clip in clips}
    highlights = [
        {
            "id": clip.scene_id,
            "title": clip.scene_title,
            "description": clip.scene_description,
            "start": clip.start_time,
            "end": clip.end_time,
            "duration": clip.duration_seconds,
            "priority": clip.priority,
        }
        for clip in scenes.values()
    ]
    path = bucket / video.highlights_json_key
    (path.parent / "clips").mkdir(parents=True)
    content = {"video_url": video.video_url, "video_title": video.video_title, "highlights": highlights}
    path.write_bytes(orjson.dumps(content))
    os.utime(path, (video.created_at.timestamp(),) * 2)
    for clip in clips:
        for key, size_bytes in ((clip.r2_key, clip.file_size_bytes), (clip.thumbnail_r2_key, 1)):
            file = bucket / str(key)
            file.write_bytes(bytes(size_bytes))
            os.utime(file, (clip.created_at.timestamp(),) * 2)
