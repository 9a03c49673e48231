"""Whole requests through the app, in this process, against the session's real Firestore and S3 servers."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from contextvars import ContextVar
from typing import Any, ClassVar

import httpx
import orjson
import pytest
from graphql.pyutils import Path, is_awaitable
from starlette.applications import Starlette

from gql.app import create_app
from gql.context import Context
from gql.execution.executor import BreadthFirstExecutor, CoreExecutor
from gql.execution.output_meter import OutputMeter
from gql.loaders import Loaders
from gql.permissions import Principal
from gql.schema import schema
from gql.services import Services
from settings import Settings
from tests.patience import PATIENCE_SECONDS

Execute = Callable[..., Awaitable[Any]]
MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]


class CheckedExecutor(BreadthFirstExecutor):
    """Has graphql-core run once more all that ran as a batch, and notes where that gives other bytes, or an error."""

    differences: ClassVar[list[str]] = []

    @property
    def _output(self) -> OutputMeter:
        """The request's meter; while a check runs, one that counts for nothing."""
        return OutputMeter() if _is_checking.get() else self._counted

    @_output.setter
    def _output(self, output: OutputMeter) -> None:
        self._counted = output

    def execute_field(self, *args: Any) -> Any:
        """The field's value, checked."""
        return self._run_checked(super().execute_field, args)

    def complete_list_value(self, *args: Any) -> Any:
        """The list, checked."""
        return self._run_checked(super().complete_list_value, args)

    def _get_compiled(self, compiled: Any, details: Any, type_: Any, make: Any) -> Any:
        """The compiled plan; None while graphql-core runs."""
        found = None if _is_checking.get() else super()._get_compiled(compiled, details, type_, make)
        self._has_plan = found is not None and compiled is self._plans
        return found

    def _run_checked(self, run: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if _is_checking.get():
            return run(*args)
        path = next(arg for arg in args if isinstance(arg, Path))
        errors = self._count_errors(path)
        self._has_plan = False
        shown = run(*args)
        if not self._has_plan or is_awaitable(shown) or self._count_errors(path) > errors:
            return shown
        token = _is_checking.set(True)
        expected = run(*args)
        if is_awaitable(expected):
            # A task has the context of this moment: all of it is graphql-core's.
            expected = asyncio.ensure_future(expected)
        _is_checking.reset(token)
        if is_awaitable(expected):
            return self._compare_later(path, errors, args[0], shown, expected)
        self._compare(path, errors, args[0], shown, expected)
        return shown

    async def _compare_later(self, path: Path, errors: int, type_: Any, shown: Any, expected: Any) -> Any:
        """The batch's value, after it was compared with the coroutine's."""
        self._compare(path, errors, type_, shown, await expected)
        return shown

    def _count_errors(self, path: Path) -> int:
        """The errors at the path and below it: another field may fail while this one is awaited."""
        place = path.as_list()
        return sum((error.path or [])[: len(place)] == place for error in self.collected_errors.errors)

    def _compare(self, path: Path, errors: int, type_: Any, shown: Any, expected: Any) -> None:
        if self._count_errors(path) > errors or to_json(shown) != to_json(expected):
            self.differences.append(f"{type_}: {to_json(shown)!r:.1000} instead of {to_json(expected)!r:.1000}")


_is_checking = ContextVar("is_checking", default=False)


def to_json(answer: Any) -> bytes:
    """The bytes that are sent."""
    return orjson.dumps(answer)


@pytest.fixture(scope="session", autouse=True)
def executor() -> Iterator[None]:
    """Batches are checked in all these tests; with CLIPGRAPH_TEST_EXECUTOR=graphql-core there are none."""
    is_core = os.environ.get("CLIPGRAPH_TEST_EXECUTOR") == "graphql-core"
    schema.execution_context_class = CoreExecutor if is_core else CheckedExecutor
    yield
    schema.execution_context_class = BreadthFirstExecutor


@pytest.fixture(autouse=True)
def assert_same_answers() -> Iterator[None]:
    """No batch of this test had another answer than graphql-core."""
    yield
    differences = CheckedExecutor.differences.copy()
    CheckedExecutor.differences.clear()
    assert differences == []


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Starlette]:
    """The app with clients of its own, for this test's event loop."""
    app = create_app(settings)
    yield app
    await app.state.services.close()


@pytest.fixture
def services(app: Starlette) -> Services:
    """The services behind the app."""
    services: Services = app.state.services
    return services


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to the app."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def make_client(settings: Settings) -> AsyncIterator[MakeClient]:
    """Makes clients of apps with settings changed."""
    async with AsyncExitStack() as stack:

        async def make_client(**changes: object) -> httpx.AsyncClient:
            app = create_app(settings.model_copy(update=changes))
            stack.push_async_callback(app.state.services.close)
            transport = httpx.ASGITransport(app)
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=PATIENCE_SECONDS)
            )

        yield make_client


