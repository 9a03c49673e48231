"""Ids are in Unicode's form C: R2 would fold any other form onto the files of the id that looks the same."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gql.permissions import Principal, Role
from gql.services import Services
from repositories.models import ClipMetadata, VideoMetadata

Execute = Callable[..., Awaitable[Any]]

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
VIDEO = "query ($v: ID!, $u: ID) { video(videoId: $v, userId: $u) { videoId highlights { sceneId } clips(status: null)"
VIDEO += " { nodes { clipId url thumbnailUrl } } } }"
DELETE_VIDEO = "mutation ($input: DeleteVideoInput!) { deleteVideo(input: $input) { __typename } }"
DELETE_CLIP = "mutation ($input: DeleteClipInput!) { deleteClip(input: $input) { __typename } }"
CREATE_UPLOAD_URLS = """
mutation ($input: CreateUploadUrlsInput!) {
  createUploadUrls(input: $input) { __typename ... on InvalidInput { path } }
}
"""
UPDATE_STATUS = """
mutation ($input: UpdateClipStatusInput!) {
  updateClipStatus(input: $input) { __typename ... on UserError { message } }
}
"""


@pytest.fixture
def worker() -> Principal:
    """A caller that may name any user."""
    return Principal(user_id="worker", roles=frozenset({Role.WORKER}))


async def _store(services: Services, user_id: str, video_id: str, stem: str) -> None:
    """A video and a completed clip with a thumbnail, as an earlier version or another program wrote them."""
    client = services.videos(user_id)._rpc.client
    video = VideoMetadata(user_id="u", video_id="v", video_title="Old").to_document()
    keys = {"user_id": user_id, "video_id": video_id}
    video |= keys | {"created_by": user_id, "highlights_json_key": f"{user_id}/{video_id}/highlights.json"}
    clip = ClipMetadata(
        user_id="u", video_id="v", filename="c.mp4", scene_id=1, scene_title="Old", style="split", priority=1,
        start_time="00:00:01", end_time="00:00:02", status="completed", has_thumbnail=True,
    ).to_document()  # fmt: skip
    folder = f"{user_id}/{video_id}/clips"
    clip |= keys | {"clip_id": stem, "filename": f"{stem}.mp4", "created_by": user_id}
    clip |= {"r2_key": f"{folder}/{stem}.mp4", "thumbnail_r2_key": f"{folder}/{stem}.jpg"}
    reference = client.collection("users", user_id, "videos").document(video_id)
    await reference.set(video)
    await reference.collection("clips").document(stem).set(clip)


async def _put_files(services: Services, user_id: str, video_id: str, stem: str) -> list[str]:
    folder = f"{user_id}/{video_id}"
    keys = [f"{folder}/highlights.json", f"{folder}/clips/{stem}.mp4", f"{folder}/clips/{stem}.jpg"]
    for key in keys:
        await services.storage.put(key, b"{}")
    return keys


@pytest.mark.parametrize("place", ["user", "video", "clip"])
async def test_ids_of_another_form_reach_no_file_of_the_id_that_looks_the_same(
    services: Services, execute_as: Execute, worker: Principal, user_id: str, place: str
) -> None:
    """A stored video is read with null URLs, and its delete leaves the other's files where they are."""
    ids = {"user": user_id + COMPOSED, "video": "v" + COMPOSED, "clip": "c" + COMPOSED}
    files = await _put_files(services, ids["user"], ids["video"], ids["clip"])
    ids[place] = ids[place].replace(COMPOSED, DECOMPOSED)
    await _store(services, ids["user"], ids["video"], ids["clip"])

    answer = await execute_as(worker, VIDEO, v=ids["video"], u=ids["user"])
    assert answer["errors"] == []
    node = answer["data"]["video"]["clips"]["nodes"][0]
    assert node == {"clipId": ids["clip"], "url": None, "thumbnailUrl": None}
    assert answer["data"]["video"]["highlights"] is None or place == "clip"

    given = {"userId": ids["user"], "videoId": ids["video"]}
    answer = await execute_as(worker, DELETE_CLIP, input={**given, "clipId": ids["clip"]})
    assert answer["data"]["deleteClip"] == {"__typename": "DeleteClipSuccess"}
    if place != "clip":
        answer = await execute_as(worker, DELETE_VIDEO, input=given)
        assert answer["data"]["deleteVideo"] == {"__typename": "DeleteVideoSuccess"}
        assert await services.videos(ids["user"]).get_video(ids["video"]) is None
    for key in files:
        assert await services.storage.head(key) is not None


