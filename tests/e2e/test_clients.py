"""The libraries that frontends subscribe with follow a video from its creation to its fiftieth clip.

npm installs what clients/package-lock.json names into pytest's cache folder, at the first run.
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Server
from tests.e2e.proxies import run_proxy
from tests.npm import install_packages
from tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed: apt-get install npm"),
]

SOURCES = Path(__file__).parent / "clients"
CLIENTS = ("graphql-ws", "graphql-sse", "apollo", "urql")
CLIPS = 50
BATCH = 10
NAMES = [f"clip_{number:02d}_{number:02d}_a-title_{('split', 'wide')[number % 2]}" for number in range(CLIPS)]

CREATE_VIDEO = """mutation ($videoId: ID!) {
  createVideo(input: {videoId: $videoId, videoUrl: "https://example.com/v", title: "A video"}) { __typename }
}"""
CREATE_CLIPS = "mutation ($input: CreateClipsInput!) { createClips(input: $input) { __typename } }"
UPDATE_CLIPS = "mutation ($input: UpdateClipStatusesInput!) { updateClipStatuses(input: $input) { __typename } }"
UPDATE_VIDEO = "mutation ($input: UpdateVideoStatusInput!) { updateVideoStatus(input: $input) { __typename } }"
UPLOAD = """mutation ($input: CreateUploadUrlsInput!) {
  createUploadUrls(input: $input) {
    ... on CreateUploadUrlsSuccess { uploads { url headers { name value } } }
  }
}"""
FINAL = """query ($videoId: ID!) {
  video(videoId: $videoId) {
    id status clipsCount clipsByStyle { style count } cover { clipId }
    clips(status: null) { nodes { id clipId style status } }
  }
}"""


@pytest.fixture(scope="session")
def clients(pytestconfig: pytest.Config) -> Path:
    """A folder with the libraries, at the versions of package-lock.json, and our scripts beside them."""
    return install_packages(pytestconfig.cache.mkdir("clients"), SOURCES)


async def follow(folder: Path, name: str, address: str, video_id: str, on_line: Callable[[Any], None]) -> Any:
    """The client's state in the end; each of its lines is shown to `on_line`."""
    command = ["node", str(folder / f"{name}.mjs"), f"{address}/graphql", video_id, "demo"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    line: Any = None
    try:
        async for text in process.stdout:
            line = json.loads(text)
            on_line(line)
        assert await process.wait() == 0, line
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return line["state"]


async def work(server: Server, video_id: str, may_go_on: asyncio.Event) -> None:
    """The workers' steps for a video from its creation on, with a pause when half of it is done."""
    query = _ask(server)
    await query(CREATE_VIDEO, videoId=video_id)
    files = [{"kind": "CLIP", "filename": f"{name}.mp4", "sizeBytes": 4} for name in NAMES]
    uploads = (await query(UPLOAD, input={"videoId": video_id, "files": files}))["createUploadUrls"]["uploads"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for upload in uploads:
            headers = {header["name"]: header["value"] for header in upload["headers"]}
            (await client.put(upload["url"], content=b"clip", headers=headers)).raise_for_status()
    for start in range(0, CLIPS, BATCH):
        names = NAMES[start : start + BATCH]
        clips = [make_clip(start + number, name) for number, name in enumerate(names)]
        await query(CREATE_CLIPS, input={"videoId": video_id, "clips": clips})
        changes = [{"clipId": name, "status": "COMPLETED"} for name in names]
        await query(UPDATE_CLIPS, input={"videoId": video_id, "clips": changes})
        if start == CLIPS // 2 - CLIPS // 2 % BATCH:
            await may_go_on.wait()
    await query(UPDATE_VIDEO, input={"videoId": video_id, "status": "COMPLETED"})


def _ask(server: Server) -> Callable[..., Any]:
    async def query(document: str, **variables: Any) -> Any:
        return await asyncio.to_thread(server.query, document, **variables)

    return query


def make_clip(number: int, name: str) -> dict[str, Any]:
    """The input of a clip."""
    return {
        "filename": f"{name}.mp4",
        "sceneId": number,
        "title": f"Title {number}",
        "style": name.rpartition("_")[2],
        "priority": number + 1,
        "startTime": "00:00:00",
        "endTime": "00:00:30",
    }


async def test_clients_follow_a_video_to_its_end_through_a_broken_connection(
    clients: Path, serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Each ends with the exact state, has been told everything in order, and went on by `after` where it was cut."""
    server, video_id = await asyncio.to_thread(serve, tmp_path / "data", "--no-demo"), "v1"
    may_go_on, seen = asyncio.Event(), {name: set[str]() for name in CLIENTS}
    lines: dict[str, list[Any]] = {name: [] for name in CLIENTS}
    async with asyncio.timeout(PATIENCE_SECONDS), run_proxy(server.address) as (proxy, address):

        def take(name: str, line: Any) -> None:
            lines[name].append(line)
            if line.get("name") == "clips":
                seen[name].add(line["version"])
            if not may_go_on.is_set() and all(len(versions) > CLIPS // 2 for versions in seen.values()):
                proxy.cut()
                may_go_on.set()

        async with asyncio.TaskGroup() as group:
            following = {
                name: group.create_task(follow(clients, name, address, video_id, partial(take, name)))
                for name in CLIENTS
            }
            group.create_task(work(server, video_id, may_go_on))
    final = (await _ask(server)(FINAL, videoId=video_id))["video"]
    clips = final.pop("clips")["nodes"]
    assert len(clips) == final["clipsCount"] == CLIPS
    for name, task in following.items():
        state = task.result()
        assert state["video"] == final, name
        assert sorted(state["clips"], key=_get_id) == sorted(clips, key=_get_id), name
        assert state["connections"] == {"video": 2, "clips": 2}, name
        for kind in ("video", "clips"):
            versions = [line["version"] for line in lines[name] if line.get("name") == kind]
            assert versions == sorted(set(versions)), name


def _get_id(clip: Any) -> str:
    return str(clip["id"])
