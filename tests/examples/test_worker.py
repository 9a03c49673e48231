"""examples/worker.py: cuts real clips with ffmpeg, and ends right wherever it was killed before."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from domain.keys import thumbnail_key, video_prefix
from examples.worker import FILTERS, ImpossibleJobError, Job, main, work
from gql.app import create_services
from gql.services import Services
from repositories.models import ClipStatus, VideoMetadata, VideoStatus
from settings import Settings
from tests.patience import HANG_SECONDS, PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
WORKER = ROOT / "examples" / "worker.py"
# At every visit of every line, instead of at the first visit of those that ask or tell somebody something: minutes.
EVERY_LINE = os.environ.get("CLIPGRAPH_KILL_AT_EVERY_LINE") == "1"

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg cuts the clips, and is not installed"),
]

Run = Callable[..., dict[str, Any]]


def pick_kills(visited: list[tuple[int, int]]) -> list[list[int]]:
    """Where to kill, as line and visit, out of the lines that a whole run visited so often."""
    if EVERY_LINE:
        return [[line, visit] for line, visits in visited for visit in range(1, visits + 1)]
    lines = WORKER.read_text().splitlines()
    return [[line, 1] for line, _ in visited if "await " in lines[line - 1]]


def make_video(path: Path, seconds: float) -> Path:
    picture = f"testsrc=size=160x90:rate=5:duration={seconds}"
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", picture, str(path)]
    subprocess.run(command, check=True, timeout=PATIENCE_SECONDS)
    return path


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("source") / "talk.mp4", 4)


@pytest.fixture
def highlights(tmp_path: Path) -> Path:
    scenes = [
        {"id": 1, "title": "It's on!", "start": "00:00:00.400", "end": "00:00:01", "priority": 2},
        {"id": 2, "title": "And off", "start": "00:00:02", "end": "00:00:02.800", "priority": 1},
    ]
    path = tmp_path / "highlights.json"
    path.write_text(json.dumps({"video_url": "https://youtu.be/dQw4w9WgXcQ", "highlights": scenes}))
    return path


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = create_services(settings)
    yield services
    await services.close()


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The variables that lead the worker to the session's servers."""
    r2 = {f"CLIPGRAPH_R2_{name.upper()}": value for name, value in settings.resolve_r2()._asdict().items()}
    firestore = {
        "GOOGLE_CLOUD_PROJECT": str(settings.google_cloud_project),
        "FIRESTORE_EMULATOR_HOST": str(settings.firestore_emulator_host),
    }
    return {**r2, **firestore}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Iterator[Run]:
    """Runs the worker in a process of its own; `kill_at` is a line and a visit of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.examples.killable"],
        cwd=ROOT,
        env={**os.environ, **environment, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def run(*arguments: str, kill_at: list[int] | None = None) -> dict[str, Any]:
        stdin.write(json.dumps({"arguments": arguments, "kill_at": kill_at}) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer

    yield run
    stdin.close()
    process.wait(PATIENCE_SECONDS)
    stdout.close()


async def assert_consistent(services: Services, user_id: str, video_id: str) -> None:
    """Every reader sees exact statistics at any moment, and no completed clip without its files."""
    video = await services.videos(user_id).get_video(video_id)
    clips = await services.clips(user_id, video_id).list_clips(status=ClipStatus.COMPLETED)
    assert video is not None or not clips.items
    if video is not None:
        assert video.clips_by_style == dict(Counter(clip.style for clip in clips))
        assert video.clips_count == len(clips.items)
    for clip in clips:
        stored = await services.storage.head(clip.r2_key)
        assert stored is not None
        assert stored.size_bytes == clip.file_size_bytes
        assert await services.storage.head(thumbnail_key(user_id, video_id, clip.filename))


async def describe(services: Services, user_id: str, video_id: str) -> Any:
    """All that is stored of a video, without what must differ: its id, and times."""
    differing = {"video_id", "video_title", "created_at", "completed_at", "updated_at", "r2_key", "thumbnail_r2_key"}
    differing |= {"highlights_json_key"}
    video = await services.videos(user_id).get_video(video_id)
    assert video is not None
    clips = await services.clips(user_id, video_id).list_clips()
    prefix = video_prefix(user_id, video_id)
    files = {found.key.removeprefix(prefix): found.etag async for found in services.storage.list(prefix)}
    return video.model_dump(exclude=differing), [clip.model_dump(exclude=differing) for clip in clips], files


@pytest.mark.timeout(7200 if EVERY_LINE else HANG_SECONDS)
async def test_worker_that_is_killed_and_run_again_ends_as_if_it_had_not_been(
    run: Run, services: Services, source: Path, highlights: Path, user_id: str
) -> None:
    """A worker that is killed at any of its lines and run again leaves what an undisturbed one leaves."""
    job = [str(source), str(highlights), "--user", user_id, "--video-id"]
    whole = run(*job, "whole")
    expected = await describe(services, user_id, "whole")
    assert whole["status"] == 0
    assert (expected[0]["status"], expected[0]["clips_count"], len(expected[2])) == (VideoStatus.COMPLETED, 2, 5)
    kills = pick_kills(whole["visited"])
    assert len(kills) > 15
    for line, visit in kills:
        video_id = f"killed-{line}-{visit}"
        assert run(*job, video_id, kill_at=[line, visit])["status"] == -signal.SIGKILL
        await assert_consistent(services, user_id, video_id)
        assert run(*job, video_id)["status"] == 0
        assert await describe(services, user_id, video_id) == expected, f"after a kill at line {line}"


async def test_workers_that_race_for_one_job_end_as_one_would(
    services: Services, source: Path, highlights: Path, user_id: str
) -> None:
    """Two workers on one job both succeed, and each clip is counted once."""
    job = Job(user_id, "raced", source, highlights, tuple(FILTERS))
    assert set(await asyncio.gather(*(work(job, services.settings) for _ in range(2)))) == {VideoStatus.COMPLETED}
    await assert_consistent(services, user_id, "raced")
    video = await services.videos(user_id).get_video("raced")
    assert video is not None
    assert video.clips_by_style == dict.fromkeys(FILTERS, 2)


async def test_clip_that_cannot_be_cut_fails_with_ffmpegs_reason_and_is_retried_by_the_next_run(
    services: Services, highlights: Path, user_id: str, tmp_path: Path
) -> None:
    """A clip that ffmpeg cannot cut has failed with a message, and is completed by the next run."""
    source = make_video(tmp_path / "short.mp4", 1)
    job = Job(user_id, "short", source, highlights, ("original",))
    assert await work(job, services.settings) is VideoStatus.FAILED
    (failed,) = await services.clips(user_id, "short").list_clips(status=ClipStatus.FAILED)
    assert failed.error_message
    await assert_consistent(services, user_id, "short")
    make_video(source, 4)
    assert await work(job, services.settings) is VideoStatus.COMPLETED
    video = await services.videos(user_id).get_video("short")
    assert video is not None
    assert (video.clips_count, video.error_message, video.failed_at) == (2, None, None)


SCENE = {"id": 1, "title": "It's on!", "start": "00:00:00.400", "end": "00:00:01", "priority": 2}
IMPOSSIBLE = {
    "a highlight twice": (
        {"highlights": [SCENE, SCENE]},
        "2 highlights have the same clip, clip_02_01_it-s-on_original",
    ),
    "titles of one slug": ({"highlights": [SCENE, SCENE | {"title": "It s on?"}]}, "2 highlights have the same clip"),
    "no address": ({"video_url": "talk.mp4", "highlights": [SCENE]}, "video_url: "),
    "no highlights.json": ([], ""),
}


def write(folder: Path, content: Any) -> Path:
    path = folder / "other.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(("content", "reason"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
async def test_job_that_can_never_succeed_ends_as_failed_with_the_reason(
    services: Services, run: Run, source: Path, user_id: str, tmp_path: Path, content: Any, reason: str
) -> None:
    """Its video says why, its exit status says that it is not to come again, and coming again changes nothing."""
    path = write(tmp_path, content)
    arguments = [str(source), str(path), "--user", user_id, "--video-id", "impossible"]
    for _ in range(2):
        assert run(*arguments)["status"] == 2
        video = await services.videos(user_id).get_video("impossible")
        assert video is not None
        assert (video.status, video.clips_count) == (VideoStatus.FAILED, 0)
        assert video.error_message
        assert video.error_message.startswith(reason)
        assert await services.clips(user_id, "impossible").count_clips() == 0


async def test_clip_of_other_content_ends_the_job_and_its_unfinished_clips(
    services: Services, highlights: Path, source: Path, user_id: str, tmp_path: Path
) -> None:
    """The video and the clips that were announced say why; with highlights that fit, the same video is completed."""
    await work(Job(user_id, "taken", source, highlights, ("original",)), services.settings)
    clips = services.clips(user_id, "taken")
    before = await clips.list_clips()
    await clips.update_clip_status(before[0].clip_id, ClipStatus.PROCESSING)
    await services.videos(user_id).update_video_status("taken", VideoStatus.PROCESSING)
    content = json.loads(await asyncio.to_thread(highlights.read_text))
    content["highlights"][0]["end"] = "00:00:01.500"
    other = write(tmp_path, content)
    with pytest.raises(ImpossibleJobError, match="exists with different values"):
        await work(Job(user_id, "taken", source, other, ("original",)), services.settings)
    video = await services.videos(user_id).get_video("taken")
    assert video is not None
    assert (video.status, video.clips_count) == (VideoStatus.FAILED, 1)
    assert "exists with different values of end_time" in str(video.error_message)
    failed = await clips.list_clips(status=ClipStatus.FAILED)
    assert [(clip.clip_id, clip.error_message) for clip in failed] == [(before[0].clip_id, video.error_message)]
    assert await work(Job(user_id, "taken", source, highlights, ("original",)), services.settings) is (
        VideoStatus.COMPLETED
    )


async def test_impossible_job_takes_nothing_from_a_completed_video(
    services: Services, highlights: Path, source: Path, user_id: str, tmp_path: Path
) -> None:
    """The video of an earlier job stays completed, with its clips."""
    await work(Job(user_id, "done", source, highlights, ("original",)), services.settings)
    before = await services.videos(user_id).get_video("done")
    path = write(tmp_path, {"highlights": [SCENE, SCENE]})
    with pytest.raises(ImpossibleJobError):
        await work(Job(user_id, "done", source, path, ("original",)), services.settings)
    assert await services.videos(user_id).get_video("done") == before
    await assert_consistent(services, user_id, "done")


async def test_job_for_a_video_of_other_content_leaves_that_alone(
    services: Services, run: Run, highlights: Path, source: Path, user_id: str
) -> None:
    """The id is somebody's: the job ends, and their video says nothing of it."""
    other = VideoMetadata(user_id=user_id, video_id="other", video_url="https://example.com/other")
    stored, _ = await services.videos(user_id).create_video(other)
    assert run(str(source), str(highlights), "--user", user_id, "--video-id", "other")["status"] == 2
    assert await services.videos(user_id).get_video("other") == stored
    assert await services.clips(user_id, "other").count_clips() == 0


