"""docs/guide.md: the guide's own examples, run as they stand, and what they leave in Firestore and in the bucket."""

import ast
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType
from typing import Any, Optional

import httpx
import pytest
from google.cloud.firestore import AsyncClient

from domain.timecodes import compute_duration_seconds
from embedded.endpoints import Endpoints
from repositories.client import create_client
from storage.exceptions import StorageNotConfiguredError
from storage.r2 import R2Storage

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "guide.md"
# It is no part of the project, and lies beside it where the project is worked on.
GUIDE = ROOT.parent / "shared" / "spec" / "firestore-architecture-guide.md"

BYTES_PER_MB = 1024 * 1024
VIDEO_ID = "talk"
HIGHLIGHTS = [
    {
        "id": 3,
        "title": "The first landing",
        "description": "What nobody expected.",
        "start": "00:00:01",
        "end": "00:00:03.500",
        "duration": 2.5,
        "priority": 1,
        "hook_category": "surprise",
    },
    {"id": 4, "start": "00:00:05", "end": "00:00:06", "duration": 1, "priority": 2, "hook_category": "surprise"},
    {"id": 5, "title": "An end", "start": "00:01:00", "end": "00:01:10", "hook_category": "question"},
]


@dataclass(frozen=True)
class ClipTask:
    """The guide's program's data of a clip that is to be cut."""

    filename: str
    style: str
    start: str
    end: str


class Router:
    """FastAPI's decorator, as far as the guide uses it."""

    def get(self, path: str, **_: Any) -> Any:
        """The function stays what it is."""
        assert path.startswith("/")
        return lambda function: function


class Log:
    """The guide's logger: what it was told last."""

    messages: list[str]

    def __init__(self) -> None:
        self.messages = []

    def error(self, message: str) -> None:
        """The message is remembered."""
        self.messages.append(message)


@dataclass(frozen=True)
class VideoInfoResponse:
    """The guide's answer about a video."""

    id: str
    clips: list[dict[str, Any]]


@dataclass(frozen=True)
class Guide:
    """The examples' functions, and what is around them."""

    user_id: str
    names: dict[str, Any]
    log: Log
    folder: Path
    storage: R2Storage
    firestore: AsyncClient

    async def process_clip(self, highlight: dict[str, Any], style: str, *, has_thumbnail: bool = True) -> ClipTask:
        """The clip's files lie on the disk and in the bucket, and the guide's example was run for them."""
        number = highlight["id"]
        task = ClipTask(f"clip_{number:02d}_{number:02d}_a_{style}.mp4", style, highlight["start"], highlight["end"])
        file = self.folder / task.filename
        thumbnail = file.with_suffix(".jpg")
        file.write_bytes(bytes([number]) * 1_500_000)
        await self.storage.put(f"{self.user_id}/{VIDEO_ID}/clips/{file.name}", file, "video/mp4")
        if has_thumbnail:
            thumbnail.write_bytes(bytes([number]) * 10)
            await self.storage.put(f"{self.user_id}/{VIDEO_ID}/clips/{thumbnail.name}", thumbnail, "image/jpeg")
        await self.names["process_clip_example"](self.user_id, VIDEO_ID, task, highlight, file, thumbnail)
        return task

    async def create_video(self) -> None:
        """The guide's example was run for the video."""
        await self.names["create_video_example"](
            user_id=self.user_id,
            video_id=VIDEO_ID,
            video_url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            video_title="A talk",
            youtube_id="dQw4w9WgXcQ",
            highlights=HIGHLIGHTS,
            styles_processed=["split", "left_focus"],
            custom_prompt="Find the landings.",
        )

    async def run(self, block: str, **names: Any) -> dict[str, Any]:
        """The statements of an example were run, with these names beside its own."""
        scope = {**self.names, **names}
        await _run(compile_block(block), scope)
        return scope

    async def read(self, path: str) -> dict[str, Any]:
        """The fields of a document below the user, as Google's client reads them."""
        snapshot = await self.firestore.document(f"users/{self.user_id}/{path}").get()
        fields = snapshot.to_dict()
        assert fields is not None, path
        return fields


