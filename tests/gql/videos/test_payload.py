"""The video in mutations' successes: as it is after the mutation, and read only if it is selected."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gql.relay import encode_global_id
from gql.services import Services

Execute = Callable[..., Awaitable[Any]]
CLIP_ID = "clip_01_01_a-title_split"
COUNT = "video { id clipsCount }"
UPLOADS = f"""mutation (
  $urls: CreateUploadUrlsInput!, $begin: CreateMultipartUploadInput!, $parts: CreateUploadPartUrlsInput!,
  $abort: AbortMultipartUploadInput!
) {{
  urls: createUploadUrls(input: $urls) {{ ... on CreateUploadUrlsSuccess {{ {COUNT} }} }}
  begin: createMultipartUpload(input: $begin) {{ ... on CreateMultipartUploadSuccess {{ {COUNT} }} }}
  parts: createUploadPartUrls(input: $parts) {{ ... on CreateUploadPartUrlsSuccess {{ {COUNT} }} }}
  abort: abortMultipartUpload(input: $abort) {{ ... on AbortMultipartUploadSuccess {{ {COUNT} }} }}
}}"""


@pytest.fixture
async def video_id(create_video: Any, complete_clips: Any, clip_input: Any, user_id: str) -> str:
    """The global id of a video with two completed clips."""
    await create_video()
    await complete_clips(clip_input(1), clip_input(2))
    return encode_global_id("Video", user_id, "v1")


async def test_each_mutation_of_a_request_shows_the_counts_after_it(
    query: Execute, video_id: str, user_id: str
) -> None:
    """Three mutations in one request show the counts that each of them left."""
    document = f"""mutation (
      $clip: UpdateClipStatusInput!, $clips: UpdateClipStatusesInput!, $gone: DeleteClipInput!
    ) {{
      one: updateClipStatus(input: $clip) {{ ... on UpdateClipStatusSuccess {{ {COUNT} }} }}
      back: updateClipStatuses(input: $clips) {{ ... on UpdateClipStatusesSuccess {{ {COUNT} }} }}
      gone: deleteClip(input: $gone) {{ ... on DeleteClipSuccess {{ {COUNT} }} }}
    }}"""
    named = {"videoId": "v1", "userId": user_id}
    found = await query(
        document,
        clip={**named, "clipId": CLIP_ID, "status": "PROCESSING"},
        clips={**named, "clips": [{"clipId": CLIP_ID, "status": "COMPLETED"}]},
        gone={**named, "clipId": CLIP_ID},
    )
    assert [found[name]["video"] for name in ("one", "back", "gone")] == [
        {"id": video_id, "clipsCount": count} for count in (1, 2, 1)
    ]


async def test_uploads_show_their_video(query: Execute, video_id: str, user_id: str) -> None:
    """The mutations of uploads answer the video, too; the one of a video that does not exist answers null."""
    shared = {"videoId": "v1", "userId": user_id}
    clip = {"kind": "CLIP", "filename": "a.mp4"}
    upload = {**shared, "file": clip, "uploadId": "an-upload"}
    found = await query(
        UPLOADS,
        urls={**shared, "files": [{**clip, "sizeBytes": 9}]},
        begin={**shared, "file": {**clip, "sizeBytes": 9}},
        parts={**upload, "parts": [{"partNumber": 1, "sizeBytes": 9}]},
        abort={**upload, "videoId": "none"},
    )
    shown = {"id": video_id, "clipsCount": 2}
    assert [found[name]["video"] for name in ("urls", "begin", "parts", "abort")] == [shown, shown, shown, None]


async def test_the_video_is_read_only_if_it_is_selected(
    execute: Execute, video_id: str, services: Services, user_id: str
) -> None:
    """Without `video`, a status change reads one document less."""
    del video_id, services
    change = {"videoId": "v1", "userId": user_id, "clipId": CLIP_ID, "status": "COMPLETED"}
    reads = []
    for selected in ("clip { id }", f"clip {{ id }} {COUNT}"):
        document = (
            "mutation ($input: UpdateClipStatusInput!) { updateClipStatus(input: $input) "
            f"{{ ... on UpdateClipStatusSuccess {{ {selected} }} }} }}"
        )
        answer = await execute(document, input=change)
        reads.append(answer["extensions"]["cost"]["actual"]["documentReads"])
    assert reads[1] == reads[0] + 1