REFUSED = ["a/b", "", "..", ".hidden", "__MACOSX", "x" * 300, "back\\slash", "cafe\u0301", "a\u202eb", "__x__"]


@pytest.mark.parametrize("option", ["--user", "--video-id"])
def test_ids_that_are_refused_end_the_job_in_one_line(
    environment: dict[str, str], highlights: Path, source: Path, option: str
) -> None:
    """The line says which id it is; a user's id may hold a backslash."""
    for refused in REFUSED:
        if option == "--user" and "\\" in refused:
            continue
        ids = {"--user": "u", "--video-id": "v", option: refused}
        arguments = [str(source), str(highlights), *(f"{name}={value}" for name, value in ids.items())]
        ended = CliRunner().invoke(main, arguments, env=environment)
        assert ended.exit_code == 2, ended.exception
        (line,) = [one for one in ended.output.splitlines() if one.startswith("Error: ")]
        name = "user_id" if option == "--user" else "video_id"
        assert f"{name}: " in line
        assert line.endswith("This job can never succeed.")


async def test_stored_video_whose_id_is_refused_has_failed(
    services: Services, run: Run, highlights: Path, source: Path, user_id: str
) -> None:
    """An earlier version took the id: its page says why nothing more comes, and its completed clips stay."""
    document = services.firestore.document(f"users/{user_id}/videos/.hidden")
    await document.set({"status": "processing", "video_title": "Old"})
    assert run(str(source), str(highlights), "--user", user_id, "--video-id", ".hidden")["status"] == 2
    video = await services.videos(user_id).get_video(".hidden")
    assert video is not None
    assert video.status is VideoStatus.FAILED
    assert str(video.error_message).startswith("video_id: ")