def list_blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def compile_block(block: str) -> CodeType:
    code: CodeType = compile(block, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


async def _run(code: CodeType, scope: dict[str, Any]) -> None:
    pending = eval(code, scope)  # noqa: S307  the project's own page
    if pending is not None:
        await pending


CLIPS, VIDEO, QUERY, ENDPOINT, ERRORS, TRANSACTIONS = list_blocks(PAGE, "python")


@pytest.fixture
async def guide(
    endpoints: Endpoints, user_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Guide]:
    """The examples' functions, where the environment leads to the session's servers."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "guide")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", endpoints.firestore_host_port)
    monkeypatch.setenv("CLIPGRAPH_R2_ENDPOINT_URL", endpoints.r2_endpoint_url)
    monkeypatch.setenv("CLIPGRAPH_R2_BUCKET", endpoints.r2_bucket)
    monkeypatch.setenv("CLIPGRAPH_R2_ACCESS_KEY_ID", endpoints.r2_access_key_id)
    monkeypatch.setenv("CLIPGRAPH_R2_SECRET_ACCESS_KEY", endpoints.r2_secret_access_key)
    log = Log()
    names: dict[str, Any] = {
        "Path": Path,
        "Optional": Optional,
        "ClipTask": ClipTask,
        "calculate_duration_seconds": compute_duration_seconds,
        "logger": log,
        "router": Router(),
        "VideoInfoResponse": VideoInfoResponse,
    }
    for block in (ERRORS[: ERRORS.index("try:")], CLIPS, VIDEO, QUERY, ENDPOINT):
        await _run(compile_block(block), names)
    storage = R2Storage(
        endpoints.r2_endpoint_url, endpoints.r2_bucket, endpoints.r2_access_key_id, endpoints.r2_secret_access_key
    )
    firestore = create_client(project=None)
    yield Guide(user_id, names, log, tmp_path, storage, firestore)
    storage.close()


def to_guides_form(block: str) -> str:
    """The example without the three things in which it may differ from the guide's."""
    plain = block.replace("async with ", "with ").replace("await ", "")
    return re.sub(r"^from (repositories|storage)\b", r"from app.core.\1", plain, flags=re.MULTILINE)


@pytest.mark.skipif(not GUIDE.exists(), reason="the guide is not beside the project")
def test_examples_are_the_guides_own() -> None:
    """Every block of the guide is on the page, in its order, and differs in await, async with and import paths only."""
    for language in ("typescript", "python"):
        ours, guides = list_blocks(PAGE, language), list_blocks(GUIDE, language)
        assert [to_guides_form(block) for block in ours] == guides


# How the page's types look in Python, once Google's client has read them.
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "Timestamp": (datetime,),
    "string[]": (list,),
    "{": (dict,),
}


def list_fields(block: str) -> dict[str, tuple[str, bool]]:
    """The type of each field on the page, and whether the field may be missing; fields of maps as `map.field`."""
    fields: dict[str, tuple[str, bool]] = {}
    parent = ""
    for line in block.splitlines()[1:]:
        if found := re.match(r"\s+(\w+)(\?)?:\s*([^;/]+?)\s*(?:;|$|//)", line):
            name, optional, kind = found.groups()
            fields[parent + name] = (kind, bool(optional))
            parent = f"{name}." if kind == "{" else parent
        elif line.strip() == "};":
            parent = ""
    return fields


def assert_has_the_pages_types(document: dict[str, Any], block: str) -> None:
    """Every field of the page's schema is stored with its type, or null or missing where it may be."""
    for name, (kind, is_optional) in list_fields(block).items():
        parent, _, child = name.rpartition(".")
        value = (document[parent] if parent else document).get(child)
        if kind.startswith('"'):
            assert value in [part.strip(' "') for part in kind.split("|")], name
        elif not (is_optional and value is None):
            assert isinstance(value, KINDS[kind]), (name, value)
            assert isinstance(value, bool) == (kind == "boolean"), name


