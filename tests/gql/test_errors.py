"""Every error of a response has a code from the closed list, and shows nothing of ours."""

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from gql.app import create_app
from gql.errors import ErrorCode, to_argument_path
from repositories.videos import VideoRepository
from settings import Settings

QUERY = {"query": "{ viewer { userId } videos { nodes { id } } }"}


async def post(app: Starlette, body: object) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.post("/graphql", json=body)


async def test_outage_is_unavailable_and_names_the_request(settings: Settings) -> None:
    """An outage of Firestore is UNAVAILABLE with the request's id, and no address."""
    away = {"firestore_emulator_host": "127.0.0.1:9", "firestore_timeout_seconds": 0.5}
    app = create_app(settings.model_copy(update=away))
    response = await post(app, QUERY)
    await app.state.services.close()
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": response.headers["x-request-id"]}
    assert "127.0.0.1" not in response.text


async def test_bug_is_masked_and_its_cause_logged_under_the_requests_id(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug is a masked INTERNAL with the request's id, under which the log has the cause."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(VideoRepository, "list_videos", fail)
    processors = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=processors) as lines:
        response = await post(app, QUERY)
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": response.headers["x-request-id"]}
    assert "secret" not in response.text
    (line,) = (line for line in lines if line["event"] == "resolver_failed")
    assert str(line["exc_info"]) == "a secret of ours"
    assert (line["request_id"], line["path"]) == (response.headers["x-request-id"], "videos")


async def test_what_a_caller_sends_is_cut(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error's message has at most 1,000 characters, and a path in a log line 512."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(VideoRepository, "list_videos", fail)
    long = "a" * 5_000
    refused = await post(app, {"query": f"{{ {long} }}"})
    assert len(refused.json()["errors"][0]["message"]) == 1_000
    with structlog.testing.capture_logs() as lines:
        await post(app, {"query": f"{{ {long}: videos {{ nodes {{ id }} }} }}"})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            await client.get(f"/{long}")
    paths = {line["event"]: line["path"] for line in lines if "path" in line}
    assert paths == {"resolver_failed": long[:512], "request": f"/{long[:511]}"}


async def test_failing_mutation_leaves_its_siblings_answers_alone(
    app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutation that crashes is null, and its sibling's answer stays."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(VideoRepository, "update_clip_statistics", fail)
    document = """mutation {
      recountClips(input: {videoId: "none"}) { __typename }
      deleteVideo(input: {videoId: "none"}) { __typename }
    }"""
    answer = (await post(app, {"query": document})).json()
    assert answer["data"] == {"recountClips": None, "deleteVideo": {"__typename": "VideoNotFound"}}
    assert [error["path"] for error in answer["errors"]] == [["recountClips"]]


def test_codes_are_the_documented_ones() -> None:
    """The error codes are the documented list."""
    assert " ".join(ErrorCode) == (
        "UNAUTHENTICATED FORBIDDEN BAD_USER_INPUT QUERY_TOO_EXPENSIVE RATE_LIMITED DOCUMENT_NOT_TRUSTED "
        "VERSION_TOO_OLD TOO_SLOW TOO_MANY_DOCUMENTS TIMEOUT UNAVAILABLE INTERNAL"
    )


def test_paths_are_in_the_schemas_names() -> None:
    """A model's path is converted to the schema's names."""
    assert to_argument_path(("clips", 3, "start_time")) == ["clips", "3", "startTime"]
    assert to_argument_path(("video_title",)) == ["title"]
