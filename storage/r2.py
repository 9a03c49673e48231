"""Objects in one R2 bucket: presigned URLs at once, and head, get, put, list and delete off the event loop."""

import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, TypeVar

from domain.identifiers import MAX_KEY_BYTES, check_can_be_key, check_form_c, parse_form_c
from storage.client import make_client, translate_errors
from storage.disposition import format_attachment
from storage.exceptions import (
    BucketNotFoundError,
    ObjectNotFoundError,
    ObjectTooLargeError,
    StorageError,
    StorageUnavailableError,
    UploadNotFoundError,
)
from storage.lanes import LANE_SIZES, Lane, LaneName, LaneSize
from storage.signing import MAX_EXPIRES_IN_SECONDS, UrlSigner, UrlWindow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        ListMultipartUploadsOutputTypeDef,
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestPaginateTypeDef,
    )

__all__ = ["MAX_EXPIRES_IN_SECONDS", "MultipartUpload", "PresignedUpload", "R2Storage", "StoredObject", "UrlWindow"]

MAX_PUT_BYTES = 5 * 1024**3
"""S3's and R2's limit for one PUT, and for one part."""

MIN_PART_BYTES = 5 * 1024**2
"""S3's and R2's limit for each part but the last; R2 wants them all of one size."""

MAX_PARTS = 10_000

MAX_KEYS_PER_DELETE = 1000
"""S3's limit for one DeleteObjects."""

CUT_SHORT = "The response of R2 was incomplete."
DEFAULT_CONTENT_TYPE = "application/octet-stream"
DEFAULT_CACHE_CONTROL = "max-age=86400, immutable"
"""Of clips and thumbnails: browsers keep them for a day and ask no more, because another file has another URL."""

# `highlights.json` has no URL in the API, which reads it itself and shows each change at once.
_UNCACHED_TYPE = "application/json"
_PIECE_BYTES = 1024 * 1024

T = TypeVar("T")


