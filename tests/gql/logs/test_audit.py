"""The audit log: each mutation that a caller asks for has one line, however it ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from gql.logs.audit import MAX_IDS, find_ids
from gql.permissions import Principal, Role
from repositories.videos import VideoRepository

STATUSES = "mutation ($i: UpdateClipStatusesInput!) { updateClipStatuses(input: $i) { __typename } }"
DELETE = "mutation ($i: DeleteVideoInput!) { deleteVideo(input: $i) { __typename } }"
Execute = Callable[..., Any]
USER = Principal("somebody", frozenset({Role.USER}))
WORKER = Principal("farm", frozenset({Role.WORKER}))


async def audit_of(execution: Any) -> Any:
    """The one line of what is executed."""
    with structlog.testing.capture_logs() as lines:
        await execution
    (line,) = [line for line in lines if line["event"] == "mutation"]
    return line


async def test_line_says_who_did_what_to_which_and_how_it_ended(execute_as: Execute, user_id: str) -> None:
    """The line of a mutation has the caller, action, ids and outcome, and no text of the input."""
    clips = [{"clipId": f"c{number}", "status": "FAILED", "errorMessage": "secret words"} for number in range(3)]
    line = await audit_of(execute_as(WORKER, STATUSES, i={"videoId": "v1", "userId": user_id, "clips": clips}))
    assert line == {
        "event": "mutation",
        "log_level": "info",
        "mutation": "updateClipStatuses",
        "action": "write",
        "caller": "farm",
        "roles": ["worker"],
        "user_id": user_id,
        "video_id": "v1",
        "clips": ["c0", "c1", "c2"],
        "clips_count": 3,
        "outcome": "VideoNotFound",
    }


async def test_refused_one_has_a_line(execute_as: Execute, user_id: str) -> None:
    """A forbidden mutation has a line with FORBIDDEN and the owner's id."""
    line = await audit_of(execute_as(USER, DELETE, i={"videoId": "v1", "userId": user_id}))
    assert (line["caller"], line["user_id"], line["outcome"]) == ("somebody", user_id, "FORBIDDEN")


async def test_crashed_one_has_a_line(execute_as: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crashed mutation has a line with INTERNAL and without the cause."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(VideoRepository, "delete_video", fail)
    line = await audit_of(execute_as(USER, DELETE, i={"videoId": "v1"}))
    assert line["outcome"] == "INTERNAL"
    assert "secret" not in str(line)


async def test_cancelled_one_has_a_line(execute_as: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller has left, and what it did may be done."""
    has_begun = asyncio.Event()

    async def wait(*_: object) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(VideoRepository, "delete_video", wait)

    async def leave() -> None:
        task = asyncio.create_task(execute_as(USER, DELETE, i={"videoId": "v1"}))
        await has_begun.wait()
        task.cancel()
        await asyncio.wait([task])

    assert (await audit_of(leave()))["outcome"] == "CANCELLED"


async def test_each_mutation_of_a_request_has_its_line(execute_as: Execute) -> None:
    """Two mutations in one request have a line each."""
    two = """mutation {
      a: deleteVideo(input: {videoId: "1"}) { __typename }
      b: deleteVideo(input: {videoId: "2"}) { __typename }
    }"""
    with structlog.testing.capture_logs() as lines:
        await execute_as(USER, two)
    assert [line["video_id"] for line in lines if line["event"] == "mutation"] == ["1", "2"]


def test_line_is_bounded_whatever_was_sent() -> None:
    """Ids are cut at 1,500 characters and at 1,000 clips, and the count stays exact."""

    class Clip:
        clip_id = "c" * 100_000

    class Given:
        user_id = None
        video_id = "v" * 100_000
        clips = [Clip()] * (MAX_IDS + 1)

    ids = find_ids(Given(), USER)
    assert (len(ids["video_id"]), len(ids["clips"]), ids["clips_count"]) == (1_500, MAX_IDS, MAX_IDS + 1)
    assert ids["user_id"] == "somebody"
