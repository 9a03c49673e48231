from typing import Any

import pytest

from gql.services import Services

DOCUMENT = """
mutation ($input: UpdateClipStatusesInput!) {
  updateClipStatuses(input: $input) {
    __typename
    ... on UpdateClipStatusesSuccess {
      clips { clipId status fileSizeBytes hasThumbnail }
      video { clipsCount clipsByStyle { style count } }
    }
    ... on InvalidStatusChange { from to }
    ... on FileMissing { key }
    ... on ClipNotFound { clipId }
    ... on InvalidInput { path }
  }
}
"""
FIRST, SECOND, THIRD = (f"clip_0{number}_0{number}_a-title_split" for number in (1, 2, 3))


@pytest.fixture
def update(query: Any, user_id: str) -> Any:
    async def update(*steps: tuple[str, str], video_id: str = "v1") -> Any:
        clips = [{"clipId": clip_id, "status": status} for clip_id, status in steps]
        return (await query(DOCUMENT, input={"videoId": video_id, "userId": user_id, "clips": clips}))[
            "updateClipStatuses"
        ]

    return update


@pytest.fixture
async def clips(create_video: Any, create_clips: Any, clip_input: Any, upload: Any) -> None:
    """Three clips in processing, the first two with their files."""
    await create_video()
    await create_clips(*(clip_input(number) for number in (1, 2, 3)))
    await upload(f"{FIRST}.mp4")
    await upload(f"{SECOND}.mp4", body=b"x" * 20, thumbnail=False)


async def count_stored(services: Services, user_id: str) -> dict[str, int]:
    page = await services.clips(user_id, "v1").list_clips()
    statuses = [str(clip.status) for clip in page]
    return {status: statuses.count(status) for status in set(statuses)}


@pytest.mark.usefixtures("clips")
async def test_many_steps_are_one_commit_with_the_statistics(update: Any) -> None:
    """Three steps answer the clips in the input's order with the new statistics, and repeat to the same answer."""
    steps = ((SECOND, "COMPLETED"), (THIRD, "FAILED"), (FIRST, "COMPLETED"))
    answer = await update(*steps)
    assert [(clip["clipId"], clip["status"]) for clip in answer["clips"]] == [*steps]
    assert [(clip["fileSizeBytes"], clip["hasThumbnail"]) for clip in answer["clips"]] == [
        (20.0, False),
        (0.0, False),
        (10.0, True),
    ]
    assert answer["video"] == {"clipsCount": 2, "clipsByStyle": [{"style": "split", "count": 2}]}
    assert await update(*steps) == answer


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        (((FIRST, "COMPLETED"), ("nobody", "FAILED")), {"__typename": "ClipNotFound", "clipId": "nobody"}),
        (((FIRST, "COMPLETED"), ("nobody", "COMPLETED")), {"__typename": "ClipNotFound", "clipId": "nobody"}),
        (((FIRST, "FAILED"), (FIRST, "FAILED")), {"__typename": "InvalidInput", "path": ["clips", "1", "clipId"]}),
        (((FIRST, "FAILED"), ("a/b", "COMPLETED")), {"__typename": "InvalidInput", "path": ["clips", "1", "clipId"]}),
        ((), {"__typename": "InvalidInput", "path": ["clips"]}),
    ],
)
async def test_one_bad_step_and_nothing_is_written(
    update: Any, services: Services, user_id: str, steps: Any, refusal: Any
) -> None:
    """One bad step refuses the call, and all statuses stay."""
    assert await update(*steps) == refusal
    assert await count_stored(services, user_id) == {"processing": 3}


@pytest.mark.usefixtures("clips")
async def test_a_missing_file_refuses_all(update: Any, services: Services, user_id: str) -> None:
    """One missing file is FileMissing, and all statuses stay."""
    answer = await update((FIRST, "COMPLETED"), (THIRD, "COMPLETED"))
    assert answer == {"__typename": "FileMissing", "key": f"{user_id}/v1/clips/{THIRD}.mp4"}
    assert await count_stored(services, user_id) == {"processing": 3}


@pytest.mark.usefixtures("clips")
async def test_a_step_that_is_not_in_the_table_refuses_all(update: Any, services: Services, user_id: str) -> None:
    """One forbidden step is InvalidStatusChange, and all statuses stay."""
    await update((FIRST, "COMPLETED"))
    answer = await update((SECOND, "COMPLETED"), (FIRST, "FAILED"))
    assert answer == {"__typename": "InvalidStatusChange", "from": "COMPLETED", "to": "FAILED"}
    assert await count_stored(services, user_id) == {"completed": 1, "processing": 2}
