"""Multipart uploads: begun, signed part by part, completed or aborted, against a real S3 server."""

from typing import Any

import httpx
import pytest

from gql.services import Services
from storage.r2 import MIN_PART_BYTES
from tests.patience import PATIENCE_SECONDS

CREATE = """
mutation ($input: CreateMultipartUploadInput!) {
  createMultipartUpload(input: $input) {
    __typename
    ... on CreateMultipartUploadSuccess { uploadId key partSizeBytes partsCount }
    ... on InvalidInput { path }
    ... on VideoNotFound { videoId }
  }
}
"""
SIGN = """
mutation ($input: CreateUploadPartUrlsInput!) {
  createUploadPartUrls(input: $input) {
    __typename
    ... on CreateUploadPartUrlsSuccess { parts { partNumber sizeBytes url headers { name value } expiresAt } }
    ... on InvalidInput { path }
  }
}
"""
COMPLETE = """
mutation ($input: CompleteMultipartUploadInput!) {
  completeMultipartUpload(input: $input) {
    __typename
    ... on CompleteMultipartUploadSuccess { key sizeBytes }
    ... on UploadNotFound { uploadId }
    ... on InvalidInput { path }
  }
}
"""
ABORT = """
mutation ($input: AbortMultipartUploadInput!) {
  abortMultipartUpload(input: $input) {
    __typename
    ... on AbortMultipartUploadSuccess { uploadId }
    ... on InvalidInput { path }
  }
}
"""
FILENAME = "clip_01_01_a-title_split.mp4"
FILE = {"kind": "CLIP", "filename": FILENAME}
BODY = b"x" * MIN_PART_BYTES + b"y" * MIN_PART_BYTES + b"the end"


@pytest.fixture
def call(query: Any, user_id: str) -> Any:
    """Calls the one mutation of a document about this test's video, and answers its result."""

    async def call(document: str, **given: Any) -> Any:
        (result,) = (await query(document, input={"videoId": "v1", "userId": user_id} | given)).values()
        return result

    return call


@pytest.fixture
async def upload_id(create_video: Any, call: Any) -> str:
    """An upload that has begun."""
    await create_video()
    begun = await call(CREATE, file=FILE | {"sizeBytes": len(BODY)}, partSizeBytes=MIN_PART_BYTES)
    assert (begun["partSizeBytes"], begun["partsCount"]) == (MIN_PART_BYTES, 3)
    return str(begun["uploadId"])


async def put_parts(parts: Any) -> list[dict[str, Any]]:
    done = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for part in parts:
            start = (part["partNumber"] - 1) * MIN_PART_BYTES
            headers = {header["name"]: header["value"] for header in part["headers"]}
            body = BODY[start : start + int(part["sizeBytes"])]
            response = await client.put(part["url"], content=body, headers=headers, timeout=PATIENCE_SECONDS)
            assert response.status_code == 200, response.text
            done.append({"partNumber": part["partNumber"], "etag": response.headers["etag"]})
    return done


async def test_a_file_goes_up_in_parts(call: Any, upload_id: str, services: Services, user_id: str) -> None:
    """Parts uploaded in any order become the file, and completing it again gives the same answer."""
    sizes = [(3, 7), (1, MIN_PART_BYTES), (2, MIN_PART_BYTES)]
    wanted = [{"partNumber": number, "sizeBytes": size} for number, size in sizes]
    signed = await call(SIGN, file=FILE, uploadId=upload_id, parts=wanted)
    assert [part["partNumber"] for part in signed["parts"]] == [3, 1, 2]
    parts = await put_parts(signed["parts"])
    key = f"{user_id}/v1/clips/{FILENAME}"
    assert await services.storage.head(key) is None
    done = await call(COMPLETE, file=FILE, uploadId=upload_id, parts=parts)
    assert done == {"__typename": "CompleteMultipartUploadSuccess", "key": key, "sizeBytes": len(BODY)}
    assert await services.storage.get(key, max_bytes=len(BODY)) == BODY
    assert await call(COMPLETE, file=FILE, uploadId=upload_id, parts=parts, sizeBytes=len(BODY)) == done


