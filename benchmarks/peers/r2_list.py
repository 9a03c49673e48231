"""The replaced architecture: each request lists the bucket, parses filenames and reads highlights.json."""

import asyncio
import os
import re
import time
from base64 import b64encode
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.api.dataset import STYLES
from benchmarks.peers.server import create_s3_client, serve

FILENAME = re.compile(rf"clip_(\d+)_(\d+)_.*_({'|'.join(sorted(STYLES, key=len, reverse=True))})\.mp4")

s3, bucket = create_s3_client()
threads = ThreadPoolExecutor(32)
# What each call that lists takes longer than here.
list_seconds = float(os.environ.get("BENCH_LIST_MS", "0")) / 1000
s3.meta.events.register("before-send.s3.ListObjectsV2", lambda **_: time.sleep(list_seconds))

Object = dict[str, Any]


def list_objects(prefix: str) -> list[Object]:
    """All objects below the prefix, a thousand a call."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [dict(entry) for page in pages for entry in page.get("Contents", [])]


def read_highlights(key: str) -> Any:
    """A video's highlights.json."""
    return orjson.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


async def run(function: Any, *arguments: Any) -> Any:
    """The function's result, computed off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)


async def find_videos(prefix: str) -> list[dict[str, Any]]:
    """The videos below the prefix with their objects, the newest first."""
    objects: defaultdict[str, dict[str, Object]] = defaultdict(dict)
    for entry in await run(list_objects, prefix):
        user_id, video_id, rest = entry["Key"].split("/", 2)
        objects[f"{user_id}/{video_id}"][rest] = entry
    found = {path: entries for path, entries in objects.items() if "highlights.json" in entries}
    read = await asyncio.gather(*(run(read_highlights, f"{path}/highlights.json") for path in found))
    videos = [
        {"path": path, "entries": entries, "highlights": highlights, "at": entries["highlights.json"]["LastModified"]}
        for (path, entries), highlights in zip(found.items(), read, strict=True)
    ]
    return sorted(videos, key=lambda video: video["at"], reverse=True)


def find_clips(video: dict[str, Any], style: str | None, first: int) -> list[dict[str, Any]]:
    """The best clips of the video."""
    scenes = {highlight["id"]: highlight for highlight in video["highlights"]["highlights"]}
    found = []
    for name, entry in video["entries"].items():
        matched = FILENAME.fullmatch(name.removeprefix("clips/"))
        if matched and style in {None, matched[3]}:
            found.append((int(matched[1]), name.removeprefix("clips/").removesuffix(".mp4"), matched, entry))
    found.sort(key=lambda clip: clip[:2])
    return [
        to_clip(video, clip_id, matched, entry, scenes[int(matched[2])]) for _, clip_id, matched, entry in found[:first]
    ]


def to_clip(video: dict[str, Any], clip_id: str, matched: re.Match[str], entry: Object, scene: Any) -> dict[str, Any]:
    """A clip, from its filename, its object and its highlight."""
    thumbnail = video["entries"].get(f"clips/{clip_id}.jpg")
    return {
        "id": to_global_id("Clip", f"{video['path']}/{clip_id}"),
        "clipId": clip_id,
        "sceneId": scene["id"],
        "title": scene["title"],
        "description": scene["description"],
        "style": matched[3],
        "priority": int(matched[1]),
        "startTime": scene["start"],
        "endTime": scene["end"],
        "durationSeconds": scene["duration"],
        "fileSizeBytes": entry["Size"],
        "createdAt": entry["LastModified"],
        "url": presign(entry["Key"]),
        "thumbnailUrl": presign(thumbnail["Key"]) if thumbnail else None,
    }


def to_video(video: dict[str, Any]) -> dict[str, Any]:
    """A video, from its files and its highlights.json."""
    url = video["highlights"]["video_url"]
    created_at: datetime = video["at"]
    return {
        "id": to_global_id("Video", video["path"]),
        "videoId": video["path"].split("/")[1],
        "title": video["highlights"]["video_title"],
        "videoUrl": url,
        "youtubeId": url.partition("?v=")[2],
        "status": "COMPLETED",
        "createdAt": created_at,
        "clipsCount": sum(name.endswith(".mp4") for name in video["entries"]),
    }


def to_global_id(kind: str, path: str) -> str:
    """The id of an object of any type."""
    return b64encode(f"{kind}:{path}".encode()).decode()


def presign(key: str) -> str:
    """A URL of the object."""
    return s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)


def with_clips(video: dict[str, Any], style: str | None, first: int) -> dict[str, Any]:
    """A video with its clips, as the documents select them."""
    shown = to_video(video)
    names = ("videoId", "title", "status", "createdAt", "clipsCount")
    return {name: shown[name] for name in names} | {"clips": {"nodes": find_clips(video, style, first)}}


async def answer(request: Request) -> Response:
    """The answer to one of the documents that all peers are sent."""
    asked = orjson.loads(await request.body())
    name, variables = asked["operationName"], asked["variables"]
    data: dict[str, Any]
    if name == "video":
        videos = await find_videos(f"{variables['userId']}/{variables['videoId']}/")
        data = {"video": with_clips(videos[0], STYLES[0], 300)}
    else:
        videos = await find_videos(f"{variables['userId']}/")
        shown = {
            "page": lambda: [with_clips(video, STYLES[0], 10) for video in videos[:20]],
            "wall": lambda: [with_clips(video, None, 50) for video in videos[:20]],
            "list": lambda: [to_video(video) for video in videos[:100]],
        }
        data = {"videos": {"nodes": shown[name]()}}
    return Response(orjson.dumps({"data": data}), media_type="application/json")


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/graphql", answer, methods=["POST"])]))