def test_the_pages_schema_has_the_guides_fields() -> None:
    """The comparison of types covers the whole schema: 21 fields and two within a map, and 21."""
    video, clip = map(list_fields, list_blocks(PAGE, "typescript"))
    assert (len(video), len(clip)) == (23, 21)
    assert video["highlights_summary.categories"] == ("string[]", False)
    assert video["completed_at"] == ("Timestamp", True)
    assert clip["status"] == ('"processing" | "completed" | "failed"', False)


async def test_a_video_is_stored_as_the_guide_says(guide: Guide) -> None:
    """Every field of "Creating Video Metadata", with its type; categories are a list in which each is once."""
    before = datetime.now(UTC)
    await guide.create_video()
    stored = await guide.read(f"videos/{VIDEO_ID}")
    assert_has_the_pages_types(stored, list_blocks(PAGE, "typescript")[0])
    assert before <= stored.pop("created_at") <= stored.pop("updated_at") <= datetime.now(UTC)
    assert sorted(stored["highlights_summary"].pop("categories")) == ["question", "surprise"]
    assert stored == {
        "video_id": VIDEO_ID,
        "user_id": guide.user_id,
        "video_url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "video_title": "A talk",
        "youtube_id": "dQw4w9WgXcQ",
        "status": "processing",
        "completed_at": None,
        "failed_at": None,
        "error_message": None,
        "highlights_count": 3,
        "highlights_summary": {"total_duration": 3.5},
        "custom_prompt": "Find the landings.",
        "styles_processed": ["split", "left_focus"],
        "crop_mode": "none",
        "target_aspect": "9:16",
        "clips_count": 0,
        "clips_by_style": {},
        "highlights_json_key": f"{guide.user_id}/{VIDEO_ID}/highlights.json",
        "created_by": guide.user_id,
    }


async def test_a_clip_is_stored_as_the_guide_says(guide: Guide) -> None:
    """Every field of "Creating Clip Metadata", with its type, and the video's statistics count it."""
    await guide.create_video()
    before = datetime.now(UTC)
    task = await guide.process_clip(HIGHLIGHTS[0], "split")
    stored = await guide.read(f"videos/{VIDEO_ID}/clips/clip_03_03_a_split")
    assert guide.log.messages == []
    assert_has_the_pages_types(stored, list_blocks(PAGE, "typescript")[1])
    assert before <= stored.pop("created_at") <= stored.pop("completed_at") <= datetime.now(UTC)
    assert stored == {
        "clip_id": "clip_03_03_a_split",
        "video_id": VIDEO_ID,
        "user_id": guide.user_id,
        "scene_id": 3,
        "scene_title": "The first landing",
        "scene_description": "What nobody expected.",
        "filename": task.filename,
        "style": "split",
        "priority": 1,
        "start_time": "00:00:01",
        "end_time": "00:00:03.500",
        "duration_seconds": 2.5,
        "file_size_bytes": 1_500_000,
        "file_size_mb": 1.43,
        "has_thumbnail": True,
        "r2_key": f"{guide.user_id}/{VIDEO_ID}/clips/{task.filename}",
        "thumbnail_r2_key": f"{guide.user_id}/{VIDEO_ID}/clips/clip_03_03_a_split.jpg",
        "status": "completed",
        "failed_at": None,
        "error_message": None,
        "created_by": guide.user_id,
    }
    video = await guide.read(f"videos/{VIDEO_ID}")
    assert (video["clips_count"], video["clips_by_style"]) == (1, {"split": 1})


async def test_a_highlight_without_a_title_and_a_priority_is_a_clip(guide: Guide) -> None:
    """The guide's defaults (an empty title, priority 99, no description, no thumbnail) are stored, and counted."""
    await guide.create_video()
    bare = {"id": 4, "start": "00:00:05", "end": "00:00:06"}
    await guide.process_clip(bare, "left_focus", has_thumbnail=False)
    stored = await guide.read(f"videos/{VIDEO_ID}/clips/clip_04_04_a_left_focus")
    assert_has_the_pages_types(stored, list_blocks(PAGE, "typescript")[1])
    assert guide.log.messages == []
    assert (stored["scene_title"], stored["scene_description"]) == ("clip_04_04_a_left_focus", None)
    assert (stored["priority"], stored["has_thumbnail"], stored["thumbnail_r2_key"]) == (99, False, None)
    assert (await guide.read(f"videos/{VIDEO_ID}"))["clips_by_style"] == {"left_focus": 1}


