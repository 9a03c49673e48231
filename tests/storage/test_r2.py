import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

import pytest

from storage.exceptions import (
    BucketNotFoundError,
    ObjectNotFoundError,
    ObjectTooLargeError,
    StorageError,
    StorageUnavailableError,
)
from storage.r2 import R2Storage

MakeStorage = Callable[..., R2Storage]
NOBODY = "http://127.0.0.1:9"


def fetch(
    url: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] = {}
) -> tuple[int, Message, bytes]:
    """Status, headers and body of a plain HTTP request, as a browser or curl would make it."""
    request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310 - http only
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.parametrize(
    "name",
    ["clip_01_02_x_split.mp4", "é ü+~&=('!*).mp4", "a.b/..c/d....mp4", "日本語 🎬.mp4", "100%25.mp4", "a?b#c.mp4"],
)
async def test_presigned_get_gives_the_bytes(storage: R2Storage, folder: str, name: str) -> None:
    """Any key, fetched by its URL, gives the bytes and the type that were put."""
    await storage.put(f"{folder}/{name}", b"real bytes", "video/mp4")
    status, headers, body = fetch(storage.presign_get(f"{folder}/{name}"))
    assert (status, headers["content-type"], body) == (200, "video/mp4", b"real bytes")


async def test_range_gives_a_part(storage: R2Storage, folder: str) -> None:
    """Players seek by asking for ranges."""
    await storage.put(f"{folder}/a.mp4", b"0123456789", "video/mp4")
    status, headers, body = fetch(storage.presign_get(f"{folder}/a.mp4"), headers={"Range": "bytes=3-5"})
    assert (headers["content-range"], body) == ("bytes 3-5/10", b"345")
    assert status == 206


async def test_download_has_a_filename(storage: R2Storage, folder: str) -> None:
    """A download URL answers with the filename in ASCII and in UTF-8."""
    await storage.put(f"{folder}/a.mp4", b"x", "video/mp4")
    _, headers, _ = fetch(storage.presign_get(f"{folder}/a.mp4", download_filename='Für "dich".mp4'))
    expected = "attachment; filename=\"F_r _dich_.mp4\"; filename*=UTF-8''F%C3%BCr%20%22dich%22.mp4"
    assert headers["content-disposition"] == expected


async def test_presigned_head_and_delete_work(storage: R2Storage, folder: str) -> None:
    """Presigned HEAD and DELETE URLs tell an object's size and delete it."""
    await storage.put(f"{folder}/a.mp4", b"12345", "video/mp4")
    status, headers, _ = fetch(storage.presign_head(f"{folder}/a.mp4"), "HEAD")
    assert (status, headers["content-length"]) == (200, "5")
    assert fetch(storage.presign_delete(f"{folder}/a.mp4"), "DELETE")[0] == 204
    assert await storage.head(f"{folder}/a.mp4") is None


@pytest.mark.parametrize(
    ("content_type", "kept"), [("video/mp4", "max-age=60"), ("image/jpeg", "max-age=60"), ("application/json", None)]
)
async def test_stored_files_are_kept_by_browsers_as_set(
    make_storage: MakeStorage, folder: str, content_type: str, kept: str | None
) -> None:
    """Clips and thumbnails have the `Cache-Control` of the setting; `highlights.json`, which changes, has none."""
    storage = make_storage(cache_control="max-age=60")
    await storage.put(f"{folder}/a", b"x", content_type)
    upload = storage.presign_put(f"{folder}/b", content_type, 1)
    assert upload.headers.get("cache-control") == kept
    assert fetch(upload.url, "PUT", b"x", upload.headers)[0] == 200
    for name in "ab":
        assert fetch(storage.presign_get(f"{folder}/{name}"))[1]["cache-control"] == kept