@pytest.fixture
def execute(client: httpx.AsyncClient) -> Execute:
    """Runs a document with variables, and answers the whole response."""

    async def execute(query: str, **variables: Any) -> Any:
        response = await client.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        return response.json()

    return execute


@pytest.fixture
def query(execute: Execute) -> Execute:
    """Runs a document that must succeed, and answers its data."""

    async def query(document: str, **variables: Any) -> Any:
        answer = await execute(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    return query


CREATE_VIDEO = """
mutation ($input: CreateVideoInput!) {
  createVideo(input: $input) {
    __typename
    ... on CreateVideoSuccess { created video { id videoId title youtubeId status clipsCount createdBy targetAspect } }
    ... on UserError { message }
    ... on InvalidInput { path }
    ... on VideoAlreadyExists { videoId fields }
  }
}
"""

CREATE_CLIPS = """
mutation ($input: CreateClipsInput!) {
  createClips(input: $input) {
    __typename
    ... on CreateClipsSuccess {
      results { created clip { clipId status fileSizeBytes size hasThumbnail createdBy } }
      video { clipsCount clipsByStyle { style count } }
    }
    ... on UserError { message }
    ... on InvalidInput { path }
    ... on ClipAlreadyExists { clipId fields }
    ... on FileMissing { key }
    ... on VideoNotFound { videoId }
  }
}
"""


@pytest.fixture
def clip_input() -> Callable[..., dict[str, Any]]:
    """Makes the input of a clip as a worker would send it, from a number, a style and changes."""
    return make_clip_input


def make_clip_input(number: int, style: str = "split", **changes: Any) -> dict[str, Any]:
    """The input of clip `number`."""
    return {
        "filename": f"clip_{number:02d}_{number:02d}_a-title_{style}.mp4",
        "sceneId": number,
        "title": f"Title {number}",
        "style": style,
        "priority": number,
        "startTime": f"00:{number:02d}:00",
        "endTime": f"00:{number:02d}:30.500",
    } | changes


@pytest.fixture
def create_video(query: Execute, user_id: str) -> Execute:
    """Creates a video of this test's user by mutation, and answers the mutation's result."""

    async def create_video(video_id: str = "v1", **changes: Any) -> Any:
        given = {"videoId": video_id, "videoUrl": "https://youtu.be/dQw4w9WgXcQ", "title": "A video", "userId": user_id}
        return (await query(CREATE_VIDEO, input=given | changes))["createVideo"]

    return create_video


@pytest.fixture
def create_clips(query: Execute, user_id: str) -> Execute:
    """Creates clips of a video of this test's user by mutation, and answers the mutation's result."""

    async def create_clips(*clips: dict[str, Any], video_id: str = "v1") -> Any:
        given = {"videoId": video_id, "userId": user_id, "clips": clips}
        return (await query(CREATE_CLIPS, input=given))["createClips"]

    return create_clips


@pytest.fixture
def upload(services: Services, user_id: str) -> Execute:
    """Puts a clip's file, and its thumbnail unless said otherwise, where the layout wants them."""

    async def upload(
        filename: str, *, body: bytes = b"0123456789", thumbnail: bool = True, video_id: str = "v1"
    ) -> None:
        folder = f"{user_id}/{video_id}/clips"
        await services.storage.put(f"{folder}/{filename}", body, content_type="video/mp4")
        if thumbnail:
            await services.storage.put(f"{folder}/{filename[:-4]}.jpg", b"\xff\xd8jpeg", content_type="image/jpeg")

    return upload


@pytest.fixture
def complete_clips(create_clips: Execute, upload: Execute) -> Execute:
    """Uploads the files of clips and creates them completed."""

    async def complete_clips(*clips: dict[str, Any], video_id: str = "v1") -> Any:
        for clip in clips:
            await upload(clip["filename"], video_id=video_id)
        return await create_clips(*({**clip, "status": "COMPLETED"} for clip in clips), video_id=video_id)

    return complete_clips


@pytest.fixture
def execute_as(services: Services) -> Execute:
    """Runs a document as this caller, and answers all of the response: the data, the errors, and the extensions."""

    async def execute_as(principal: Principal, document: str, **variables: Any) -> Any:
        context = Context(principal, services, Loaders(services), request_id="test")
        result = await schema.execute(document, variables, context_value=context)
        errors = [error.formatted for error in result.errors or ()]
        return {"data": orjson.loads(to_json(result.data)), "errors": errors, "extensions": result.extensions}

    return execute_as


@pytest.fixture
def dump(services: Services) -> Execute:
    """Answers all that Firestore and R2 hold of a user, with the moments of the last writes."""

    async def dump(user_id: str) -> Any:
        documents = {}
        async for video in services.firestore.collection("users", user_id, "videos").list_documents():
            for found in [await video.get(), *[clip async for clip in video.collection("clips").stream()]]:
                documents[found.reference.path] = (found.to_dict(), found.update_time)
        files = [file async for file in services.storage.list(f"{user_id}/")]
        uploads = [upload async for upload in services.storage.list_multipart_uploads(f"{user_id}/")]
        return documents, files, uploads

    return dump
