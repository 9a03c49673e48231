"""Any sequence of mutations, with Firestore and R2 failing amid them, held against a plain model.

Whatever happens, a video's statistics equal a recount and each completed clip has its file. Whoever gets no answer
calls again, as workers do; once a call is answered, what is stored is exactly what was acknowledged.

`CLIPGRAPH_WRITE_EXAMPLES` sequences of `CLIPGRAPH_WRITE_STEPS` calls are tried; few, where it is not said.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gql.app import create_app, create_services
from repositories.model.statuses import NEXT_STATUSES
from settings import Settings
from tests.embedded.firestore.effort import effort, timeout
from tests.gql.conftest import make_clip_input
from tests.gql.failures import FIRESTORE_PLACES, EndingFirestoreProxy, Failures, S3Proxy, failures

pytestmark = pytest.mark.prove

# With nothing failing, one is enough where the machine is not busy with other things.
MAX_TRIES = 5
BODY = b"mp4"
URL = "https://youtu.be/dQw4w9WgXcQ"
# What answers are asked for, beside their kind.
FIELDS = {
    "createClips": "... on CreateClipsSuccess { results { clip { clipId } } }",
    "createUploadUrls": "... on CreateUploadUrlsSuccess { uploads { url headers { name value } } }",
    "createMultipartUpload": "... on CreateMultipartUploadSuccess { uploadId key }",
    "createUploadPartUrls": "... on CreateUploadPartUrlsSuccess { parts { url headers { name value } } }",
}

VIDEOS = st.sampled_from(["v", "w"])
NUMBERS = st.integers(1, 4)
TITLES = st.sampled_from(["T", "U"])
STATUSES = st.sampled_from(["PROCESSING", "COMPLETED", "FAILED"])


@dataclass
class Video:
    """The acknowledged state of a video."""

    title: str
    status: str = "PROCESSING"
    clips: dict[int, str] = field(default_factory=dict)


class Writes(RuleBasedStateMachine):
    """The mutations, and a model of what was acknowledged."""

    settings: Settings

    @initialize()
    def start(self) -> None:
        """An app whose Firestore and R2 are behind proxies, and services that are not."""
        self.runner = asyncio.Runner()
        self.user_id = f"user-{uuid.uuid4().hex[:12]}"
        self.videos: dict[str, Video] = {}
        self.files: set[tuple[str, int]] = set()
        self.runner.run(self._start())

    async def _start(self) -> None:
        host = self.settings.firestore_emulator_host
        endpoint = httpx.URL(str(self.settings.r2_endpoint_url))
        assert host is not None
        self.firestore, self.s3 = EndingFirestoreProxy(host), S3Proxy(endpoint.host, endpoint.port or 80)
        await self.firestore.start()
        changes = {
            "firestore_emulator_host": self.firestore.host_port,
            "r2_endpoint_url": await self.s3.start(),
            "firestore_timeout_seconds": 0.3,
            "statistics_window_ms": 0,
        }
        self.direct = create_services(self.settings)
        self.app = create_app(self.settings.model_copy(update=changes))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost")
        self.http = httpx.AsyncClient(trust_env=False)

    def teardown(self) -> None:
        """Stops everything that runs."""
        self.runner.run(self._stop())
        self.runner.close()

    async def _stop(self) -> None:
        await self.client.aclose()
        await self.http.aclose()
        await self.app.state.services.close()
        await self.direct.close()
        await self.s3.stop()
        await self.firestore.stop()

    def call(self, mutation: str, fails: Failures | None, **given: Any) -> Any:
        """The answer; whoever gets none calls again."""
        self._inject(fails)
        answer = self.runner.run(self._send(mutation, given))
        self._inject(None)
        for _ in range(MAX_TRIES):
            if answer is not None:
                return answer
            self.statistics_and_files_are_right()
            answer = self.runner.run(self._send(mutation, given))
        raise AssertionError(f"{mutation} is never answered")

    def _inject(self, fails: Failures | None) -> None:
        place = fails.place if fails else ""

        def take(name: str, _nth: int) -> grpc.StatusCode | None:
            is_hit = fails is not None and (name == "Commit") == place.endswith("commit") and name != "Rollback"
            return fails.take() if is_hit and fails else None

        never: Callable[[str, int], None] = lambda _name, _nth: None  # noqa: E731
        self.firestore.fail = take if place in {"before a commit", "at a read"} else never
        self.firestore.fail_after = take if place == "after a commit" else never
        self.s3.failures = fails if place not in FIRESTORE_PLACES else None

    async def _send(self, mutation: str, given: Any) -> Any:
        kind = mutation[0].upper() + mutation[1:]
        fields = f"__typename {FIELDS.get(mutation, '')}"
        query = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ {fields} }} }}"
        body = {"query": query, "variables": {"input": given | {"userId": self.user_id}}}
        answer = (await self.client.post("/graphql", json=body)).json()
        if "errors" in answer:
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}, answer
            return None
        return answer["data"][mutation]

    def put(self, upload: Any, fails: Failures | None) -> str:
        """S3 has the bytes, after a second try where the first failed; their ETag."""
        headers = {header["name"]: header["value"] for header in upload["headers"]}
        self._inject(fails)
        response = self.runner.run(self._put(upload["url"], headers))
        self._inject(None)
        response = response or self.runner.run(self._put(upload["url"], headers))
        assert response is not None
        return response.headers["etag"]

    async def _put(self, url: str, headers: dict[str, str]) -> httpx.Response | None:
        try:
            response = await self.http.put(url, content=BODY, headers=headers)
        except httpx.TransportError:
            return None
        return response if response.is_success else None

    @rule(video=VIDEOS, title=TITLES, fails=failures())
    def create_video(self, video: str, title: str, fails: Failures | None) -> None:
        """The video is there, unless its id is taken by another."""
        answer = self.call("createVideo", fails, videoId=video, videoUrl=URL, title=title)
        known = self.videos.setdefault(video, Video(title))
        assert answer["__typename"] == ("CreateVideoSuccess" if known.title == title else "VideoAlreadyExists")

    @rule(video=VIDEOS, title=TITLES, fails=failures())
    def update_video(self, video: str, title: str, fails: Failures | None) -> None:
        """The video has the title."""
        answer = self.call("updateVideo", fails, videoId=video, title=title)
        assert answer["__typename"] == ("UpdateVideoSuccess" if video in self.videos else "VideoNotFound")
        if video in self.videos:
            self.videos[video].title = title

    @rule(video=VIDEOS, status=STATUSES, fails=failures())
    def update_video_status(self, video: str, status: str, fails: Failures | None) -> None:
        """The step is taken, if it can be."""
        answer = self.call("updateVideoStatus", fails, videoId=video, status=status)
        known = self.videos.get(video)
        if known is None:
            assert answer["__typename"] == "VideoNotFound"
        elif check_step(known.status, status):
            assert answer["__typename"] == "UpdateVideoStatusSuccess"
            known.status = status
        else:
            assert answer["__typename"] == "InvalidStatusChange"

    @rule(video=VIDEOS, number=NUMBERS, fails=failures(), put_fails=failures())
    def upload(self, video: str, number: int, fails: Failures | None, put_fails: Failures | None) -> None:
        """The clip's file is in R2, if it has a video."""
        files = [name_file(number) | {"sizeBytes": len(BODY)}]
        answer = self.call("createUploadUrls", fails, videoId=video, files=files)
        assert answer["__typename"] == ("CreateUploadUrlsSuccess" if video in self.videos else "VideoNotFound")
        for upload in answer.get("uploads", []):
            self.put(upload, put_fails)
            self.files.add((video, number))

    @rule(video=VIDEOS, number=NUMBERS, is_completed=st.booleans(), fails=st.tuples(*[failures()] * 4))
    def upload_in_parts(self, video: str, number: int, is_completed: bool, fails: tuple[Failures | None, ...]) -> None:
        """The clip's file is in R2 once the upload is completed, and nothing of one that is given up."""
        file = name_file(number)
        begun = self.call("createMultipartUpload", fails[0], videoId=video, file=file | {"sizeBytes": len(BODY)})
        assert begun["__typename"] == ("CreateMultipartUploadSuccess" if video in self.videos else "VideoNotFound")
        if video not in self.videos:
            return
        ids = {"videoId": video, "file": file, "uploadId": begun["uploadId"]}
        parts = [{"partNumber": 1, "sizeBytes": len(BODY)}]
        (part,) = self.call("createUploadPartUrls", fails[1], **ids, parts=parts)["parts"]
        etag = self.put(part, fails[2])
        if is_completed:
            answer = self.call("completeMultipartUpload", fails[3], **ids, parts=[{"partNumber": 1, "etag": etag}])
            assert answer["__typename"] == "CompleteMultipartUploadSuccess"
            self.files.add((video, number))
        else:
            answer = self.call("abortMultipartUpload", fails[3], **ids)
            assert answer["__typename"] == "AbortMultipartUploadSuccess"
        assert begun["uploadId"] not in self.runner.run(self._list_uploads())

    @rule(
        video=VIDEOS,
        numbers=st.lists(NUMBERS, min_size=1, unique=True),
        status=st.sampled_from(["PROCESSING", "COMPLETED"]),
        policy=st.sampled_from(["REJECT_ALL", "REJECT_FAILED"]),
        fails=failures(),
    )
    def create_clips(self, video: str, numbers: list[int], status: str, policy: str, fails: Failures | None) -> None:
        """Creates the clips that can be created."""
        clips = [make_clip_input(number, status=status) for number in numbers]
        answer = self.call("createClips", fails, videoId=video, clips=clips, errorPolicy=policy)
        possible = {number for number in numbers if status == "PROCESSING" or (video, number) in self.files}
        if video not in self.videos:
            assert answer["__typename"] == "VideoNotFound"
        elif policy == "REJECT_ALL" and possible != set(numbers):
            assert answer["__typename"] == "FileMissing"
        else:
            created = [entry["clip"] is not None for entry in answer["results"]]
            assert created == [number in possible for number in numbers]
            self.videos[video].clips = dict.fromkeys(possible, status) | self.videos[video].clips

    @rule(video=VIDEOS, number=NUMBERS, status=STATUSES, fails=failures())
    def update_clip_status(self, video: str, number: int, status: str, fails: Failures | None) -> None:
        """The step is taken, if it can be."""
        answer = self.call("updateClipStatus", fails, videoId=video, clipId=clip_id_of(number), status=status)
        is_possible = self._check_clip_step(video, number, status)
        assert (answer["__typename"] == "UpdateClipStatusSuccess") == is_possible
        if is_possible:
            self.videos[video].clips[number] = status

    @rule(video=VIDEOS, numbers=st.lists(NUMBERS, min_size=1, unique=True), status=STATUSES, fails=failures())
    def update_clip_statuses(self, video: str, numbers: list[int], status: str, fails: Failures | None) -> None:
        """The steps are taken, if all of them can be."""
        steps = [{"clipId": clip_id_of(number), "status": status} for number in numbers]
        answer = self.call("updateClipStatuses", fails, videoId=video, clips=steps)
        is_possible = all(self._check_clip_step(video, number, status) for number in numbers)
        assert (answer["__typename"] == "UpdateClipStatusesSuccess") == is_possible
        if is_possible:
            self.videos[video].clips.update(dict.fromkeys(numbers, status))

    @rule(video=VIDEOS, number=NUMBERS, others=st.sets(st.sampled_from(["clip", "video"])))
    def complete_clip_overtaken(self, video: str, number: int, others: Collection[str]) -> None:
        """While S3's answer, that the file is there, is on its way, the clip is deleted, and maybe created again."""
        self.s3.hold_heads()
        task = self.runner.run(self._begin_completing(video, number))
        self.delete_clip(video, number, None)
        if "video" in others:
            self.delete_video(video, None)
            self.create_video(video, "T", None)
        if "clip" in others:
            self.create_clips(video, [number], "PROCESSING", "REJECT_ALL", None)
        self.s3.release_heads()
        answer = self.runner.run(_wait_for(task))
        assert answer["__typename"] in {"ClipNotFound", "VideoNotFound", "FileMissing"}

    async def _begin_completing(self, video: str, number: int) -> asyncio.Task[Any]:
        """A call that waits for S3, or has its answer already."""
        given = {"videoId": video, "clipId": clip_id_of(number), "status": "COMPLETED"}
        task = asyncio.create_task(self._send("updateClipStatus", given))
        holding = asyncio.create_task(self.s3.holding.wait())
        await asyncio.wait([task, holding], return_when=asyncio.FIRST_COMPLETED)
        holding.cancel()
        return task

    @rule(video=VIDEOS, fails=failures())
    def recount_clips(self, video: str, fails: Failures | None) -> None:
        """The statistics were counted anew."""
        answer = self.call("recountClips", fails, videoId=video)
        assert answer["__typename"] == ("RecountClipsSuccess" if video in self.videos else "VideoNotFound")

    @rule(video=VIDEOS, number=NUMBERS, fails=failures())
    def delete_clip(self, video: str, number: int, fails: Failures | None) -> None:
        """The clip is gone, whatever was there, and its file with it."""
        answer = self.call("deleteClip", fails, videoId=video, clipId=clip_id_of(number))
        # Whoever calls again may find that the first call did it.
        assert answer["__typename"] in {"DeleteClipSuccess", "ClipNotFound", "VideoNotFound"}
        if video in self.videos and self.videos[video].clips.pop(number, ""):
            self.files.discard((video, number))

    @rule(video=VIDEOS, fails=failures())
    def delete_video(self, video: str, fails: Failures | None) -> None:
        """The video is gone, whatever was there, and all of its files with it."""
        answer = self.call("deleteVideo", fails, videoId=video)
        assert answer["__typename"] in {"DeleteVideoSuccess", "VideoNotFound"}
        if self.videos.pop(video, None):
            self.files = {file for file in self.files if file[0] != video}

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        """The stored data equals the model, and no delete is left half done."""
        self.statistics_and_files_are_right()
        assert self.runner.run(self._read_videos()) == self.videos
        assert self.runner.run(self._list_files()) == self.files
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
                stored = await self.direct.storage.head(clip.r2_key)
                assert stored is not None
                assert clip.file_size_bytes == stored.size_bytes == len(BODY)

    async def _read_videos(self) -> dict[str, Video]:
        """The videos as they are stored, as the model has them."""
        videos = {}
        for video in await self.direct.videos(self.user_id).list_videos():
            clips = await self.direct.clips(self.user_id, video.video_id).list_clips()
            statuses = {clip.scene_id: clip.status.upper() for clip in clips}
            videos[video.video_id] = Video(video.video_title, video.status.upper(), statuses)
        return videos

    async def _list_files(self) -> set[tuple[str, int]]:
        """The clips' files that are in R2, as video and number."""
        names = {make_clip_input(number)["filename"]: number for number in range(1, 5)}
        keys = [stored.key.split("/") async for stored in self.direct.storage.list(f"{self.user_id}/")]
        return {(video, names[filename]) for _, video, _, filename in keys}

    async def _list_uploads(self) -> set[str]:
        uploads = self.direct.storage.list_multipart_uploads(f"{self.user_id}/")
        return {upload.upload_id async for upload in uploads}

    def _check_clip_step(self, video: str, number: int, status: str) -> bool:
        """Whether the clip can have the status next."""
        known = self.videos[video].clips.get(number) if video in self.videos else None
        has_file = status != "COMPLETED" or (video, number) in self.files
        return known is not None and check_step(known, status) and has_file