async def test_presigned_put_stores_the_upload(storage: R2Storage, folder: str) -> None:
    """A presigned PUT stores its body, and expires when the other URLs do."""
    upload = storage.presign_put(f"{folder}/a.mp4", "video/mp4", 5)
    assert fetch(upload.url, "PUT", b"12345", upload.headers)[0] == 200
    assert await storage.get(f"{folder}/a.mp4", max_bytes=5) == b"12345"
    assert upload.expires_at == storage.urls_expire_at(3600)


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (b"123456", {}),
        (b"12345", {"content-type": "text/html"}),
        (b"12345", {"cache-control": "no-store"}),
        (b"12345", {"cache-control": None}),
    ],
    ids=str,
)
async def test_upload_with_other_headers_than_signed_is_refused(
    storage: R2Storage, folder: str, body: bytes, changes: dict[str, str | None]
) -> None:
    """Only the signed length, type and `Cache-Control` can be uploaded; nothing is stored otherwise."""
    upload = storage.presign_put(f"{folder}/a.mp4", "video/mp4", 5)
    headers = {name: value for name, value in {**upload.headers, **changes}.items() if value is not None}
    assert fetch(upload.url, "PUT", body, headers)[0] == 403
    assert await storage.head(f"{folder}/a.mp4") is None


async def test_wrong_signature_is_refused(storage: R2Storage, make_storage: MakeStorage, folder: str) -> None:
    """A URL without its signature, with another, or with a changed parameter is refused."""
    await storage.put(f"{folder}/a.mp4", b"x")
    url = storage.presign_get(f"{folder}/a.mp4")
    assert fetch(url[:-1] + ("0" if url[-1] != "0" else "1"))[0] == 403
    assert fetch(make_storage(secret_access_key="another").presign_get(f"{folder}/a.mp4"))[0] == 403
    assert fetch(url.replace("X-Amz-Expires=4500", "X-Amz-Expires=4501"))[0] == 403
    assert fetch(url.partition("?")[0])[0] in {400, 403}


async def test_expired_url_is_refused(storage: R2Storage, folder: str) -> None:
    """A URL after its validity is refused as expired."""
    await storage.put(f"{folder}/a.mp4", b"x")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    expired = storage._signer.presign("GET", f"{folder}/a.mp4", 60, now=an_hour_ago)
    status, _, body = fetch(expired.url)
    assert status == 403
    assert b"<Code>ExpiredRequest</Code>" in body


async def test_url_signed_long_ago_still_works(storage: R2Storage, folder: str) -> None:
    """A URL that was signed six days ago for seven days still works."""
    await storage.put(f"{folder}/a.mp4", b"x")
    days_ago = datetime.now(UTC) - timedelta(days=6)
    assert fetch(storage._signer.presign("GET", f"{folder}/a.mp4", 7 * 86_400, now=days_ago).url)[0] == 200


async def test_head_tells_the_object(storage: R2Storage, folder: str) -> None:
    """HEAD tells an object's key, size, type, ETag and time."""
    await storage.put(f"{folder}/a.mp4", b"12345", "video/mp4")
    stored = await storage.head(f"{folder}/a.mp4")
    assert stored is not None
    assert (stored.key, stored.size_bytes, stored.content_type) == (f"{folder}/a.mp4", 5, "video/mp4")
    assert stored.etag == "827ccb0eea8a706c4c34a16891f84e7b"
    assert abs(stored.last_modified - datetime.now(UTC)) < timedelta(minutes=1)


async def test_missing_object_is_told(storage: R2Storage, folder: str) -> None:
    """A missing object is None for HEAD and `ObjectNotFoundError` for GET."""
    assert await storage.head(f"{folder}/nothing") is None
    with pytest.raises(ObjectNotFoundError, match="nothing"):
        await storage.get(f"{folder}/nothing", max_bytes=1)


async def test_get_holds_no_more_than_asked(storage: R2Storage, folder: str) -> None:
    """An object over the given size raises `ObjectTooLargeError`."""
    await storage.put(f"{folder}/a", b"12345")
    with pytest.raises(ObjectTooLargeError, match="more than 4 bytes"):
        await storage.get(f"{folder}/a", max_bytes=4)


