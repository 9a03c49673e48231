"""Uploads in parts against the embedded S3, through the URLs that clients get."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from storage.exceptions import InvalidPartsError, UploadNotFoundError
from storage.r2 import DEFAULT_CACHE_CONTROL, MIN_PART_BYTES, PresignedUpload, R2Storage
from tests.patience import PATIENCE_SECONDS

FIRST = b"1" * MIN_PART_BYTES


def put_part(upload: PresignedUpload, body: bytes) -> str:
    """The ETag that R2 answers."""
    response = httpx.put(upload.url, content=body, headers=upload.headers, timeout=PATIENCE_SECONDS, trust_env=False)
    assert response.status_code == 200, response.text
    return response.headers["etag"]


def read_cache_control(url: str) -> str:
    """The `Cache-Control` with which R2 sends the object."""
    return httpx.get(url, trust_env=False).headers["cache-control"]


async def test_parts_become_one_object(storage: R2Storage, folder: str) -> None:
    """Parts that were uploaded in any order become one object when the upload is completed, once."""
    key = f"{folder}/large.mp4"
    upload_id = await storage.create_multipart_upload(key, "video/mp4")
    etags = {
        number: put_part(storage.presign_part(key, upload_id, number, len(body)), body)
        for number, body in ((2, b"the end"), (1, FIRST))
    }
    assert await storage.head(key) is None
    await storage.complete_multipart_upload(key, upload_id, etags)
    assert await storage.get(key, max_bytes=10_000_000) == FIRST + b"the end"
    assert read_cache_control(storage.presign_get(key)) == DEFAULT_CACHE_CONTROL
    with pytest.raises(UploadNotFoundError):
        await storage.complete_multipart_upload(key, upload_id, etags)


async def test_other_parts_are_refused(storage: R2Storage, folder: str) -> None:
    """An upload is not completed with an ETag that no part has."""
    key = f"{folder}/large.mp4"
    upload_id = await storage.create_multipart_upload(key)
    put_part(storage.presign_part(key, upload_id, 1, 3), b"end")
    with pytest.raises(InvalidPartsError):
        await storage.complete_multipart_upload(key, upload_id, {1: '"00000000000000000000000000000000"'})
    assert await storage.head(key) is None


async def test_unfinished_uploads_are_listed_and_aborted(storage: R2Storage, folder: str) -> None:
    """Uploads that have begun are listed until they are aborted, and aborting twice is no error."""
    keys = [f"{folder}/{name}.mp4" for name in "ab"]
    started = [await storage.create_multipart_upload(key) for key in keys]
    found = [upload async for upload in storage.list_multipart_uploads(f"{folder}/")]
    assert [(upload.key, upload.upload_id) for upload in found] == list(zip(keys, started, strict=True))
    assert all(abs(upload.started_at - datetime.now(UTC)) < timedelta(minutes=1) for upload in found)
    for _ in range(2):
        await storage.abort_multipart_upload(keys[0], started[0])
    assert [upload.key async for upload in storage.list_multipart_uploads(f"{folder}/")] == keys[1:]