async def test_an_aborted_upload_leaves_nothing(call: Any, upload_id: str, services: Services, user_id: str) -> None:
    """An aborted upload has no parts, and completing it is UploadNotFound."""
    for _ in range(2):
        aborted = await call(ABORT, file=FILE, uploadId=upload_id)
        assert aborted == {"__typename": "AbortMultipartUploadSuccess", "uploadId": upload_id}
    parts = [{"partNumber": 1, "etag": '"0"'}]
    answer = await call(COMPLETE, file=FILE, uploadId=upload_id, parts=parts)
    assert answer == {"__typename": "UploadNotFound", "uploadId": upload_id}
    assert [upload async for upload in services.storage.list_multipart_uploads(f"{user_id}/")] == []


async def test_parts_that_were_not_uploaded_are_refused(call: Any, upload_id: str) -> None:
    """Completing with parts that were not uploaded is InvalidInput."""
    parts = [{"partNumber": 1, "etag": '"00000000000000000000000000000000"'}]
    answer = await call(COMPLETE, file=FILE, uploadId=upload_id, parts=parts)
    assert answer == {"__typename": "InvalidInput", "path": ["parts"]}


@pytest.mark.parametrize(
    ("document", "given", "path"),
    [
        (CREATE, {"file": FILE | {"sizeBytes": 5 * 1024**3 + 1}}, ["file", "sizeBytes"]),
        (CREATE, {"file": FILE | {"sizeBytes": 9}, "partSizeBytes": 9}, ["partSizeBytes"]),
        (SIGN, {"parts": [{"partNumber": 0, "sizeBytes": 9}]}, ["parts", "0", "partNumber"]),
        (SIGN, {"parts": [{"partNumber": 1, "sizeBytes": 0}]}, ["parts", "0", "sizeBytes"]),
        (SIGN, {"parts": []}, ["parts"]),
        (SIGN, {"parts": [{"partNumber": 1, "sizeBytes": 9}], "videoId": ".."}, ["videoId"]),
        (ABORT, {"file": FILE | {"filename": "../a.mp4"}}, ["file", "filename"]),
        (COMPLETE, {"parts": []}, ["parts"]),
    ],
)
async def test_bad_input_is_named(create_video: Any, call: Any, document: str, given: Any, path: list[str]) -> None:
    """Bad input of the multipart mutations is InvalidInput with its path."""
    await create_video()
    shared = {"file": FILE} if document is CREATE else {"file": FILE, "uploadId": "u"}
    assert await call(document, **shared | given) == {"__typename": "InvalidInput", "path": path}


async def test_unknown_video_is_refused(call: Any) -> None:
    """An unknown video is VideoNotFound."""
    answer = await call(CREATE, file=FILE | {"sizeBytes": 9})
    assert answer == {"__typename": "VideoNotFound", "videoId": "v1"}


@pytest.fixture
def sign_part(call: Any, upload_id: str) -> Any:
    """Signs the one part of a file of seven bytes."""

    async def sign_part() -> Any:
        parts = [{"partNumber": 1, "sizeBytes": 7}]
        return (await call(SIGN, file=FILE, uploadId=upload_id, parts=parts))["parts"]

    return sign_part


@pytest.mark.parametrize("size_bytes", [None, 7])
async def test_another_file_in_the_place_is_not_taken_for_the_upload(
    call: Any, upload_id: str, sign_part: Any, services: Services, user_id: str, size_bytes: int | None
) -> None:
    """The same call again is only Success while the file is still the one that its parts made."""
    (part,) = await sign_part()
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.put(part["url"], content=b"the end")
    parts = [{"partNumber": 1, "etag": answer.headers["etag"]}]
    given = {"file": FILE, "uploadId": upload_id, "parts": parts, "sizeBytes": size_bytes}
    for _ in range(2):
        assert (await call(COMPLETE, **given))["__typename"] == "CompleteMultipartUploadSuccess"
    await services.storage.put(f"{user_id}/v1/clips/{FILENAME}", b"another", content_type="video/mp4")
    assert await call(COMPLETE, **given) == {"__typename": "UploadNotFound", "uploadId": upload_id}


async def test_an_abort_without_an_id_deletes_no_file(
    create_video: Any, call: Any, services: Services, user_id: str
) -> None:
    """S3 would take it for the file's own delete."""
    await create_video()
    key = f"{user_id}/v1/clips/{FILENAME}"
    await services.storage.put(key, b"file", content_type="video/mp4")
    assert await call(ABORT, file=FILE, uploadId="") == {"__typename": "InvalidInput", "path": ["uploadId"]}
    assert await services.storage.get(key, max_bytes=9) == b"file"
