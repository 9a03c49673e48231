"""Chromium against the embedded S3: films play and seek with the bytes right, pages upload, caches ask again.

CLIPGRAPH_CLIPS_PLAYED=30 plays all of the demo's clips.
"""

import hashlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import CHROMIUM, open_page
from tests.embedded.firestore.effort import effort
from tests.embedded.s3.raw import RawS3
from tests.embedded.s3.server import BUCKET, ServerProcess

ROOT = Path(__file__).parents[3]
CLIPS = sorted((ROOT / "demo" / "bucket").rglob("*.mp4"))
LARGE_BYTES = 60_000_000
PART_BYTES = 5 * 1024**2
VIEWINGS = 3

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]

PLAY = """async ([url, times]) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = url;
  const wait = (name) => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", () => reject(new Error(video.error.message)), { once: true });
  });
  const ready = wait("loadeddata");
  document.body.append(video);
  await ready;
  const playing = wait("timeupdate");
  await video.play();
  await playing;
  video.pause();
  const seen = [];
  for (const share of times) {
    const done = wait("seeked");
    video.currentTime = video.duration * share;
    await done;
    seen.push(Math.abs(video.currentTime - video.duration * share) < 1);
  }
  video.remove();
  return [video.duration > 0, video.videoWidth > 0, ...seen];
}"""

READ = """async ([url, range]) => {
  const answer = await fetch(url, { headers: range ? { range } : {}, cache: "no-store" });
  const bytes = await answer.arrayBuffer();
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const hex = [...new Uint8Array(digest)].map((each) => each.toString(16).padStart(2, "0")).join("");
  return [answer.status, answer.headers.get("content-range"), hex];
}"""

UPLOAD = """async ([put, size, type]) => {
  const body = new Uint8Array(size).fill(7);
  const answer = await fetch(put, { method: "PUT", body, headers: { "content-type": type } });
  return [answer.status, answer.headers.get("etag")];
}"""

DELETE = """(url) => fetch(url, { method: "DELETE" }).then((answer) => answer.status, () => null)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of another origin: an empty document on a port of its own."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>page</title><body></body>")
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages, open_page() as page:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{pages.server_port}/index.html")
        yield page
        pages.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 - its name in the library
        """Says nothing."""


def put_file(raw: RawS3, key: str, content: bytes) -> None:
    """The object is there."""
    assert raw.send("PUT", f"/{BUCKET}/{key}", headers={"content-type": "video/mp4"}, body=content).status == 200


def make_url(raw: RawS3, method: str, key: str, **more: Any) -> str:
    """A presigned URL."""
    return f"http://{raw.host_port}{raw.presign(method, f'/{BUCKET}/{key}', **more)}"


@pytest.fixture(scope="module")
def large_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film of 60 MB: one of the demo's for a long time, in noise that does not compress."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: apt-get install ffmpeg")
    path = tmp_path_factory.mktemp("film") / "large.mp4"
    source = "nullsrc=s=320x180:r=10:d=60,geq=random(1)*255:128:128"
    encode = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "10",
        "-b:v",
        "9M",
        "-minrate",
        "9M",
        "-pix_fmt",
        "yuv420p",
    ]
    command = [
        "ffmpeg",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        source,
        *encode,
        "-movflags",
        "+faststart",
        str(path),
    ]
    subprocess.run(command, check=True)
    content = path.read_bytes()
    # What is missing is a box that players skip.
    padding = max(LARGE_BYTES - len(content), 8)
    return content + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)


@pytest.mark.parametrize("clip", CLIPS[: effort("CLIPS_PLAYED", 3)], ids=lambda path: path.stem)
def test_demo_clips_play_and_seek(page: Page, raw: RawS3, clip: Path) -> None:
    """Three times each, and bytes that the page reads are the clip's."""
    content = clip.read_bytes()
    put_file(raw, clip.name, content)
    url = make_url(raw, "GET", clip.name)
    for _ in range(VIEWINGS):
        assert page.evaluate(PLAY, [url, [0.7, 0.2, 0.9]]) == [True] * 5
        assert_bytes(page, url, content)


def test_film_of_60_mb_plays_and_seeks(page: Page, raw: RawS3, large_film: bytes) -> None:
    """Three times, and ranges of it are right."""
    put_file(raw, "large.mp4", large_film)
    url = make_url(raw, "GET", "large.mp4")
    for _ in range(VIEWINGS):
        assert page.evaluate(PLAY, [url, [0.8, 0.1, 0.5]]) == [True] * 5
        assert_bytes(page, url, large_film)


