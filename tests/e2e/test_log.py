"""A real server's log after a run of everything, crashes included: who did what is in it, and no secret or title is."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from cli.stack import with_endpoints
from embedded.endpoints import read_endpoints
from gql.app import create_services
from gql.authentication.dev_tokens import mint_token
from gql.logs.redaction import digest_clip_id
from gql.permissions import Role
from settings import Settings
from tests.e2e.conftest import Server
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

TITLE = "Grandmas Zebrafest"
SLUG = "grandmas-zebrafest"
PROMPT = "only the zebrafest"
CLIP_ID = f"clip_01_01_{SLUG}_split"
USER = "someone"
VIDEO = {"videoId": "v1", "videoUrl": "https://youtu.be/dQw4w9WgXcQ", "title": TITLE, "userId": USER}

CREATE = "mutation ($i: CreateVideoInput!) { createVideo(input: $i) { __typename } }"
CLIPS = "mutation ($i: CreateClipsInput!) { createClips(input: $i) { __typename } }"
DELETE = "mutation ($i: DeleteVideoInput!) { deleteVideo(input: $i) { __typename } }"
URLS = """mutation ($i: CreateUploadUrlsInput!) { createUploadUrls(input: $i) {
  ... on CreateUploadUrlsSuccess { uploads { url headers { name value } } } } }"""
WALL = """query ($u: ID) { videos(userId: $u) { nodes { title customPrompt highlights { title } clips(status: null) {
  nodes { title url thumbnailUrl } } } } }"""


class Caller:
    """Requests to the server, by a token where there is one."""

    def __init__(self, server: Server, token: str | None = None) -> None:
        self._url = f"{server.address}/graphql"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def post(self, query: str, **variables: Any) -> Any:
        """The whole answer, whatever it is."""
        body = {"query": query, "variables": variables}
        return httpx.post(self._url, json=body, headers=self._headers, trust_env=False, timeout=PATIENCE_SECONDS).json()


def make_clip(**changes: Any) -> dict[str, Any]:
    return {
        "filename": f"{CLIP_ID}.mp4",
        "sceneId": 1,
        "title": TITLE,
        "style": "split",
        "priority": 1,
        "startTime": "00:00:01",
        "endTime": "00:00:31",
    } | changes


def work(worker: Caller) -> str:
    """Runs workers' calls that succeed and fail; the value is a signed URL."""
    worker.post(CREATE, i=VIDEO | {"customPrompt": PROMPT})
    worker.post(CREATE, i=VIDEO | {"title": f"{TITLE} 2"})
    worker.post(CREATE, i=VIDEO | {"title": TITLE * 200})
    worker.post(CREATE, i=VIDEO | {"title": [TITLE]})
    files = [{"kind": "CLIP", "filename": f"{CLIP_ID}.mp4", "sizeBytes": 4}]
    answer = worker.post(URLS, i={"videoId": "v1", "userId": USER, "files": files})
    (upload,) = answer["data"]["createUploadUrls"]["uploads"]
    headers = {header["name"]: header["value"] for header in upload["headers"]}
    httpx.put(upload["url"], content=b"clip", headers=headers, trust_env=False).raise_for_status()
    worker.post(CLIPS, i={"videoId": "v1", "userId": USER, "clips": [make_clip(status="COMPLETED")]})
    worker.post(CLIPS, i={"videoId": "none", "userId": USER, "clips": [make_clip()]})
    worker.post(f'mutation {{ createVideo(input: {{videoId: "v", title: "{TITLE}" nothing: 1}}) {{ x }} }}')
    return str(upload["url"])


async def damage(data_dir: Path) -> None:
    """Leaves in Firestore and R2 what cannot be read as it was meant."""
    endpoints = read_endpoints(data_dir)
    assert endpoints is not None
    services = create_services(with_endpoints(Settings(), endpoints))
    video = services.firestore.document("users", USER, "videos", "v1")
    await services.storage.put(
        f"{USER}/v1/highlights.json",
        f'{{"video_title": "{TITLE}", "highlights": [{{'.encode(),
        content_type="text/json",
    )
    await video.update({"clips_count": {"title": TITLE, "note": f"{TITLE}, twice"}, "created_at": TITLE})
    await video.collection("clips").document(CLIP_ID).update({"priority": TITLE, "start_time": [TITLE]})
    await services.close()


