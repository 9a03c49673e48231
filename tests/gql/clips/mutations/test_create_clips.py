from typing import Any

import pytest

from gql.services import Services


async def test_clips_are_created_in_the_inputs_order(create_video: Any, create_clips: Any, clip_input: Any) -> None:
    """The results come in the input's order, all created, and clips in processing are not counted."""
    await create_video()
    result = await create_clips(clip_input(2), clip_input(1))
    assert [entry["clip"]["clipId"] for entry in result["results"]] == [
        "clip_02_02_a-title_split",
        "clip_01_01_a-title_split",
    ]
    assert all(entry["created"] for entry in result["results"])
    assert result["video"] == {"clipsCount": 0, "clipsByStyle": []}


async def test_completed_takes_size_and_thumbnail_from_the_files(
    create_video: Any, create_clips: Any, upload: Any, clip_input: Any
) -> None:
    """COMPLETED clips take their size and thumbnail from R2, and count in the statistics."""
    await create_video()
    await upload("clip_01_01_a-title_split.mp4", body=b"x" * 2048)
    await upload("clip_02_02_a-title_my.style.mp4", thumbnail=False)
    result = await create_clips(
        clip_input(1, status="COMPLETED"), clip_input(2, "my.style", status="COMPLETED"), clip_input(3)
    )
    first, second, third = (entry["clip"] for entry in result["results"])
    assert (first["fileSizeBytes"], first["size"], first["hasThumbnail"]) == (2048.0, "2.0 KB", True)
    assert (second["fileSizeBytes"], second["hasThumbnail"]) == (10.0, False)
    assert third["status"] == "PROCESSING"
    assert result["video"]["clipsByStyle"] == [{"style": "my.style", "count": 1}, {"style": "split", "count": 1}]


async def test_completed_without_its_file_is_refused_and_nothing_is_written(
    create_video: Any, create_clips: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """A COMPLETED clip without a file is FileMissing, and no clip is written."""
    await create_video()
    result = await create_clips(clip_input(1), clip_input(2, status="COMPLETED"))
    assert result["__typename"] == "FileMissing"
    assert result["key"] == f"{user_id}/v1/clips/clip_02_02_a-title_split.mp4"
    assert await services.clips(user_id, "v1").count_clips() == 0


async def test_same_call_again_gives_the_same_answer(create_video: Any, complete_clips: Any, clip_input: Any) -> None:
    """A repeated call answers the same clips and statistics, with `created: false`."""
    await create_video()
    first = await complete_clips(clip_input(1), clip_input(2))
    again = await complete_clips(clip_input(1), clip_input(2))
    assert [entry["created"] for entry in again["results"]] == [False, False]
    assert [entry["clip"] for entry in again["results"]] == [entry["clip"] for entry in first["results"]]
    assert again["video"] == first["video"] == {"clipsCount": 2, "clipsByStyle": [{"style": "split", "count": 2}]}


async def test_same_id_with_other_content_is_refused(create_video: Any, create_clips: Any, clip_input: Any) -> None:
    """An existing clip with another title is ClipAlreadyExists, naming the field."""
    await create_video()
    await create_clips(clip_input(1))
    result = await create_clips(clip_input(2), clip_input(1, title="Other"))
    assert result["__typename"] == "ClipAlreadyExists"
    assert (result["clipId"], result["fields"]) == ("clip_01_01_a-title_split", ["title"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"startTime": "1:2:3"}, "startTime"),
        ({"startTime": "00:00:61"}, "startTime"),
        ({"startTime": "00:59:59"}, "endTime"),
        ({"endTime": "soon"}, "endTime"),
        ({"filename": "../clip.mp4"}, "filename"),
        ({"filename": "/clip.mp4"}, "filename"),
        ({"filename": "clip\u0000.mp4"}, "filename"),
        ({"filename": ""}, "filename"),
        ({"style": ""}, "style"),
        ({"style": "x" * 1501}, "style"),
        ({"priority": -1}, "priority"),
        ({"sceneId": -1}, "sceneId"),
    ],
    ids=str,
)
async def test_one_bad_clip_of_fifty_is_named_and_nothing_is_written(
    create_video: Any, create_clips: Any, clip_input: Any, services: Services, user_id: str, changes: Any, field: str
) -> None:
    """One bad clip of fifty is InvalidInput with its path, and no clip is written."""
    await create_video()
    clips = [clip_input(number) for number in range(1, 51)]
    clips[20] |= changes
    result = await create_clips(*clips)
    assert result["__typename"] == "InvalidInput"
    assert result["path"] == ["clips", "20", field]
    assert await services.clips(user_id, "v1").count_clips() == 0


