"""The repositories over the embedded Firestore, through the real client, and a proxy that fails on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from embedded.firestore.process import FirestoreProcess
from repositories.client import FirestoreClient, create_client
from repositories.clips import ClipRepository
from repositories.models import ClipMetadata, VideoMetadata
from repositories.videos import VideoRepository

ROOT = Path(__file__).parent.parent.parent

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]


@pytest.fixture(scope="session")
def firestore_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of an embedded Firestore that refuses queries without an index, as production does."""
    with FirestoreProcess(tmp_path_factory.mktemp("firestore"), indexes=ROOT / "firestore.indexes.json") as server:
        yield server.host_port


@pytest.fixture
async def client(firestore_host: str) -> FirestoreClient:
    """A client of the embedded Firestore."""
    return create_client(project="test", emulator_host=firestore_host)


@pytest.fixture
def videos(client: FirestoreClient, user_id: str) -> VideoRepository:
    """The videos of this test's user."""
    return VideoRepository(user_id, client)


@pytest.fixture
async def clips(videos: VideoRepository, make_video: MakeVideo, client: FirestoreClient) -> ClipRepository:
    """The clips of this test's video `v`, which is there and has none yet."""
    await videos.create_video(make_video())
    return ClipRepository(videos.user_id, "v", client)


@pytest.fixture
def make_video(user_id: str) -> MakeVideo:
    """Makes a valid video of this test's user, but for the fields given."""

    def make(**fields: Any) -> VideoMetadata:
        return VideoMetadata(**{"user_id": user_id, "video_id": "v", "video_title": "A title"} | fields)

    return make


@pytest.fixture
def make_clip(user_id: str) -> MakeClip:
    """Makes a valid, completed clip of the video `v`, with this number, but for the fields given."""

    def make(number: int = 1, **fields: Any) -> ClipMetadata:
        defaults = {
            "user_id": user_id,
            "video_id": "v",
            "filename": f"clip_{number:02d}_{number:02d}_title_split.mp4",
            "scene_id": number,
            "scene_title": f"Title {number}",
            "style": "split",
            "priority": number,
            "start_time": "00:00:01",
            "end_time": "00:00:03.500",
            "status": "completed",
        }
        return ClipMetadata(**defaults | fields)

    return make


@pytest.fixture
def assert_exact_statistics(client: FirestoreClient, user_id: str) -> Callable[..., Awaitable[None]]:
    """Asserts that a video's statistics equal a count of its clips, read one by one."""

    async def assert_exact(video_id: str = "v") -> None:
        video = await VideoRepository(user_id, client).get_video(video_id)
        page = await ClipRepository(user_id, video_id, client).list_clips(limit=10_000)
        completed = [clip.style for clip in page if clip.status == "completed"]
        assert video is not None
        assert video.clips_count == len(completed)
        assert video.clips_by_style == {style: completed.count(style) for style in set(completed)}

    return assert_exact


@dataclass
class FirestoreProxy:
    """Passes RPCs on to Firestore, counts them by name, and fails those that a test picks."""

    target: str
    host_port: str = ""
    rpcs: list[str] = field(default_factory=list)
    fail: Callable[[str, int], "grpc.StatusCode | None"] = lambda _name, _nth: None
    """Given the RPC's name and how many of it came before: the code to refuse it with, or None."""

    fail_after: Callable[[str, int], "grpc.StatusCode | None"] = lambda _name, _nth: None
    """The same, but once Firestore has done it: the answer is lost."""

    before: Callable[[str, int], Awaitable[None]] | None = None
    """Awaited before an RPC is passed on."""

    async def start(self) -> None:
        """The proxy serves on `host_port`."""
        self._channel = grpc.aio.insecure_channel(self.target)
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.host_port = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def stop(self) -> None:
        """Closes the proxy and all of its connections."""
        await self._server.stop(None)
        await self._channel.close(None)

    async def pass_on(self, method: str, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """Firestore's answers."""
        name = method.rpartition("/")[2]
        nth = self.rpcs.count(name)
        self.rpcs.append(name)
        if self.before is not None:
            await self.before(name, nth)
        if code := self.fail(name, nth):
            await context.abort(code, "refused by the test")
        metadata = [(key, value) for key, value in context.invocation_metadata() if not key.startswith("grpc-")]
        try:
            answers = [
                answer async for answer in self._channel.unary_stream(method, None, None)(request, metadata=metadata)
            ]
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details())
        if code := self.fail_after(name, nth):
            await context.abort(code, "the answer is lost")
        for answer in answers:
            yield answer


class _Handler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in its stubs only
    def __init__(self, proxy: FirestoreProxy) -> None:
        self._proxy = proxy

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method

        async def handle(request: bytes, context: Any) -> AsyncIterator[bytes]:
            async for answer in self._proxy.pass_on(method, request, context):
                yield answer

        # On the wire one answer and a stream of one are the same.
        return grpc.unary_stream_rpc_method_handler(handle)


@pytest.fixture
async def proxy(firestore_host: str) -> AsyncIterator[FirestoreProxy]:
    """A proxy in front of the embedded Firestore."""
    started = FirestoreProxy(firestore_host)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def proxied(proxy: FirestoreProxy) -> FirestoreClient:
    """A client that goes through the proxy."""
    return create_client(project="test", emulator_host=proxy.host_port)
