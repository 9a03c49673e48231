"""Any sequence of mutations, with Firestore and R2 failing amid them, held against a plain model.

Whatever happens, a video's statistics equal a recount and each completed clip has its file. Whoever gets no answer
calls again, as workers do; once a call is answered, what is stored is exactly what was acknowledged.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gql.app import create_app, create_services
from settings import Settings
from tests.gql.conftest import make_clip_input
from tests.repositories.conftest import FirestoreProxy

CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)
MUTATIONS = {
    "createVideo": "CreateVideo",
    "createClips": "CreateClips",
    "updateClipStatus": "UpdateClipStatus",
    "updateClipStatuses": "UpdateClipStatuses",
    "recountClips": "RecountClips",
    "deleteClip": "DeleteClip",
    "deleteVideo": "DeleteVideo",
}


class S3Proxy:
    """Passes bytes on to the S3 server; refuses so many requests with 503 first."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self.failures = 0
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """The address that it serves on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Nothing of it is left."""
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._pass_on_both_ways(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _pass_on_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection(*self._target)
        answering = asyncio.create_task(_pass_on(upstream_reader, writer))
        try:
            while chunk := await reader.read(65_536):
                if self.failures > 0:
                    self.failures -= 1
                    writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    await writer.drain()
                    break
                upstream.write(chunk)
        finally:
            answering.cancel()
            for stream in (upstream, writer):
                stream.close()
            await asyncio.gather(answering, upstream.wait_closed(), writer.wait_closed(), return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)


class Failures:
    """What goes wrong during one call."""

    def __init__(self, place: str, code: grpc.StatusCode, count: int) -> None:
        self.place, self.code, self.count = place, code, count

    def __repr__(self) -> str:
        return f"{self.count} x {self.code.name} {self.place}"

    def take(self) -> grpc.StatusCode | None:
        """The code to fail with now, or None."""
        self.count -= 1
        return self.code if self.count >= 0 else None


@st.composite
def failures(draw: st.DrawFn) -> Failures | None:
    place = draw(st.sampled_from(["nowhere", "before a commit", "after a commit", "at a read", "in S3"]))
    if place == "nowhere":
        return None
    return Failures(place, draw(st.sampled_from(CODES)), draw(st.sampled_from([1, 2, 9])))


VIDEOS = st.sampled_from(["v", "w"])
NUMBERS = st.integers(1, 4)
STATUSES = st.sampled_from(["PROCESSING", "COMPLETED", "FAILED"])


class Writes(RuleBasedStateMachine):
    """The mutations, and a model of what was acknowledged."""

    settings: Settings

    @initialize()
    def start(self) -> None:
        """An app whose Firestore and R2 are behind proxies, and services that are not."""
        self.runner = asyncio.Runner()
        self.user_id = f"user-{uuid.uuid4().hex[:12]}"
        self.videos: dict[str, dict[int, str]] = {}
        self.runner.run(self._start())

    async def _start(self) -> None:
        host = self.settings.firestore_emulator_host
        endpoint = httpx.URL(str(self.settings.r2_endpoint_url))
        assert host is not None
        self.firestore, self.s3 = FirestoreProxy(host), S3Proxy(endpoint.host, endpoint.port or 80)
        await self.firestore.start()
        changes = {
            "firestore_emulator_host": self.firestore.host_port,
            "r2_endpoint_url": await self.s3.start(),
            "firestore_timeout_seconds": 0.3,
            "statistics_window_ms": 0,
        }
        self.direct = create_services(self.settings)
        self.app = create_app(self.settings.model_copy(update=changes))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://clipgraph")

    def teardown(self) -> None:
        """Nothing is left running."""
        self.runner.run(self._stop())
        self.runner.close()

    async def _stop(self) -> None:
        await self.client.aclose()
        await self.app.state.services.close()
        await self.direct.close()
        await self.s3.stop()
        await self.firestore.stop()

    def call(self, mutation: str, fails: Failures | None, **given: Any) -> Any:
        """The answer; whoever gets none calls again."""
        self._inject(fails)
        answer = self.runner.run(self._send(mutation, given))
        self._inject(None)
        if answer is None:
            self.statistics_and_files_are_right()
            answer = self.runner.run(self._send(mutation, given))
        assert answer is not None
        return answer

    def _inject(self, fails: Failures | None) -> None:
        place = fails.place if fails else ""

        def take(name: str, _nth: int) -> grpc.StatusCode | None:
            is_hit = fails is not None and (name == "Commit") == place.endswith("commit") and name != "Rollback"
            return fails.take() if is_hit and fails else None

        never: Callable[[str, int], None] = lambda _name, _nth: None  # noqa: E731
        self.firestore.fail = take if place in {"before a commit", "at a read"} else never
        self.firestore.fail_after = take if place == "after a commit" else never
        self.s3.failures = fails.count if fails and place == "in S3" else 0

    async def _send(self, mutation: str, given: Any) -> Any:
        fields = "__typename"
        if mutation == "createClips":
            fields += " ... on CreateClipsSuccess { results { clip { clipId } } }"
        query = f"mutation ($input: {MUTATIONS[mutation]}Input!) {{ {mutation}(input: $input) {{ {fields} }} }}"
        body = {"query": query, "variables": {"input": given | {"userId": self.user_id}}}
        answer = (await self.client.post("/graphql", json=body)).json()
        if "errors" in answer:
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}, answer
            return None
        return answer["data"][mutation]

    @rule(video=VIDEOS, fails=failures())
    def create_video(self, video: str, fails: Failures | None) -> None:
        """The video is there."""
        answer = self.call("createVideo", fails, videoId=video, videoUrl="https://youtu.be/dQw4w9WgXcQ", title="T")
        assert answer["__typename"] == "CreateVideoSuccess"
        self.videos.setdefault(video, {})

    @rule(video=VIDEOS, number=NUMBERS)
    def upload(self, video: str, number: int) -> None:
        """The clip's file is in R2."""
        key = f"{self.user_id}/{video}/clips/{make_clip_input(number)['filename']}"
        self.runner.run(self.direct.storage.put(key, b"mp4"))

    @rule(
        video=VIDEOS,
        numbers=st.lists(NUMBERS, min_size=1, unique=True),
        status=st.sampled_from(["PROCESSING", "COMPLETED"]),
        policy=st.sampled_from(["REJECT_ALL", "REJECT_FAILED"]),
        fails=failures(),
    )
    def create_clips(self, video: str, numbers: list[int], status: str, policy: str, fails: Failures | None) -> None:
        """What could be created is there."""
        clips = [make_clip_input(number, status=status) for number in numbers]
        answer = self.call("createClips", fails, videoId=video, clips=clips, errorPolicy=policy)
        # A missing file may be told before a missing video.
        assert (video in self.videos) or answer["__typename"] in {"VideoNotFound", "FileMissing"}
        for number, entry in zip(numbers, answer.get("results", []), strict="results" in answer):
            if entry["clip"] is not None:
                self.videos[video].setdefault(number, status)

    @rule(video=VIDEOS, number=NUMBERS, status=STATUSES, fails=failures())
    def update_clip_status(self, video: str, number: int, status: str, fails: Failures | None) -> None:
        """An acknowledged step is taken."""
        answer = self.call("updateClipStatus", fails, videoId=video, clipId=clip_id_of(number), status=status)
        if answer["__typename"] == "UpdateClipStatusSuccess":
            self.videos[video][number] = status

    @rule(video=VIDEOS, numbers=st.lists(NUMBERS, min_size=1, unique=True), status=STATUSES, fails=failures())
    def update_clip_statuses(self, video: str, numbers: list[int], status: str, fails: Failures | None) -> None:
        """Acknowledged steps are taken, all together."""
        steps = [{"clipId": clip_id_of(number), "status": status} for number in numbers]
        answer = self.call("updateClipStatuses", fails, videoId=video, clips=steps)
        if answer["__typename"] == "UpdateClipStatusesSuccess":
            self.videos[video].update(dict.fromkeys(numbers, status))

    @rule(video=VIDEOS, fails=failures())
    def recount_clips(self, video: str, fails: Failures | None) -> None:
        """The statistics were counted anew."""
        self.call("recountClips", fails, videoId=video)

    @rule(video=VIDEOS, number=NUMBERS, fails=failures())
    def delete_clip(self, video: str, number: int, fails: Failures | None) -> None:
        """The clip is gone, whatever was there."""
        answer = self.call("deleteClip", fails, videoId=video, clipId=clip_id_of(number))
        assert answer["__typename"] in {"DeleteClipSuccess", "ClipNotFound"}
        self.videos.get(video, {}).pop(number, None)

    @rule(video=VIDEOS, fails=failures())
    def delete_video(self, video: str, fails: Failures | None) -> None:
        """The video is gone, whatever was there."""
        answer = self.call("deleteVideo", fails, videoId=video)
        assert answer["__typename"] in {"DeleteVideoSuccess", "VideoNotFound"}
        self.videos.pop(video, None)

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        """What is stored is the model, and no delete is left half-way."""
        self.statistics_and_files_are_right()
        stored = {video: self._read_clips(video) for video in self._read_videos()}
        assert stored == {
            video: {clip_id_of(number): status.lower() for number, status in clips.items()}
            for video, clips in self.videos.items()
        }
        assert self.runner.run(self.direct.videos(self.user_id).list_unfinished_deletes()) == []

    def statistics_and_files_are_right(self) -> None:
        """Also where nothing was acknowledged."""
        self.runner.run(self._assert_right())

    async def _assert_right(self) -> None:
        for video in await self.direct.videos(self.user_id).list_videos():
            clips = await self.direct.clips(self.user_id, video.video_id).list_clips()
            completed = [clip for clip in clips if clip.status == "completed"]
            assert (video.clips_count, video.clips_by_style) == (
                len(completed),
                dict(Counter(clip.style for clip in completed)),
            )
            for clip in completed:
                assert await self.direct.storage.head(clip.r2_key) is not None

    def _read_videos(self) -> list[str]:
        return [video.video_id for video in self.runner.run(self.direct.videos(self.user_id).list_videos())]

    def _read_clips(self, video: str) -> dict[str, str]:
        clips = self.runner.run(self.direct.clips(self.user_id, video).list_clips())
        return {clip.clip_id: str(clip.status) for clip in clips}


def clip_id_of(number: int) -> str:
    return str(make_clip_input(number)["filename"]).removesuffix(".mp4")


@pytest.fixture
def machine(settings: Settings) -> type[Writes]:
    """The machine over the session's servers."""
    return type("SettledWrites", (Writes,), {"settings": settings})


@pytest.mark.timeout(300)
def test_writes_are_right_whatever_fails(machine: type[Writes]) -> None:
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=3, stateful_step_count=6, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