@pytest.mark.parametrize("count", [0, 201])
async def test_number_of_clips_is_bounded(create_video: Any, create_clips: Any, clip_input: Any, count: int) -> None:
    """A call with 0 or 201 clips is InvalidInput."""
    await create_video()
    result = await create_clips(*(clip_input(1) for _ in range(count)))
    assert (result["__typename"], result["path"]) == ("InvalidInput", ["clips"])


async def test_same_clip_twice_in_one_call_is_refused(create_video: Any, create_clips: Any, clip_input: Any) -> None:
    """A clip that is twice in one call is InvalidInput at the second place."""
    await create_video()
    result = await create_clips(clip_input(1), clip_input(1))
    assert (result["__typename"], result["path"][:2]) == ("InvalidInput", ["clips", "1"])


@pytest.mark.parametrize("status", ["PROCESSING", "COMPLETED"])
async def test_unknown_video_is_refused_before_its_files(create_clips: Any, clip_input: Any, status: str) -> None:
    """A clip of an unknown video is VideoNotFound, whether or not its file would be needed."""
    assert (await create_clips(clip_input(1, status=status)))["__typename"] == "VideoNotFound"


REJECT_FAILED = """
mutation ($input: CreateClipsInput!) {
  createClips(input: $input) {
    ... on CreateClipsSuccess {
      results {
        created
        clip { clipId }
        error {
          __typename
          message
          ... on InvalidInput { path }
          ... on FileMissing { key }
          ... on ClipAlreadyExists { fields }
        }
      }
      video { clipsCount }
    }
    ... on VideoNotFound { videoId }
  }
}
"""


async def test_failed_clips_leave_the_others_alone(
    query: Any, create_video: Any, create_clips: Any, upload: Any, clip_input: Any, services: Services, user_id: str
) -> None:
    """Results line up with the input: one by one the clip, or its error."""
    await create_video()
    await create_clips(clip_input(1), clip_input(2))
    await upload(clip_input(6)["filename"])
    clips = [
        clip_input(1),
        clip_input(2, title="Other"),
        clip_input(3),
        clip_input(3),
        clip_input(4, endTime="soon"),
        clip_input(5, status="COMPLETED"),
        clip_input(6, status="COMPLETED"),
    ]
    given = {"videoId": "v1", "userId": user_id, "clips": clips, "errorPolicy": "REJECT_FAILED"}
    answer = (await query(REJECT_FAILED, input=given))["createClips"]
    results = answer["results"]
    assert [entry["created"] for entry in results] == [False, False, True, False, False, False, True]
    assert [entry["clip"] is None for entry in results] == [entry["error"] is not None for entry in results]
    errors = {at: entry["error"] for at, entry in enumerate(results) if entry["error"]}
    assert all(error.pop("message") for error in errors.values())
    assert errors == {
        1: {"__typename": "ClipAlreadyExists", "fields": ["title"]},
        3: {"__typename": "InvalidInput", "path": ["clips", "3", "filename"]},
        4: {"__typename": "InvalidInput", "path": ["clips", "4", "endTime"]},
        5: {"__typename": "FileMissing", "key": f"{user_id}/v1/clips/{clips[5]['filename']}"},
    }
    assert answer["video"] == {"clipsCount": 1}
    assert await services.clips(user_id, "v1").count_clips() == 4


async def test_failed_clips_of_no_video_are_refused_as_a_whole(query: Any, clip_input: Any, user_id: str) -> None:
    """Also where none of them could be created."""
    clips = [clip_input(1, endTime="soon")]
    given = {"videoId": "v1", "userId": user_id, "clips": clips, "errorPolicy": "REJECT_FAILED"}
    assert (await query(REJECT_FAILED, input=given))["createClips"] == {"videoId": "v1"}