async def test_a_video_that_was_updated_by_the_guides_example_keeps_its_statistics(guide: Guide) -> None:
    """`create_or_update_video` says that there are no clips, which is not its to say."""
    await guide.create_video()
    await guide.process_clip(HIGHLIGHTS[0], "split")
    await guide.create_video()
    video = await guide.read(f"videos/{VIDEO_ID}")
    assert (video["clips_count"], video["clips_by_style"]) == (1, {"split": 1})


async def fetch(url: str) -> bytes:
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(url)
    assert answer.status_code == 200
    return answer.content


async def test_clips_are_listed_as_the_guide_lists_them(guide: Guide) -> None:
    """In the order of their priority, with URLs under which the thumbnails' own bytes are found."""
    await guide.create_video()
    for highlight, style in zip(reversed(HIGHLIGHTS), ("split", "left_focus", "split"), strict=True):
        await guide.process_clip(highlight, style, has_thumbnail=style == "split")
    listed = await guide.names["get_video_clips_example"](guide.user_id, VIDEO_ID)
    assert [clip["name"] for clip in listed] == [
        "clip_03_03_a_split.mp4",
        "clip_04_04_a_left_focus.mp4",
        "clip_05_05_a_split.mp4",
    ]
    assert await fetch(listed[0].pop("thumbnail")) == bytes([3]) * 10
    assert listed[0] == {
        "name": "clip_03_03_a_split.mp4",
        "title": "The first landing",
        "description": "What nobody expected.",
        "url": f"/api/videos/{VIDEO_ID}/clips/clip_03_03_a_split.mp4",
        "size": "1.4 MB",
        "style": "split",
    }
    assert (listed[1]["thumbnail"], listed[1]["description"]) == (None, "")
    of_style = await guide.names["get_video_clips_example"](guide.user_id, VIDEO_ID, style="split")
    assert [clip["name"] for clip in of_style] == ["clip_03_03_a_split.mp4", "clip_05_05_a_split.mp4"]


async def test_the_guides_endpoint_answers(guide: Guide) -> None:
    """It reads the clips like documents, and its URLs lead to the thumbnails."""
    await guide.create_video()
    await guide.process_clip(HIGHLIGHTS[0], "split")
    await guide.process_clip(HIGHLIGHTS[1], "split", has_thumbnail=False)
    response = await guide.names["get_video_info"](guide.user_id, VIDEO_ID)
    assert response.id == VIDEO_ID
    first, second = response.clips
    assert await fetch(first["thumbnail"]) == bytes([3]) * 10
    assert (second["thumbnail"], second["description"], second["size"]) == (None, "", "1.4 MB")


def make_clip(guide: Guide, number: int, **changes: Any) -> Any:
    """A clip as the guide makes them, but for these fields."""
    fields = {
        "video_id": VIDEO_ID,
        "user_id": guide.user_id,
        "scene_id": number,
        "scene_title": f"Number {number}",
        "filename": f"clip_{number:03d}.mp4",
        "style": "split",
        "priority": number,
        "start_time": "00:00:01",
        "end_time": "00:00:02",
        "status": "completed",
    }
    return guide.names["ClipMetadata"](**fields | changes)


async def test_every_clip_is_listed(guide: Guide) -> None:
    """The guide's lists have no pages: a video with more clips than a page of the API shows them all."""
    await guide.create_video()
    clips = [make_clip(guide, number) for number in range(130)]
    await guide.names["ClipRepository"](guide.user_id, VIDEO_ID).create_clips_batch(clips)
    assert len(await guide.names["get_video_clips_example"](guide.user_id, VIDEO_ID)) == 130
    assert len((await guide.names["get_video_info"](guide.user_id, VIDEO_ID)).clips) == 130