async def test_put_streams_a_file(storage: R2Storage, folder: str, tmp_path: Path) -> None:
    """A file given by its path is stored whole."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"0123456789" * 100_000)
    await storage.put(f"{folder}/a.mp4", path, "video/mp4")
    assert await storage.get(f"{folder}/a.mp4", max_bytes=2_000_000) == path.read_bytes()


async def test_list_and_delete_go_beyond_one_page(storage: R2Storage, folder: str) -> None:
    """More objects than S3 lists or deletes at once, and only those below the prefix."""
    expected = [f"{folder}/clips/{number:04d}.mp4" for number in range(1001)]
    await asyncio.gather(*(storage.put(key, b"") for key in expected))
    await storage.put(f"{folder}0/keep.mp4", b"x")
    keys = [stored.key async for stored in storage.list(f"{folder}/")]
    assert keys == expected
    assert await storage.delete_prefix(f"{folder}/") == 1001
    assert [stored.key async for stored in storage.list(folder)] == [f"{folder}0/keep.mp4"]


async def test_a_directory_has_files_and_folders(storage: R2Storage, folder: str) -> None:
    """The folders below a prefix are listed with a slash, and the files there without."""
    for key in ("v1/highlights.json", "v1/clips/a.mp4", "v2/clips/a.mp4", "file"):
        await storage.put(f"{folder}/{key}", b"x")
    found = {name.removeprefix(folder) async for name in storage.list_directory(f"{folder}/")}
    assert found == {"/file", "/v1/", "/v2/"}


async def test_delete_is_repeatable(storage: R2Storage, folder: str) -> None:
    """Deleting missing keys, or no keys, is no error."""
    await storage.put(f"{folder}/a", b"x")
    for _ in range(2):
        await storage.delete([f"{folder}/a", f"{folder}/never"])
    assert await storage.head(f"{folder}/a") is None
    await storage.delete([])


@pytest.mark.parametrize("name", ["x" * 1_100, "\uffff.mp4", "cafe\u0301.mp4"])
async def test_a_key_that_no_object_can_have_costs_no_other(storage: R2Storage, folder: str, name: str) -> None:
    """Documents of other programs name such keys: nothing is there, and the other files of a delete go."""
    await storage.put(f"{folder}/a", b"x")
    await storage.delete([f"{folder}/{name}", f"{folder}/a"])
    assert await storage.head(f"{folder}/a") is None
    assert await storage.head(f"{folder}/{name}") is None
    with pytest.raises(ObjectNotFoundError):
        await storage.get(f"{folder}/{name}", max_bytes=1)


@pytest.mark.parametrize("prefix", ["", "/", "//", "u/video1"])
async def test_delete_prefix_wants_a_folder(storage: R2Storage, prefix: str) -> None:
    """A prefix that is empty or no folder is refused."""
    with pytest.raises(ValueError, match="folder"):
        await storage.delete_prefix(prefix)


async def test_ensure_bucket_makes_it_once(make_storage: MakeStorage, folder: str) -> None:
    """A missing bucket is created, and an existing one is left as it is."""
    storage = make_storage(bucket=folder.replace("/", "-"))
    with pytest.raises(BucketNotFoundError):
        await storage.assert_answers()
    for _ in range(2):
        await storage.ensure_bucket()
    await storage.assert_answers()


async def test_wrong_credentials_are_told(make_storage: MakeStorage) -> None:
    """A check with wrong credentials names the refused operation and status."""
    with pytest.raises(StorageError, match=r"refused HeadBucket \(403\)"):
        await make_storage(secret_access_key="another").assert_answers()


async def test_nobody_there_is_unavailable(make_storage: MakeStorage) -> None:
    """An endpoint without a server raises `StorageUnavailableError`."""
    storage = make_storage(endpoint_url=NOBODY, timeout_seconds=0.5)
    with pytest.raises(StorageUnavailableError, match="did not answer"):
        await storage.assert_answers()
    with pytest.raises(StorageUnavailableError):
        await storage.head("a")


async def test_proxies_of_the_environment_are_not_for_loopback(
    make_storage: MakeStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is not used for a server on this machine."""
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("http_proxy", NOBODY)
    await make_storage().assert_answers()
