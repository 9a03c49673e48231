"""Single status changes of one video, merged into few commits."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette

from gql.app import create_app
from gql.services import Services
from repositories import status_batcher
from repositories.exceptions import ClipNotFoundError, InvalidStatusChangeError, ValidationError, VideoNotFoundError
from repositories.model.statuses import ClipStatusChange
from repositories.models import ClipStatus
from settings import Settings

WORKERS = 50
CLIPS_PER_WORKER = 4
DOCUMENT = """
mutation ($input: UpdateClipStatusInput!) {
  updateClipStatus(input: $input) { __typename ... on UpdateClipStatusSuccess { clip { status } } }
}
"""


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Starlette]:
    """An app that has room for all workers' requests at once."""
    app = create_app(settings.model_copy(update={"max_requests_in_flight": 2 * WORKERS}))
    yield app
    await app.state.services.close()


async def test_fifty_workers_write_the_video_a_few_times(
    execute: Any,
    create_video: Any,
    create_clips: Any,
    clip_input: Any,
    upload: Any,
    services: Services,
    user_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them completes its clips one by one; what is acknowledged is stored, and counted.

    A window ends here when all who are left wait for it, however long that takes on this machine.
    """
    await create_video()
    clips = [clip_input(number % 60, f"style{number}") for number in range(WORKERS * CLIPS_PER_WORKER)]
    await create_clips(*clips)
    await asyncio.gather(*(upload(clip["filename"], thumbnail=False) for clip in clips))
    writes = windows = 0
    at_work, batcher = WORKERS, services.status_batcher

    async def end_window(_: float) -> None:
        nonlocal windows
        windows += 1
        while sum(map(len, batcher._queues.values())) < at_work:  # noqa: ASYNC110  a queue tells nobody
            await asyncio.sleep(0.01)

    monkeypatch.setattr(status_batcher, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": end_window}))

    async def work(number: int) -> None:
        nonlocal writes, at_work
        for clip in clips[number::WORKERS]:
            clip_id = clip["filename"].removesuffix(".mp4")
            given = {"videoId": "v1", "userId": user_id, "clipId": clip_id, "status": "COMPLETED"}
            answer = await execute(DOCUMENT, input=given)
            assert answer["data"]["updateClipStatus"]["clip"] == {"status": "COMPLETED"}
            stored = await services.clips(user_id, "v1").get_clip(clip_id)
            assert stored is not None
            assert stored.status is ClipStatus.COMPLETED
            writes += answer["extensions"]["cost"]["actual"]["documentWrites"]
        at_work -= 1

    await asyncio.gather(*(work(number) for number in range(WORKERS)))
    video_writes = writes - len(clips)
    assert video_writes <= windows + 1
    assert video_writes <= CLIPS_PER_WORKER + 1
    video = await services.videos(user_id).get_video("v1")
    assert video is not None
    assert video.clips_count == len(clips)


async def test_one_that_fails_leaves_those_it_was_merged_with_alone(
    create_video: Any, create_clips: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """In one batch, bad changes fail with their own errors and good ones are written."""
    await create_video()
    results = (await create_clips(*(clip_input(number) for number in (1, 2, 3))))["results"]
    first, second, third = (entry["clip"]["clipId"] for entry in results)
    repository, update = services.clips(user_id, "v1"), services.status_batcher.update
    changes = [
        ClipStatusChange(first, ClipStatus.FAILED, "why"),
        ClipStatusChange(second, ClipStatus.COMPLETED),
        ClipStatusChange("nobody", ClipStatus.FAILED),
        ClipStatusChange("a/b", ClipStatus.FAILED),
        ClipStatusChange(first, ClipStatus.COMPLETED),
        ClipStatusChange(first, ClipStatus.PROCESSING),
        ClipStatusChange(third, ClipStatus.FAILED),
    ]
    outcomes = await asyncio.gather(*(update(repository, change) for change in changes), return_exceptions=True)
    assert [getattr(outcome, "status", type(outcome)) for outcome in outcomes] == [
        ClipStatus.FAILED,
        ClipStatus.COMPLETED,
        ClipNotFoundError,
        ValidationError,
        InvalidStatusChangeError,
        ClipStatus.PROCESSING,
        ClipStatus.FAILED,
    ]
    stored = await repository.get_clips([first, second, third])
    assert [str(stored[clip_id].status) for clip_id in (first, second, third)] == ["processing", "completed", "failed"]


async def test_all_are_told_that_the_video_is_gone(services: Services, user_id: str) -> None:
    """Each change of a batch on an unknown video raises VideoNotFoundError."""
    repository = services.clips(user_id, "nobody")
    change = ClipStatusChange("clip", ClipStatus.FAILED)
    calls = [services.status_batcher.update(repository, change) for _ in range(3)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {VideoNotFoundError}


async def test_whoever_waits_at_the_end_is_told(create_video: Any, services: Services, user_id: str) -> None:
    """Changes that wait when the batcher closes are cancelled."""
    await create_video()
    repository = services.clips(user_id, "v1")
    waiting = asyncio.gather(
        *(services.status_batcher.update(repository, ClipStatusChange("clip", ClipStatus.FAILED)) for _ in range(2)),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    await services.status_batcher.close()
    assert {type(outcome) for outcome in await waiting} == {asyncio.CancelledError}