async def test_no_video_and_no_clip_is_created_under_another_form(
    query: Execute, create_video: Execute, create_clips: Execute, clip_input: Any, services: Services, user_id: str
) -> None:
    """Every new id is refused at its path, and nothing is stored."""
    refused = await create_video("v" + DECOMPOSED)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["videoId"])
    refused = await create_video("v1", userId=user_id + DECOMPOSED)
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["userId"])
    assert await services.videos(user_id).count_videos() == 0
    await create_video()
    refused = await create_clips(clip_input(1, filename=f"{DECOMPOSED}.mp4"))
    assert (refused["__typename"], refused["path"]) == ("InvalidInput", ["clips", "0", "filename"])
    assert await services.clips(user_id, "v1").count_clips() == 0
    file = {"kind": "CLIP", "filename": f"{DECOMPOSED}.mp4", "sizeBytes": 1}
    given = {"videoId": "v1", "userId": user_id, "files": [file]}
    refused = (await query(CREATE_UPLOAD_URLS, input=given))["createUploadUrls"]
    assert refused == {"__typename": "InvalidInput", "path": ["files", "0", "filename"]}


async def test_no_upload_is_signed_below_a_stored_id_of_another_form(
    execute_as: Execute, services: Services, worker: Principal, user_id: str
) -> None:
    """Also highlights.json, which has a name of its own, would lie in another's folder."""
    await _store(services, user_id, "v" + DECOMPOSED, "c")
    file = {"kind": "HIGHLIGHTS", "sizeBytes": 2}
    given = {"videoId": "v" + DECOMPOSED, "userId": user_id, "files": [file]}
    answer = await execute_as(worker, CREATE_UPLOAD_URLS, input=given)
    assert answer["data"]["createUploadUrls"] == {"__typename": "InvalidInput", "path": ["videoId"]}


async def test_empty_file_is_no_completed_clip(
    query: Execute, create_video: Execute, create_clips: Execute, clip_input: Any, upload: Execute, user_id: str
) -> None:
    """A file of 0 bytes is as good as missing, to a status and to a create alike, and the clip stays as it was."""
    await create_video()
    await create_clips(clip_input(1))
    filename = clip_input(1)["filename"]
    await upload(filename, body=b"")
    given = {"videoId": "v1", "userId": user_id, "clipId": filename[:-4], "status": "COMPLETED"}
    refused = (await query(UPDATE_STATUS, input=given))["updateClipStatus"]
    assert refused["__typename"] == "FileMissing"
    assert "0 bytes" in refused["message"]
    await upload(clip_input(2)["filename"], body=b"")
    refused = await create_clips(clip_input(2, status="COMPLETED"))
    assert refused["__typename"] == "FileMissing"
    await upload(filename)
    assert (await query(UPDATE_STATUS, input=given))["updateClipStatus"]["__typename"] == "UpdateClipStatusSuccess"


@pytest.mark.parametrize("video_id", [".hidden", "__MACOSX"])
async def test_a_stored_video_of_another_rule_is_read_and_deleted(
    services: Services, execute_as: Execute, worker: Principal, user_id: str, video_id: str
) -> None:
    """A new one of this id is refused; one that an earlier version took is there, and goes with its files."""
    files = await _put_files(services, user_id, video_id, "c")
    await _store(services, user_id, video_id, "c")
    answer = await execute_as(worker, VIDEO, v=video_id, u=user_id)
    assert answer["errors"] == []
    assert answer["data"]["video"]["videoId"] == video_id
    assert [clip["clipId"] for clip in answer["data"]["video"]["clips"]["nodes"]] == ["c"]
    given = {"userId": user_id, "videoId": video_id}
    answer = await execute_as(worker, DELETE_CLIP, input={**given, "clipId": "c"})
    assert answer["data"]["deleteClip"]["__typename"] == "DeleteClipSuccess"
    answer = await execute_as(worker, DELETE_VIDEO, input=given)
    assert answer["data"]["deleteVideo"]["__typename"] == "DeleteVideoSuccess"
    assert await services.videos(user_id).get_video(video_id) is None
    assert [key for key in files if await services.storage.head(key)] == []