def ask_by_socket(server: Server, token: str) -> None:
    """A socket whose caller reads, sends what is no message, and is closed."""
    url = server.address.replace("http", "ws", 1) + "/graphql"
    with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as opened:
        opened.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        opened.recv()
        payload = {"query": WALL, "variables": {"u": USER, "title": TITLE}}
        opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        opened.recv()
        opened.send(f"{{{TITLE} {token}")


def children_of(pid: int) -> list[int]:
    """The embedded Firestore and S3, which the server has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc is Linux's")
def test_log_of_a_run_of_everything_holds_no_secret_and_no_title(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a token's part, a signature, a key of R2's, a title nor a prompt is in any log, at the level of debug."""
    monkeypatch.setenv("CLIPGRAPH_LOG_LEVEL", "debug")
    data_dir = tmp_path / "data"
    server = serve(data_dir, "--no-demo", program="tests.e2e.faulty")
    endpoints = read_endpoints(data_dir)
    assert endpoints is not None
    admin, user = (mint_token(data_dir, USER, role, 600) for role in (Role.ADMIN, Role.USER))
    signed_url = work(Caller(server))
    owner = Caller(server, user)
    read = owner.post(WALL)
    assert read["data"]["videos"]["nodes"][0]["title"] == TITLE
    assert owner.post(CREATE, i={"videoId": "v2", "videoUrl": "https://x.example", "title": TITLE})["errors"]
    Caller(server, f"{admin}x").post(WALL)
    httpx.get(f"{server.address}/{admin}?access_token={admin}", trust_env=False)
    asyncio.run(damage(data_dir))
    Caller(server, admin).post(WALL, u=USER)
    crashed = Caller(server).post(CREATE, i=VIDEO | {"title": f"{TITLE} 3"})
    assert crashed["errors"][0]["extensions"]["code"] == "INTERNAL"
    ask_by_socket(server, admin)
    for child in children_of(server.process.pid):
        os.kill(child, signal.SIGKILL)
    Caller(server, admin).post(WALL, u=USER)
    Caller(server, admin).post(DELETE, i={"videoId": "v1", "userId": USER})
    server.stop()

    log = (tmp_path / "server.log").read_text()
    others = [path.read_text() for path in (data_dir / "logs").iterdir()]
    query = parse_qs(urlsplit(signed_url).query)
    secrets = [
        TITLE,
        SLUG,
        PROMPT,
        *(token.split(".")[part] for token in (admin, user) for part in (1, 2)),
        query["X-Amz-Signature"][0],
        query["X-Amz-Credential"][0],
        endpoints.r2_access_key_id,
        endpoints.r2_secret_access_key,
    ]
    lowered = "".join([log, *others]).lower()
    assert [secret for secret in secrets if secret.lower() in lowered] == []
    lines = [json.loads(line) for line in log.splitlines()]
    assert any("Traceback" in line.get("exception", "") for line in lines)
    assert_audited(lines)


def assert_audited(lines: list[dict[str, Any]]) -> None:
    """Every mutation has its line: who, what, which ids, and how it ended."""
    audited = [line for line in lines if line["logger"] == "clipgraph.audit"]
    keys = ("mutation", "caller", "user_id", "video_id", "outcome")
    assert [tuple(line.get(key) for key in keys) for line in audited[:8]] == [
        ("createVideo", "demo", USER, "v1", "SUCCESS"),
        ("createVideo", "demo", USER, "v1", "VideoAlreadyExists"),
        ("createVideo", "demo", USER, "v1", "InvalidInput"),
        ("createUploadUrls", "demo", USER, "v1", "SUCCESS"),
        ("createClips", "demo", USER, "v1", "SUCCESS"),
        ("createClips", "demo", USER, "none", "VideoNotFound"),
        ("createVideo", USER, USER, "v2", "FORBIDDEN"),
        ("createVideo", "demo", USER, "v1", "INTERNAL"),
    ]
    assert audited[0]["roles"] == ["user", "worker"]
    assert audited[0]["created"] is True
    assert audited[4]["clips"] == [f"clip_01_01_{digest_clip_id(CLIP_ID)}.mp4"]
    assert all(line["request_id"] for line in audited)