class _Metadata(TypedDict):
    """Arguments of boto3's calls that store a file."""

    ContentType: str
    CacheControl: NotRequired[str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as R2 describes it; listings omit the content type."""

    key: str
    size_bytes: int
    content_type: str | None
    last_modified: datetime
    etag: str


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """A PUT that anyone may make until `expires_at`, with exactly these headers and a body of the signed length.

    The length is not among the headers: each client sends it of itself, and no page may set it.
    """

    url: str
    headers: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """An upload in parts that was begun, and neither completed nor aborted."""

    key: str
    upload_id: str
    started_at: datetime


class R2Storage:
    """One bucket. Signing costs microseconds and no round trip; all else is a coroutine that runs in a lane's thread.

    R2 keeps keys in Unicode's form C. A key in another form names no object here, so that it never reaches the object
    of the key that looks the same: reads and deletes find nothing, and signing and writing raise ValueError.

    Coroutines raise `StorageError`s only: `ObjectNotFoundError`, and `StorageUnavailableError` where the same call may
    work later. Each request waits `timeout_seconds` for an answer and is tried three times.
    """

    def __init__(
        self,
        endpoint_url: str,
        bucket: str,
        access_key_id: str,
        secret_access_key: str,
        region: str = "auto",
        url_window_seconds: int = 900,
        cache_control: str = DEFAULT_CACHE_CONTROL,
        timeout_seconds: float = 10.0,
        lanes: Mapping[LaneName, LaneSize] = LANE_SIZES,
    ) -> None:
        self.bucket = bucket
        self._cache_control = cache_control
        self._signer = UrlSigner(endpoint_url, bucket, access_key_id, secret_access_key, region, url_window_seconds)
        self._make_client = partial(
            make_client,
            endpoint_url=endpoint_url,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            region=region,
            timeout_seconds=timeout_seconds,
            connections=sum(size.threads for size in lanes.values()),
        )
        self._client: S3Client | None = None
        self._client_lock = threading.Lock()
        self._lanes = {name: Lane(name, size) for name, size in lanes.items()}

    def rotate(self, access_key_id: str, secret_access_key: str) -> None:
        """URLs and requests from now on are signed with this key; calls that are under way end with the old one."""
        self._signer.rotate(access_key_id, secret_access_key)
        with self._client_lock:
            self._make_client.keywords.update(access_key_id=access_key_id, secret_access_key=secret_access_key)
            # Not closed: it belongs to the threads that still use it, and goes with the last of them.
            self._client = None

    # Presigned URLs

    def presign_get(
        self,
        key: str,
        expires_in_seconds: int = 3600,
        download_filename: str | None = None,
        window: UrlWindow | None = None,
        *,
        now: datetime | None = None,
    ) -> str:
        """A URL of the object; with `download_filename`, browsers save it under that name instead of showing it."""
        parse_form_c(key)
        if not key:
            raise ValueError("The key must not be empty.")
        if download_filename is None:
            return self._signer.presign_plain("GET", key, expires_in_seconds, window, now=now)
        parameters = {"response-content-disposition": format_attachment(download_filename)}
        signed = self._signer.presign("GET", key, expires_in_seconds, parameters=parameters, window=window, now=now)
        return signed.url

    def presign_head(self, key: str, expires_in_seconds: int = 3600) -> str:
        """A URL for the object's size and type."""
        return self._signer.presign("HEAD", parse_form_c(key), expires_in_seconds).url

    def presign_put(
        self,
        key: str,
        content_type: str,
        content_length: int,
        expires_in_seconds: int = 3600,
        *,
        now: datetime | None = None,
    ) -> PresignedUpload:
        """An upload of exactly `content_length` bytes; R2 refuses another type, length or `Cache-Control`."""
        headers = {"content-type": content_type}
        if cache_control := self._find_cache_control(content_type):
            headers["cache-control"] = cache_control
        signed_headers = {**headers, "content-length": str(content_length)}
        signed = self._signer.presign("PUT", parse_form_c(key), expires_in_seconds, headers=signed_headers, now=now)
        return PresignedUpload(signed.url, headers, signed.expires_at)

    def presign_part(
        self,
        key: str,
        upload_id: str,
        part_number: int,
        content_length: int,
        expires_in_seconds: int = 3600,
        *,
        now: datetime | None = None,
    ) -> PresignedUpload:
        """An upload of exactly `content_length` bytes as a part (from 1 on); its answer's ETag completes the upload."""
        headers = {"content-length": str(content_length)}
        parameters = {"partNumber": str(part_number), "uploadId": upload_id}
        signed = self._signer.presign("PUT", key, expires_in_seconds, parameters=parameters, headers=headers, now=now)
        return PresignedUpload(signed.url, {}, signed.expires_at)

    def presign_delete(self, key: str, expires_in_seconds: int = 3600) -> str:
        """A URL that deletes the object."""
        return self._signer.presign("DELETE", parse_form_c(key), expires_in_seconds).url

    def urls_expire_at(
        self, expires_in_seconds: int = 3600, window: UrlWindow | None = None, *, now: datetime | None = None
    ) -> datetime:
        """The moment (UTC) until which URLs that are signed now work."""
        return self._signer.expires_at(expires_in_seconds, window, now=now)

    def get_window(
        self, expires_in_seconds: int = 3600, window: UrlWindow | None = None, *, now: datetime | None = None
    ) -> tuple[int, int, int]:
        """The values that URLs of `presign_get` change with, for the same key and validity."""
        return self._signer.get_window(expires_in_seconds, window, now=now)

    def _find_cache_control(self, content_type: str) -> str | None:
        """The `Cache-Control` that R2 keeps with a file and sends to browsers; None for JSON."""
        return None if content_type.startswith(_UNCACHED_TYPE) else self._cache_control

    def _make_metadata(self, content_type: str) -> "_Metadata":
        """The metadata that R2 keeps with a file, as boto3's arguments."""
        metadata: _Metadata = {"ContentType": content_type}
        if cache_control := self._find_cache_control(content_type):
            metadata["CacheControl"] = cache_control
        return metadata

    # Objects

    async def head(self, key: str) -> StoredObject | None:
        """The object's facts in R2, or None where there is none."""
        if not check_can_be_key(key):
            return None

        def call(client: "S3Client") -> StoredObject:
            answer = client.head_object(Bucket=self.bucket, Key=key)
            return StoredObject(
                key,
                answer["ContentLength"],
                answer.get("ContentType"),
                answer["LastModified"],
                _unquote(answer["ETag"]),
            )

        try:
            return await self._run(LaneName.CHECKS, call, ObjectNotFoundError(key))
        except ObjectNotFoundError:
            return None

    async def get(self, key: str, max_bytes: int) -> bytes:
        """The object's bytes; `ObjectTooLargeError` where it has more than `max_bytes`."""
        if not check_can_be_key(key):
            raise ObjectNotFoundError(key)

        def call(client: "S3Client") -> bytes:
            answer = client.get_object(Bucket=self.bucket, Key=key)
            with answer["Body"] as body:
                if "ContentLength" not in answer:
                    raise StorageUnavailableError(CUT_SHORT)
                if answer["ContentLength"] > max_bytes:
                    raise ObjectTooLargeError(key, max_bytes)
                return body.read()

        return await self._run(LaneName.READS, call, ObjectNotFoundError(key))

    async def compute_md5(self, key: str) -> str:
        """The MD5 of the object's bytes, in hexadecimal digits; the object is read, a piece at a time."""

        def call(client: "S3Client") -> str:
            digest = hashlib.md5(usedforsecurity=False)
            with client.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
                for piece in body.iter_chunks(_PIECE_BYTES):
                    digest.update(piece)
            return digest.hexdigest()

        return await self._run(LaneName.READS, call, ObjectNotFoundError(key))

    async def put(self, key: str, body: bytes | Path, content_type: str = DEFAULT_CONTENT_TYPE) -> None:
        """The object is stored, all of it or nothing; a path's file is streamed, and has at most 5 GiB."""
        parse_form_c(key)
        headers = self._make_metadata(content_type)

        def call(client: "S3Client") -> None:
            if isinstance(body, bytes):
                client.put_object(Bucket=self.bucket, Key=key, Body=body, **headers)
                return
            with body.open("rb") as file:
                client.put_object(Bucket=self.bucket, Key=key, Body=file, **headers)

        await self._run(LaneName.CHANGES, call)

    async def delete(self, keys: Iterable[str]) -> None:
        """None of the keys has an object any more; keys that had none, or can have none, are no error."""
        for batch in _batch(filter(check_can_be_key, keys), MAX_KEYS_PER_DELETE):
            await self._run(LaneName.CHANGES, partial(_delete_batch, bucket=self.bucket, keys=batch))

    async def delete_prefix(self, prefix: str) -> int:
        """No object is left below the prefix, which ends with a slash; how many there were."""
        # Without the slash, `u/video1` would take `u/video10` along, and an empty one the whole bucket.
        if not prefix.strip("/") or not prefix.endswith("/"):
            raise ValueError(f"The prefix of a delete must name a folder and end with a slash: {prefix!r}.")
        if len(prefix.encode()) >= MAX_KEY_BYTES or not check_form_c(prefix):
            return 0
        listing: ListObjectsV2RequestPaginateTypeDef = {"Bucket": self.bucket, "Prefix": prefix}
        pages = self._list_pages(listing, LaneName.CHANGES)
        keys = [item["Key"] async for page in pages for item in page.get("Contents", [])]
        await self.delete(keys)
        return len(keys)

    # Uploads in parts

    async def create_multipart_upload(self, key: str, content_type: str = DEFAULT_CONTENT_TYPE) -> str:
        """The id of an upload that has begun; the object exists once it is completed."""
        parse_form_c(key)
        headers = self._make_metadata(content_type)

        def call(client: "S3Client") -> str:
            answer = client.create_multipart_upload(Bucket=self.bucket, Key=key, **headers)
            return answer["UploadId"]

        return await self._run(LaneName.CHANGES, call)

    async def complete_multipart_upload(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """The object exists, put together of the parts with these ETags, by their numbers.

        `UploadNotFoundError` where the upload has ended or never began, `InvalidPartsError` where it has other parts.
        """
        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": etag} for number, etag in sorted(etags.items())
        ]

        def call(client: "S3Client") -> None:
            client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )

        await self._run(LaneName.CHANGES, call, UploadNotFoundError(key, upload_id))

    async def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """The upload is over and its parts are gone; one that was over is no error."""

        def call(client: "S3Client") -> None:
            client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)

        with contextlib.suppress(UploadNotFoundError):
            await self._run(LaneName.CHANGES, call, UploadNotFoundError(key, upload_id))

    async def list_multipart_uploads(self, prefix: str = "") -> AsyncIterator[MultipartUpload]:
        """All uploads below the prefix that are not over, by key; a page of a thousand is held at a time."""
        markers: dict[str, str] = {}
        while True:
            list_page = partial(_list_uploads, bucket=self.bucket, prefix=prefix, markers=markers)
            try:
                page = await self._run(LaneName.READS, list_page, UploadNotFoundError(prefix, ""))
            except UploadNotFoundError:
                return  # the answer of the embedded S3 where no upload was ever begun
            for item in page.get("Uploads", []):
                yield MultipartUpload(item["Key"], item["UploadId"], item["Initiated"])
            if not page["IsTruncated"]:
                return
            markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    # Listing

    async def list(self, prefix: str = "") -> AsyncIterator[StoredObject]:
        """All objects whose keys start with the prefix, by key; a page of a thousand is held at a time."""
        if not check_form_c(prefix):
            return
        async for page in self._list_pages({"Bucket": self.bucket, "Prefix": prefix}):
            for item in page.get("Contents", []):
                yield StoredObject(item["Key"], item["Size"], None, item["LastModified"], _unquote(item["ETag"]))

    async def list_directory(self, prefix: str = "") -> AsyncIterator[str]:
        """The keys of the objects directly below the prefix, and the folders there, each with its slash at the end.

        An object of the prefix's own name, an empty folder of some tools, is among the keys.
        """
        async for page in self._list_pages({"Bucket": self.bucket, "Prefix": prefix, "Delimiter": "/"}):
            for item in page.get("Contents", []):
                yield item["Key"]
            for folder in page.get("CommonPrefixes", []):
                yield folder["Prefix"]

    async def _list_pages(
        self, arguments: "ListObjectsV2RequestPaginateTypeDef", lane: LaneName = LaneName.READS
    ) -> AsyncIterator["ListObjectsV2OutputTypeDef"]:
        pages: Iterator[ListObjectsV2OutputTypeDef] | None = None

        def read_page(client: "S3Client") -> "ListObjectsV2OutputTypeDef | None":
            nonlocal pages
            pages = pages or iter(client.get_paginator("list_objects_v2").paginate(**arguments))
            return next(pages, None)

        while (page := await self._run(lane, read_page)) is not None:
            # Of an empty answer botocore makes an empty list, and files that are there would be missing.
            if "IsTruncated" not in page:
                raise StorageUnavailableError(CUT_SHORT)
            yield page
            if not page["IsTruncated"]:
                return

    # The bucket

    async def ensure_bucket(self) -> None:
        """The bucket exists."""
        try:
            await self.assert_answers()
        except BucketNotFoundError:
            await self._run(LaneName.CHANGES, lambda client: client.create_bucket(Bucket=self.bucket))

    async def assert_answers(self) -> None:
        """R2 answers and lets these credentials see the bucket; otherwise a `StorageError` says why not."""
        await self._run(
            LaneName.CHECKS, lambda client: client.head_bucket(Bucket=self.bucket), BucketNotFoundError(self.bucket)
        )

    def close(self) -> None:
        """Connections are closed; running calls are not waited for."""
        for lane in self._lanes.values():
            lane.close()
        if self._client is not None:
            self._client.close()

    async def _run(self, lane: LaneName, call: "Callable[[S3Client], T]", missing: StorageError | None = None) -> T:
        """The call's answer, from a thread of the lane; a 404 raises `missing`."""

        def run() -> T:
            client = self._open_client()
            with translate_errors(missing):
                return call(client)

        return await self._lanes[lane].run(run)

    def _open_client(self) -> "S3Client":
        with self._client_lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client


def _batch(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        batch.append(key)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _delete_batch(client: "S3Client", bucket: str, keys: list[str]) -> None:
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    if errors := answer.get("Errors", []):
        first = errors[0]
        failed = f"{first.get('Key')!r} first ({first.get('Code')})"
        raise StorageError(f"R2 did not delete {len(errors)} of {len(keys)} objects, {failed}.")


def _list_uploads(
    client: "S3Client", bucket: str, prefix: str, markers: Mapping[str, Any]
) -> "ListMultipartUploadsOutputTypeDef":
    page = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix, **markers)
    if "Bucket" not in page:
        raise StorageUnavailableError(CUT_SHORT)
    return page


def _unquote(etag: str) -> str:
    return etag.strip('"')
