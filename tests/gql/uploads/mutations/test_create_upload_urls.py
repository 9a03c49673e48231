from typing import Any

import httpx
import pytest

from gql.services import Services

DOCUMENT = """
mutation ($input: CreateUploadUrlsInput!) {
  createUploadUrls(input: $input) {
    __typename
    ... on CreateUploadUrlsSuccess { uploads { key url headers { name value } expiresAt } }
    ... on InvalidInput { path message }
    ... on VideoNotFound { videoId }
  }
}
"""
FILENAME = "clip_01_01_a-title_split.mp4"


@pytest.fixture
def create_urls(query: Any, user_id: str) -> Any:
    async def create_urls(*files: dict[str, Any], **changes: Any) -> Any:
        given = {"videoId": "v1", "userId": user_id, "files": files}
        return (await query(DOCUMENT, input=given | changes))["createUploadUrls"]

    return create_urls


async def put(upload: Any, body: bytes, **changes: str) -> httpx.Response:
    headers = {header["name"]: header["value"] for header in upload["headers"]}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.put(upload["url"], content=body, headers=headers | changes)


async def test_all_kinds_of_files_are_uploaded(
    create_video: Any, create_urls: Any, services: Services, user_id: str
) -> None:
    """A clip, a thumbnail and highlights.json are uploaded to their keys by their URLs."""
    await create_video()
    answer = await create_urls(
        {"kind": "CLIP", "filename": FILENAME, "sizeBytes": 3},
        {"kind": "THUMBNAIL", "filename": FILENAME, "sizeBytes": 4},
        {"kind": "HIGHLIGHTS", "sizeBytes": 2},
    )
    folder = f"{user_id}/v1"
    keys = [f"{folder}/clips/{FILENAME}", f"{folder}/clips/{FILENAME[:-4]}.jpg", f"{folder}/highlights.json"]
    assert [upload["key"] for upload in answer["uploads"]] == keys
    for upload, body in zip(answer["uploads"], (b"mp4", b"jpeg", b"{}"), strict=True):
        response = await put(upload, body)
        assert response.status_code == 200, response.text
        assert await services.storage.get(upload["key"], max_bytes=9) == body
    stored = await services.storage.head(keys[0])
    assert stored is not None
    assert stored.content_type == "video/mp4"


@pytest.mark.parametrize(
    ("extension", "content_type"), [(".MOV", "video/quicktime"), (".webm", "video/webm"), (".mxf", "application/mxf")]
)
async def test_a_file_has_the_type_of_its_extension(
    create_video: Any, create_urls: Any, services: Services, extension: str, content_type: str
) -> None:
    """Without a type, and with its own, a clip's file is stored with the type that its extension tells."""
    await create_video()
    file = {"kind": "CLIP", "filename": f"clip_01{extension}", "sizeBytes": 3}
    for given in ({}, {"contentType": content_type}):
        (upload,) = (await create_urls(file | given))["uploads"]
        assert (await put(upload, b"mov")).status_code == 200
        stored = await services.storage.head(upload["key"])
        assert stored is not None
        assert stored.content_type == content_type


