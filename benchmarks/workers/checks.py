"""The end of a run, looked at from every side: the API, Firestore's documents, R2's objects, and reconcile."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from benchmarks.workers.plan import USER_ID, ClipPlan, Plan
from benchmarks.workers.runner import Run
from benchmarks.workers.server import ROOT
from cli.stack import connect_services
from gql.app import create_services
from gql.services import Services

Id = tuple[str, str]
"""A video and a clip."""

PAGE_SIZE = 100
MAX_EXAMPLES = 3
PAGE = f"""
query ($videoId: ID!, $after: String) {{
  video(videoId: $videoId) {{
    clipsCount clipsByStyle {{ style count }}
    clips(status: null, first: {PAGE_SIZE}, after: $after) {{
      totalCount pageInfo {{ hasNextPage endCursor }}
      nodes {{ clipId style status fileSizeBytes hasThumbnail }}
    }}
  }}
}}"""


async def find_problems(run: Run) -> list[str]:
    """The problems found: none where every clip is there once, completed, with its files and counted."""
    expected = {(clip.video_id, clip.clip_id): _describe(clip) for clip in run.plan.list_all_clips()}
    problems = compare("acknowledged", dict.fromkeys(expected), dict.fromkeys(run.acknowledged))
    async with httpx.AsyncClient(base_url=run.server.address, timeout=60) as client:
        problems += await _compare_api(client, run.plan, expected)
    with connect_services(run.server.data_dir) as settings:
        services = create_services(settings)
        problems += await _compare_firestore(services, run.plan, expected)
        problems += await _compare_r2(services, run.plan)
        await services.close()
    return problems + _reconcile(run)


def compare(place: str, expected: Mapping[Any, object], found: Mapping[Any, object]) -> list[str]:
    """A line for what is missing, one for what is too much, and one for what is not as expected."""
    differing = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    kinds = {"missing": expected.keys() - found.keys(), "too many": found.keys() - expected.keys(), "wrong": differing}
    return [
        f"{place}: {len(keys)} {kind}, such as {sorted(map(str, keys))[:MAX_EXAMPLES]}"
        for kind, keys in kinds.items()
        if keys
    ]


def count_clips(plan: Plan) -> dict[str, dict[str, int]]:
    """A recount of each video's clips, by style."""
    counts: dict[str, Counter[str]] = {video_id: Counter() for video_id in plan.video_ids}
    for clip in plan.list_all_clips():
        counts[clip.video_id][clip.style] += 1
    return {video_id: dict(counted) for video_id, counted in counts.items()}


def _describe(clip: ClipPlan) -> tuple[str, str, int, bool]:
    """Style, status, size in bytes, and whether it has a thumbnail."""
    return clip.style, "completed", len(clip.body), clip.has_thumbnail


async def _compare_api(client: httpx.AsyncClient, plan: Plan, expected: Mapping[Id, object]) -> list[str]:
    counts, found, problems = {}, {}, []
    for video_id in plan.video_ids:
        total = seen = 0
        async for video in _read_pages(client, video_id):
            counts[video_id] = {entry["style"]: entry["count"] for entry in video["clipsByStyle"]}, video["clipsCount"]
            total = video["clips"]["totalCount"]
            for clip in video["clips"]["nodes"]:
                seen += 1
                found[video_id, clip["clipId"]] = (
                    *(clip["style"], clip["status"].lower(), clip["fileSizeBytes"], clip["hasThumbnail"]),
                )
        if not total == seen == sum(1 for id_ in found if id_[0] == video_id):
            problems.append(f"GraphQL: {video_id} has {seen} clips in its pages, and a totalCount of {total}")
    recounted = {video_id: (by_style, sum(by_style.values())) for video_id, by_style in count_clips(plan).items()}
    return problems + compare("GraphQL", expected, found) + compare("GraphQL's statistics", recounted, counts)


async def _read_pages(client: httpx.AsyncClient, video_id: str) -> AsyncIterator[Any]:
    after, has_next = None, True
    while has_next:
        body = {"query": PAGE, "variables": {"videoId": video_id, "after": after}}
        video = (await client.post("/graphql", json=body)).json()["data"]["video"]
        if video is None:
            return
        yield video
        after, has_next = video["clips"]["pageInfo"]["endCursor"], video["clips"]["pageInfo"]["hasNextPage"]


async def _compare_firestore(services: Services, plan: Plan, expected: Mapping[Id, object]) -> list[str]:
    """The documents as they are stored, without the repositories between."""
    videos = services.firestore.collection("users", USER_ID, "videos")
    counts, found = {}, {}
    async for video in videos.stream():
        fields = video.to_dict() or {}
        counts[video.id] = fields.get("clips_by_style"), fields.get("clips_count")
        async for clip in videos.document(video.id).collection("clips").stream():
            stored = clip.to_dict() or {}
            names = ("style", "status", "file_size_bytes", "has_thumbnail")
            found[video.id, clip.id] = tuple(stored.get(name) for name in names)
    recounted = {video_id: (by_style, sum(by_style.values())) for video_id, by_style in count_clips(plan).items()}
    return compare("Firestore", expected, found) + compare("Firestore's statistics", recounted, counts)


async def _compare_r2(services: Services, plan: Plan) -> list[str]:
    expected = {file.key: len(file.body) for clip in plan.list_all_clips() for file in clip.files}
    found = {stored.key: stored.size_bytes async for stored in services.storage.list()}
    return compare("R2", expected, found)


def _reconcile(run: Run) -> list[str]:
    """The drift that `clipgraph reconcile` finds, however young the files are."""
    command = [sys.executable, "-m", "cli.main", "reconcile", "--json", "--older-than", "0s"]
    command += ["--data-dir", str(run.server.data_dir)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    drifts = [f"reconcile: {line['kind']} {line['text']}" for line in lines if "summary" not in line]
    if ended.returncode == 0 and lines and not drifts:
        return []
    return drifts[:MAX_EXAMPLES] or [f"reconcile: exit code {ended.returncode}, {ended.stderr.strip()[-300:]}"]