def assert_bytes(page: Page, url: str, content: bytes) -> None:
    """Parts of the content, and all of it, as the page reads them."""
    middle = len(content) // 2
    for first, last in ((0, 99), (middle, middle + 9999), (len(content) - 10, len(content) - 1)):
        status, content_range, digest = page.evaluate(READ, [url, f"bytes={first}-{last}"])
        assert (status, content_range) == (206, f"bytes {first}-{last}/{len(content)}")
        assert digest == hashlib.sha256(content[first : last + 1]).hexdigest()
    assert page.evaluate(READ, [url, None]) == [200, None, hashlib.sha256(content).hexdigest()]


def test_page_of_another_origin_uploads_in_one_and_in_parts(page: Page, raw: RawS3) -> None:
    """It reads the ETags, without which nobody can complete an upload."""
    put = make_url(raw, "PUT", "from-page", headers={"content-type": "video/mp4"})
    status, etag = page.evaluate(UPLOAD, [put, 1000, "video/mp4"])
    assert (status, etag) == (200, f'"{hashlib.md5(bytes([7]) * 1000).hexdigest()}"')  # noqa: S324 - S3's own
    begun = raw.send("POST", f"/{BUCKET}/in-parts", {"uploads": ""}).texts("UploadId")[0]
    named = ""
    for number, size in ((1, PART_BYTES), (2, 10)):
        part = make_url(raw, "PUT", "in-parts", query={"partNumber": str(number), "uploadId": begun})
        status, etag = page.evaluate(UPLOAD, [part, size, "application/octet-stream"])
        assert (status, bool(etag)) == (200, True)
        named += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    assert raw.send("POST", f"/{BUCKET}/in-parts", {"uploadId": begun}, body=body).status == 200
    assert raw.send("GET", f"/{BUCKET}/in-parts").body == bytes([7]) * (PART_BYTES + 10)


def test_page_deletes_where_the_policy_names_the_method(page: Page, raw: RawS3) -> None:
    """The policy of clipgraph's bucket does not name DELETE, for which the API signs no URL."""
    for bucket, status in ((BUCKET, None), ("deletable", 204)):
        if bucket != BUCKET:
            assert raw.send("PUT", f"/{bucket}").status == 200
            put_policy(raw, bucket, page, "DELETE")
        assert raw.send("PUT", f"/{bucket}/from-page", body=b"x").status == 200
        url = f"http://{raw.host_port}{raw.presign('DELETE', f'/{bucket}/from-page')}"
        assert page.evaluate(DELETE, url) == status
        assert raw.send("HEAD", f"/{bucket}/from-page").status == (200 if status is None else 404)


def put_policy(raw: RawS3, bucket: str, page: Page, method: str) -> None:
    """The bucket's policy lets the page send requests of this method."""
    origin = page.evaluate("location.origin")
    rule = f"<AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>{method}</AllowedMethod>"
    rule += "<AllowedHeader>*</AllowedHeader>"
    policy = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>".encode()
    assert raw.send("PUT", f"/{bucket}", {"cors": ""}, body=policy).status == 200


def test_page_whose_origin_the_policy_does_not_name_is_refused(page: Page, raw: RawS3, server: ServerProcess) -> None:
    """And after the policy names it, it is not."""
    del server
    assert raw.send("PUT", "/closed").status == 200
    url = f"http://{raw.host_port}{raw.presign('PUT', '/closed/a')}"
    attempt = "(url) => fetch(url, { method: 'PUT', body: 'x' }).then((answer) => answer.status, (error) => error.name)"
    assert page.evaluate(attempt, url) == "TypeError"
    assert raw.send("HEAD", "/closed/a").status == 404
    put_policy(raw, "closed", page, "PUT")
    assert page.evaluate(attempt, url) == 200


def test_reload_asks_and_is_told_that_nothing_has_changed(page: Page, raw: RawS3) -> None:
    """304, and the object is not sent again; after a write it is."""
    headers = {"content-type": "text/plain", "cache-control": "no-cache"}
    url = make_url(raw, "GET", "cached")
    other = page.context.new_page()
    statuses: list[int] = []
    session = other.context.new_cdp_session(other)
    session.send("Network.enable")
    session.on("Network.responseReceivedExtraInfo", lambda event: statuses.append(event["statusCode"]))
    for body in (b"first", b"second"):
        assert raw.send("PUT", f"/{BUCKET}/cached", headers=headers, body=body).status == 200
        other.goto(url)
        other.reload()
        assert other.inner_text("body") == body.decode()
    assert [status for status in statuses if status in {200, 304}] == [200, 304, 200, 304]
    other.close()