async def _wait_for(task: asyncio.Task[Any]) -> Any:
    return await task


def check_step(from_status: str, to_status: str) -> bool:
    """Whether the state machine has this step."""
    return from_status == to_status or to_status.lower() in NEXT_STATUSES[from_status.lower()]


def clip_id_of(number: int) -> str:
    return str(make_clip_input(number)["filename"]).removesuffix(".mp4")


def name_file(number: int) -> dict[str, Any]:
    return {"kind": "CLIP", "filename": make_clip_input(number)["filename"]}


@pytest.fixture
def machine(settings: Settings) -> type[Writes]:
    """The machine over the session's servers."""
    return type("SettledWrites", (Writes,), {"settings": settings})


@timeout("WRITE_EXAMPLES")
def test_writes_are_right_whatever_fails(machine: type[Writes]) -> None:
    """After any sequence of mutations and failures, the data equals the plain model's."""
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=effort("WRITE_EXAMPLES", 3),
            stateful_step_count=effort("WRITE_STEPS", 8),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_clip_that_took_anothers_place_while_s3_answered_is_not_completed(machine: type[Writes]) -> None:
    """S3 said that the file is there; since then the clip was deleted with it, and created again."""
    writes = machine()
    writes.start()
    writes.create_video("v", "T", None)
    writes.create_clips("v", [1], "PROCESSING", "REJECT_ALL", None)
    writes.upload("v", 1, None, None)
    writes.complete_clip_overtaken("v", 1, {"clip"})
    writes.everything_acknowledged_is_there()
    writes.teardown()
