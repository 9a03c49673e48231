"""The floor of answering: rows that are in memory already, written out by hand with orjson. Reads and signs nothing."""

import os
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.api.dataset import SHAPES, STYLES, make_clips, make_video
from benchmarks.peers.server import create_s3_client, serve
from repositories.models import ClipMetadata, VideoMetadata

Row = tuple[Any, ...]
s3, bucket = create_s3_client()


def main() -> None:
    """Serves the first user of each kind."""
    kinds = os.environ.get("BENCH_KINDS", " ".join(SHAPES)).split()
    rows = {kind: read_rows(kind) for kind in kinds}

    async def answer(request: Request) -> Response:
        name = orjson.loads(await request.body())["operationName"]
        return Response(orjson.dumps({"data": ANSWERS[name](rows[name])}), media_type="application/json")

    serve(Starlette(routes=[Route("/graphql", answer, methods=["POST"])]))


def read_rows(kind: str) -> list[tuple[Row, list[Row]]]:
    """Each video with its clips as they are asked for, the newest first."""
    numbers = reversed(range(SHAPES[kind].videos))
    return [(to_video_row(make_video(kind, number)), read_clip_rows(kind, number)) for number in numbers]


def read_clip_rows(kind: str, number: int) -> list[Row]:
    """The clips that a workload shows of a video, in their order."""
    clips = [clip for clip in make_clips(kind, number) if kind == "wall" or clip.style == STYLES[0]]
    return [to_clip_row(clip) for clip in sorted(clips, key=lambda clip: (clip.priority, clip.clip_id))]


def to_video_row(video: VideoMetadata) -> Row:
    """A video's values."""
    return (
        to_global_id("Video", video.user_id, video.video_id),
        video.video_id,
        video.video_title,
        video.video_url,
        video.youtube_id,
        video.status.name,
        video.created_at.isoformat(),
        video.clips_count,
    )


def to_clip_row(clip: ClipMetadata) -> Row:
    """A clip's values."""
    return (
        to_global_id("Clip", clip.user_id, clip.video_id, clip.clip_id),
        clip.clip_id,
        clip.scene_id,
        clip.scene_title,
        clip.scene_description,
        clip.style,
        clip.priority,
        clip.start_time,
        clip.end_time,
        clip.duration_seconds,
        float(clip.file_size_bytes),
        clip.created_at.isoformat(),
        presign(clip.r2_key),
        presign(str(clip.thumbnail_r2_key)),
    )


def to_global_id(kind: str, *path: str) -> str:
    """The id of an object of any type."""
    return b64encode(f"{kind}:{'/'.join(path)}".encode()).decode()


def presign(key: str) -> str:
    """A URL of the object."""
    return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)


def show_video(row: Row, clips: list[Row]) -> dict[str, Any]:
    """A video with its clips, as the documents select them."""
    return {
        "videoId": row[1],
        "title": row[2],
        "status": row[5],
        "createdAt": row[6],
        "clipsCount": row[7],
        "clips": {
            "nodes": [
                {
                    "id": clip[0],
                    "clipId": clip[1],
                    "sceneId": clip[2],
                    "title": clip[3],
                    "description": clip[4],
                    "style": clip[5],
                    "priority": clip[6],
                    "startTime": clip[7],
                    "endTime": clip[8],
                    "durationSeconds": clip[9],
                    "fileSizeBytes": clip[10],
                    "createdAt": clip[11],
                    "url": clip[12],
                    "thumbnailUrl": clip[13],
                }
                for clip in clips
            ]
        },
    }


def show_videos(rows: list[tuple[Row, list[Row]]]) -> dict[str, Any]:
    """Videos with their clips."""
    return {"videos": {"nodes": [show_video(row, clips) for row, clips in rows]}}


def show_list(rows: list[tuple[Row, list[Row]]]) -> dict[str, Any]:
    """Videos without clips."""
    names = ("id", "videoId", "title", "videoUrl", "youtubeId", "status", "createdAt", "clipsCount")
    return {"videos": {"nodes": [dict(zip(names, row, strict=True)) for row, _ in rows]}}


ANSWERS: dict[str, Callable[[list[tuple[Row, list[Row]]]], dict[str, Any]]] = {
    "page": show_videos,
    "wall": show_videos,
    "video": lambda rows: {"video": show_video(*rows[0])},
    "list": show_list,
}

if __name__ == "__main__":
    main()