async def test_errors_are_told_apart_as_in_the_guide(guide: Guide) -> None:
    """A wrong clip, one that is taken, a video that is missing and a Firestore that is away: each in its branch."""
    await guide.create_video()
    repository = guide.names["ClipRepository"](guide.user_id, VIDEO_ID)
    await guide.run(ERRORS, clips_repo=repository, clip_metadata=make_clip(guide, 1))
    assert guide.log.messages == []
    away = create_client(project="guide", emulator_host="127.0.0.1:9")
    cases = [
        (repository, make_clip(guide, 2, video_id="another"), "Invalid clip data: "),
        (repository, make_clip(guide, 2).model_copy(update={"priority": -1}), "Invalid clip data: "),
        (repository, make_clip(guide, 1, scene_title="Taken"), "Clip already exists: "),
        (type(repository)(guide.user_id, "another"), make_clip(guide, 1, video_id="another"), "Repository error: "),
        (type(repository)(guide.user_id, VIDEO_ID, away, timeout_seconds=0.5), make_clip(guide, 2), "Repository error"),
    ]
    for clips_repo, clip_metadata, message in cases:
        await guide.run(ERRORS, clips_repo=clips_repo, clip_metadata=clip_metadata)
        assert guide.log.messages.pop().startswith(message)
    assert len(await repository.list_clips()) == 1


async def test_the_guides_transaction_is_all_or_nothing(guide: Guide) -> None:
    """Its clips and the recount are one commit, made at `commit()`; where one clip cannot be, nothing is written."""
    await guide.create_video()
    scope = {
        "clips_repo": guide.names["ClipRepository"](guide.user_id, VIDEO_ID),
        "video_repo": guide.names["VideoRepository"](guide.user_id),
        "video_id": VIDEO_ID,
    }
    await guide.run(TRANSACTIONS, **scope, clips=[make_clip(guide, 1), make_clip(guide, 2, style="left_focus")])
    video = await guide.read(f"videos/{VIDEO_ID}")
    assert (video["clips_count"], video["clips_by_style"]) == (2, {"split": 1, "left_focus": 1})
    with pytest.raises(guide.names["ConflictError"]):
        await guide.run(TRANSACTIONS, **scope, clips=[make_clip(guide, 3), make_clip(guide, 2, style="original")])
    assert await guide.read(f"videos/{VIDEO_ID}") == video
    assert len(await scope["clips_repo"].list_clips()) == 2


async def test_documents_of_an_earlier_version_are_read(guide: Guide) -> None:
    """Counts of categories, as an earlier version stored them, are read as the list of the guide."""
    await guide.create_video()
    counts = {"total_duration": 3.5, "categories": {"question": 1, "surprise": 2}}
    reference = guide.firestore.document(f"users/{guide.user_id}/videos/{VIDEO_ID}")
    await reference.update({"highlights_summary": counts})
    videos = guide.names["VideoRepository"](guide.user_id)
    video = await videos.get_video(VIDEO_ID)
    assert video["highlights_summary"].categories == ["question", "surprise"]
    assert [found.video_id for found in await videos.list_videos(status="processing", order_by="-created_at")] == [
        VIDEO_ID
    ]


async def test_an_environment_without_a_bucket_is_told(guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a configuration signs no URL: the error names the missing settings."""
    sign = guide.names["generate_presigned_url"]
    monkeypatch.delenv("CLIPGRAPH_R2_ENDPOINT_URL")
    monkeypatch.setenv("CLIPGRAPH_R2_ACCOUNT_ID", "abc")
    assert sign("a/b/c.mp4").startswith("https://abc.r2.cloudflarestorage.com/")
    monkeypatch.delenv("CLIPGRAPH_R2_ACCOUNT_ID")
    monkeypatch.delenv("CLIPGRAPH_R2_BUCKET")
    with pytest.raises(StorageNotConfiguredError) as caught:
        sign("a/b/c.mp4")
    assert caught.value.names == ["CLIPGRAPH_R2_ENDPOINT_URL (or CLIPGRAPH_R2_ACCOUNT_ID)", "CLIPGRAPH_R2_BUCKET"]
