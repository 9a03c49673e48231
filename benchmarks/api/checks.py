"""Do all peers say the same? Nothing is timed before they do."""

import urllib.request
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from benchmarks.api.client import Connection, RequestFailedError
from benchmarks.api.servers import Server
from benchmarks.api.workloads import CLIPS_A_WRITE, WORKLOADS, Workload

_URLS = ("url", "thumbnailUrl")
_CHARACTERS_SHOWN = 300
MAX_LOG_CHARACTERS = 3000

_STORED = """query stored($userId: ID!, $videoId: ID!) {
  video(videoId: $videoId, userId: $userId) { clips(status: PROCESSING, first: 10000) { nodes {
    clipId sceneId title description style priority startTime endTime durationSeconds fileSizeBytes hasThumbnail status
    createdBy
  } } }
}"""


class AnswersDifferError(Exception):
    """A peer answers something else than clipgraph."""


async def assert_same_answers(reference: Server, servers: list[Server], workload: Workload) -> None:
    """Raises AnswersDifferError unless all servers answer what the reference does, but for signatures and the like."""
    if workload.is_write:
        await _assert_same_writes([reference, *servers])
        return
    body = workload.make_body(0)
    expected = await _ask(reference, body)
    _assert_loadable(expected, reference)
    for server in servers:
        answer = await _ask(server, body)
        if server.peer == "wire":
            _assert_equal(server, workload, workload.documents_read, answer["documents"])
            continue
        _assert_loadable(answer, server)
        _assert_equal(server, workload, _normalise(expected["data"]), _normalise(answer["data"]))


async def read_cost(server: Server, workload: Workload) -> int | None:
    """The documents that the server says it read for a request that it has just had; None where it does not say."""
    # The cold requests of the last round may have pushed it out.
    await _ask(server, workload.make_body(0))
    answer = await _ask(server, workload.make_body(0))
    cost = answer.get("extensions", {}).get("cost")
    return None if cost is None else int(cost["actual"]["documentReads"])


async def _assert_same_writes(servers: list[Server]) -> None:
    """The answers are the same, and so is what clipgraph then reads."""
    workload = WORKLOADS["write"]
    expected: Any = None
    for server in servers:
        body = workload.make_body(0)
        variables = orjson.loads(body)["variables"]["input"]
        answer = (await _ask(server, body))["data"]["createClips"]
        ids = [clip["filename"].removesuffix(".mp4") for clip in variables["clips"]]
        stored = await _read_stored(servers[0], variables["userId"], variables["videoId"])
        # Names hold the number of the write, and ids the name.
        found = [{**stored[clip_id], "clipId": None} for clip_id in ids]
        results = [{"created": result["created"], "title": result["clip"]["title"], "status": result["clip"]["status"]}
                   for result in answer["results"] if result["clip"]["clipId"] in ids]  # fmt: skip
        # Everybody records whoever called; only clipgraph knows who that was.
        seen = [{name: clip[name] for name in clip if name != "createdBy"} for clip in found], results, answer["video"]
        if expected is None:
            assert len(results) == CLIPS_A_WRITE
            expected = seen
        _assert_equal(server, workload, expected, seen)


async def _read_stored(reference: Server, user_id: str, video_id: str) -> dict[str, Any]:
    request = {"query": _STORED, "variables": {"userId": user_id, "videoId": video_id}}
    answer = await _ask(reference, orjson.dumps(request))
    return {clip["clipId"]: clip for clip in answer["data"]["video"]["clips"]["nodes"]}


async def _ask(server: Server, body: bytes) -> Any:
    try:
        async with Connection(server.port) as connection:
            return orjson.loads(await connection.post(body))
    except RequestFailedError as error:
        log = server.process.read_log()[-MAX_LOG_CHARACTERS:]
        raise AnswersDifferError(f"{server.peer} answers with an error: {error}\n{log}") from error


def _normalise(value: Any, name: str = "") -> Any:
    """The value without what may differ: an address's host and signature, and the form of a moment."""
    if isinstance(value, dict):
        return {key: _normalise(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_normalise(item) for item in value]
    if value is not None and name in _URLS:
        address = urlsplit(value)
        assert "X-Amz-Signature" in parse_qs(address.query), value
        return unquote(address.path)
    return datetime.fromisoformat(value) if name.endswith("At") else value


def _assert_equal(server: Server, workload: Workload, expected: Any, answer: Any) -> None:
    if expected == answer:
        return
    expected_text, text = repr(expected), repr(answer)
    at = next((at for at, (a, b) in enumerate(zip(expected_text, text, strict=False)) if a != b), 0)
    part = slice(max(0, at - _CHARACTERS_SHOWN // 2), at + _CHARACTERS_SHOWN // 2)
    raise AnswersDifferError(
        f"{server.peer} answers `{workload.name}` otherwise than clipgraph:\n"
        f"  clipgraph: …{expected_text[part]}…\n  {server.peer}: …{text[part]}…"
    )


def _assert_loadable(answer: Any, server: Server) -> None:
    """The first of the answer's URLs leads to its object."""
    url = _find_url(answer)
    if url is None:
        return
    with urllib.request.urlopen(urllib.request.Request(url, headers={"range": "bytes=0-0"}), timeout=10) as response:  # noqa: S310  ours
        assert response.status in {200, 206}, (server.peer, url)


def _find_url(value: Any) -> str | None:
    if isinstance(value, dict):
        if value.get("thumbnailUrl"):
            return str(value["thumbnailUrl"])
        value = list(value.values())
    if isinstance(value, list):
        return next((url for url in map(_find_url, value) if url is not None), None)
    return None
