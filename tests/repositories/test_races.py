"""Many at once, and some that die: what is acknowledged is there, and the statistics are exact."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from repositories.client import FirestoreClient
from repositories.clips import ClipRepository
from repositories.exceptions import ClipAlreadyExistsError, ClipNotFoundError
from repositories.models import ClipMetadata, ClipStatus, VideoMetadata, VideoStatus
from repositories.videos import VideoRepository

pytestmark = pytest.mark.prove

MakeClip = Callable[..., ClipMetadata]
MakeVideo = Callable[..., VideoMetadata]
AssertExact = Callable[..., Awaitable[None]]

ROOT = Path(__file__).parent.parent.parent

# Completes clips of a video one after the other, and says so after each.
WORKER = """
import asyncio, sys
from repositories.client import create_client
from repositories.clips import ClipRepository
from repositories.models import ClipMetadata

async def work(host, user_id):
    clips = ClipRepository(user_id, "v", create_client(project="test", emulator_host=host))
    number = 0
    while True:
        number += 1
        batch = [ClipMetadata(
            user_id=user_id, video_id="v", filename=f"clip_{number}_{letter}.mp4", scene_id=number, scene_title="T",
            style="split", priority=number, start_time="00:00:01", end_time="00:00:02", status="completed",
        ) for letter in "ab"]
        await clips.create_clips_batch(batch)
        print(number, flush=True)

asyncio.run(work(*sys.argv[1:]))
"""


async def test_fifty_writers_of_one_video(
    clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """Fifty concurrent writers of one video leave exact statistics."""

    async def work(number: int) -> None:
        clip, _ = await clips.create_clip(make_clip(number, style=f"style.{number % 3}", status="processing"))
        await clips.update_clip_status(clip.clip_id, ClipStatus.COMPLETED, file_size_bytes=number + 1)
        if number % 5 == 0:
            await clips.delete_clip(clip.clip_id)

    await asyncio.gather(*(work(number) for number in range(50)))
    assert await clips.count_clips(ClipStatus.COMPLETED) == 40
    await assert_exact_statistics()


async def test_recounts_and_statuses_amid_writers(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """Recounts and updates of the video amid writers of its clips lose nothing."""

    async def create(number: int) -> None:
        await clips.create_clip(make_clip(number))

    await asyncio.gather(
        *(create(number) for number in range(30)),
        *(videos.update_clip_statistics("v") for _ in range(3)),
        videos.update_video("v", {"video_title": "B"}),
        videos.update_video_status("v", VideoStatus.COMPLETED),
    )
    video = await videos.get_video("v")
    assert video is not None
    assert (video.video_title, video.status, video.clips_count) == ("B", VideoStatus.COMPLETED, 30)
    await assert_exact_statistics()


async def test_racing_creates_have_one_winner(
    clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """Of concurrent creates of one clip one creates it, and one of other content is refused."""
    outcomes = await asyncio.gather(*(clips.create_clip(make_clip(1)) for _ in range(10)))
    assert sum(created for _, created in outcomes) == 1
    assert len({clip.created_at for clip, _ in outcomes}) == 1
    rivals = await asyncio.gather(
        *(clips.create_clip(make_clip(2, scene_title=title)) for title in "AB"), return_exceptions=True
    )
    assert sum(isinstance(rival, ClipAlreadyExistsError) for rival in rivals) == 1
    await assert_exact_statistics()


async def test_racing_completions_and_deletes_count_once(
    clips: ClipRepository, make_clip: MakeClip, assert_exact_statistics: AssertExact
) -> None:
    """Concurrent completions, and then deletes, of one clip count once."""
    clip, _ = await clips.create_clip(make_clip(1, status="processing"))
    await asyncio.gather(*(clips.update_clip_status(clip.clip_id, ClipStatus.COMPLETED) for _ in range(10)))
    await assert_exact_statistics()
    outcomes = await asyncio.gather(*(clips.delete_clip(clip.clip_id) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, ClipNotFoundError) for outcome in outcomes) == 9
    await assert_exact_statistics()


async def test_a_video_deleted_amid_writers_leaves_no_clip(
    videos: VideoRepository, clips: ClipRepository, make_clip: MakeClip
) -> None:
    """A video that is deleted while clips are created leaves none of them."""

    async def create(number: int) -> None:
        await clips.create_clip(make_clip(number))

    creating = [asyncio.create_task(create(number)) for number in range(30)]
    await creating[0]
    await videos.delete_video("v")
    await asyncio.gather(*creating, return_exceptions=True)
    assert await videos.get_video("v") is None
    assert await clips.count_clips() == 0


async def test_a_killed_worker_leaves_nothing_half(
    firestore_host: str, clips: ClipRepository, assert_exact_statistics: AssertExact
) -> None:
    """A worker that is killed leaves whole commits, all that it acknowledged, and exact statistics."""
    command = [sys.executable, "-c", WORKER, firestore_host, clips.user_id]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = 0
    while acknowledged < 10:
        acknowledged = int(await process.stdout.readline())
    process.kill()
    acknowledged = max([acknowledged, *map(int, (await process.stdout.read()).split())])
    await process.wait()
    count = await clips.count_clips()
    assert count % 2 == 0
    assert acknowledged * 2 <= count <= (acknowledged + 1) * 2
    await assert_exact_statistics()


async def test_ten_thousand_clips_are_deleted(
    videos: VideoRepository, client: FirestoreClient, make_video: MakeVideo, make_clip: MakeClip
) -> None:
    """A video of ten thousand clips is deleted with all of them."""
    await videos.create_video(make_video())
    clips = ClipRepository(videos.user_id, "v", client, timeout_seconds=60)
    for start in range(0, 10_000, 200):
        await clips.create_clips_batch([make_clip(start + number) for number in range(200)])
    video = await videos.get_video("v")
    assert video is not None
    assert video.clips_count == 10_000
    assert await videos.delete_video("v") == 10_000
    assert await clips.count_clips() == 0