async def test_type_and_length_are_signed(create_video: Any, create_urls: Any, services: Services) -> None:
    """An upload of another length or type gets 403, and stores nothing."""
    await create_video()
    answer = await create_urls({"kind": "CLIP", "filename": FILENAME, "sizeBytes": 3})
    (upload,) = answer["uploads"]
    assert (await put(upload, b"longer")).status_code == 403
    assert (await put(upload, b"mp4", **{"content-type": "text/html"})).status_code == 403
    assert (await put(upload, b"mp4", **{"cache-control": "no-store"})).status_code == 403
    assert await services.storage.head(upload["key"]) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sizeBytes": 0}, "sizeBytes"),
        ({"sizeBytes": -1}, "sizeBytes"),
        ({"sizeBytes": 1.5}, "sizeBytes"),
        ({"sizeBytes": 5 * 1024**3 + 1}, "sizeBytes"),
        ({"sizeBytes": 1e300}, "sizeBytes"),
        ({"filename": None}, "filename"),
        ({"filename": "../../other/v/clips/a.mp4"}, "filename"),
        ({"filename": "/a.mp4"}, "filename"),
        ({"filename": "a\u0000.mp4"}, "filename"),
        ({"filename": ".."}, "filename"),
        ({"filename": "a\\b.mp4"}, "filename"),
        ({"filename": "x" * 300 + ".mp4"}, "filename"),
        ({"contentType": "text/html"}, "contentType"),
        ({"contentType": "video/mp4\r\nx: y"}, "contentType"),
        ({"kind": "HIGHLIGHTS"}, "filename"),
        ({"kind": "HIGHLIGHTS", "filename": None, "sizeBytes": 6 * 1024**2}, "sizeBytes"),
        ({"kind": "THUMBNAIL", "contentType": "image/svg+xml"}, "contentType"),
    ],
    ids=str,
)
async def test_bad_files_are_named(create_video: Any, create_urls: Any, changes: Any, field: str) -> None:
    """A bad file is InvalidInput with the path of its field."""
    await create_video()
    good = {"kind": "CLIP", "filename": FILENAME, "sizeBytes": 3}
    answer = await create_urls(good, good | changes)
    assert (answer["__typename"], answer["path"]) == ("InvalidInput", ["files", "1", field])


async def test_too_large_files_are_refused_with_the_limit(create_video: Any, create_urls: Any) -> None:
    """A file above the limit is refused with the limit in the message."""
    await create_video()
    answer = await create_urls({"kind": "CLIP", "filename": FILENAME, "sizeBytes": 6 * 1024**3})
    assert "5,368,709,120 bytes" in answer["message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"files": []}, "files"), ({"expiresIn": 0}, "expiresIn"), ({"expiresIn": 604_801}, "expiresIn")],
)
async def test_bounds(create_video: Any, create_urls: Any, changes: Any, field: str) -> None:
    """A bad number of files or expiry is InvalidInput with its path."""
    await create_video()
    answer = await create_urls({"kind": "HIGHLIGHTS", "sizeBytes": 1}, **changes)
    assert (answer["__typename"], answer["path"]) == ("InvalidInput", [field])


@pytest.mark.parametrize("video_id", ["..", "a/b", ""])
async def test_ids_that_lead_elsewhere_are_refused(create_urls: Any, video_id: str) -> None:
    """A video id that would lead to another folder is InvalidInput."""
    answer = await create_urls({"kind": "HIGHLIGHTS", "sizeBytes": 1}, videoId=video_id)
    assert (answer["__typename"], answer["path"]) == ("InvalidInput", ["videoId"])


async def test_unknown_video_is_refused(create_urls: Any) -> None:
    """An unknown video is VideoNotFound."""
    answer = await create_urls({"kind": "HIGHLIGHTS", "sizeBytes": 1})
    assert answer == {"__typename": "VideoNotFound", "videoId": "v1"}


async def test_pages_may_set_each_header_and_browsers_keep_the_file(
    create_video: Any, create_urls: Any, query: Any, complete_clips: Any, clip_input: Any, user_id: str
) -> None:
    """A page can set each of the headers, and the URLs of clip and thumbnail answer with the signed `Cache-Control`."""
    await create_video()
    await complete_clips(clip_input(1))
    named = [{"kind": kind, "filename": FILENAME, "sizeBytes": 3} for kind in ("CLIP", "THUMBNAIL")]
    files = [*named, {"kind": "HIGHLIGHTS", "sizeBytes": 3}]
    uploads = (await create_urls(*files))["uploads"]
    names = [{header["name"] for header in upload["headers"]} for upload in uploads]
    assert names == [{"content-type", "cache-control"}, {"content-type", "cache-control"}, {"content-type"}]
    for upload in uploads:
        assert (await put(upload, b"new")).status_code == 200
    document = 'query ($u: ID) { video(videoId: "v1", userId: $u) { cover { url thumbnailUrl } } }'
    clip = (await query(document, u=user_id))["video"]["cover"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in clip.values():
            assert (await client.get(url)).headers["cache-control"] == "max-age=86400, immutable"
