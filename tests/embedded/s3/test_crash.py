"""Killed at any moment, the server loses nothing that it has acknowledged, and keeps nothing by half.

CLIPGRAPH_S3_CRASH_ROUNDS=100 asks for that many kills.
"""

import hashlib
import http.client
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.embedded.firestore.effort import effort, tell, timeout
from tests.embedded.s3.conformance.test_uploads import complete
from tests.embedded.s3.raw import Answer, RawS3
from tests.embedded.s3.server import BUCKET, ServerProcess

pytestmark = pytest.mark.prove

USUAL_ROUNDS = 4
LONGEST_SECONDS = 0.8
REWRITTEN = 5  # keys that are written again and again
PART = 5 * 1024**2
GONE = (OSError, http.client.HTTPException, URLError)


@dataclass
class Log:
    """The contents that a writer has sent, by key: those that may be stored, the acknowledged one first."""

    may: dict[str, list[bytes | None]] = field(default_factory=dict)
    acknowledged: int = 0

    def note(self, key: str, content: bytes | None) -> None:
        """The content is on its way."""
        self.may.setdefault(key, [None]).append(content)

    def acknowledge(self, key: str) -> None:
        """The last content is what has to be there."""
        self.may[key] = self.may[key][-1:]
        self.acknowledged += 1


@dataclass
class Writers:
    """Three writers in a round, each as fast as it can, until the server is gone."""

    host_port: str
    number: int
    logs: list[Log] = field(default_factory=lambda: [Log(), Log(), Log()])
    uploads: dict[str, list[str]] = field(default_factory=dict)  # by upload's id: ETags of parts that were acknowledged
    ending: set[str] = field(default_factory=set)  # ids of uploads that a complete was sent for

    def start(self) -> list[threading.Thread]:
        """The writers write."""
        jobs = (self.put_new, self.put_again, self.put_parts)
        threads = [
            threading.Thread(target=self._run, args=(job, log)) for job, log in zip(jobs, self.logs, strict=True)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _run(self, job: Callable[[RawS3, Log, int], None], log: Log) -> None:
        raw = RawS3(self.host_port)
        try:
            for count in range(100_000):
                job(raw, log, count)
        except GONE:
            return
        finally:
            raw.close()

    def put_new(self, raw: RawS3, log: Log, count: int) -> None:
        """Ever new keys, some of which lie apart; every third is deleted again."""
        key = f"{self.number}/new/{count}{'/' if count % 4 == 3 else ''}"
        self._put(raw, log, key, make_content(key, 3000))
        if count % 3 == 2:
            log.note(key, None)
            assert raw.send("DELETE", f"/{BUCKET}/{key}").status == 204
            log.acknowledge(key)

    def put_again(self, raw: RawS3, log: Log, count: int) -> None:
        """The same keys, with contents of the same length, and large ones in between."""
        key = f"{self.number}/again/{count % REWRITTEN}"
        self._put(raw, log, key, make_content(f"{key}{count}", 2_000_000 if count % 7 == 6 else 3000))

    def put_parts(self, raw: RawS3, log: Log, count: int) -> None:
        """Uploads in two parts."""
        key = f"{self.number}/parts/{count}"
        begun = send(raw, "POST", key, {"uploads": ""})
        upload_id = begun.texts("UploadId")[0]
        self.uploads[upload_id] = []
        bodies = [bytes(PART), make_content(key, 1000)]
        for number, body in enumerate(bodies, 1):
            answer = send(raw, "PUT", key, {"partNumber": str(number), "uploadId": upload_id}, body)
            self.uploads[upload_id].append(answer.headers["etag"])
        self.ending.add(upload_id)
        log.note(key, b"".join(bodies))
        send(raw, "POST", key, {"uploadId": upload_id}, complete(*enumerate(self.uploads[upload_id], 1)))
        log.acknowledge(key)
        del self.uploads[upload_id]

    def _put(self, raw: RawS3, log: Log, key: str, content: bytes) -> None:
        log.note(key, content)
        headers = {"content-type": f"text/{hashlib.sha256(content).hexdigest()}"}
        assert raw.send("PUT", f"/{BUCKET}/{key}", headers=headers, body=content).status == 200
        log.acknowledge(key)


def send(raw: RawS3, method: str, key: str, query: dict[str, str], body: bytes = b"") -> Answer:
    """The answer, which is no refusal."""
    answer = raw.send(method, f"/{BUCKET}/{key}", query, body=body)
    assert answer.status == 200, answer.body
    return answer


def make_content(seed: str, size: int) -> bytes:
    """Bytes of the content's own."""
    return (hashlib.sha256(seed.encode()).digest() * (size // 32 + 1))[:size]


def count_whole(raw: RawS3, writers: Writers) -> int:
    """How many objects the round has left: each as it was acknowledged, or as it was sent last."""
    listed: dict[str, str] = {}
    after = ""
    while True:
        page = raw.send("GET", f"/{BUCKET}", {"list-type": "2", "prefix": f"{writers.number}/", "start-after": after})
        listed |= dict(zip(page.texts("Contents/Key"), page.texts("Contents/ETag"), strict=True))
        if page.texts("IsTruncated") == ["false"]:
            break
        after = max(listed)
    for log in writers.logs:
        for key, may in log.may.items():
            answer = raw.send("GET", f"/{BUCKET}/{key}")
            content = answer.body if answer.status == 200 else None
            assert content in may, key
            assert (content is not None) == (key in listed), key
            if content is not None:
                assert_attributes(answer, content, listed[key])
    assert_uploads(raw, writers)
    return len(listed)


def assert_attributes(answer: Answer, content: bytes, etag: str) -> None:
    """The attributes are those that came with this content."""
    assert answer.headers["etag"] == etag
    if not etag.endswith('-2"'):
        assert etag == f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324 - S3's own
        assert answer.headers["content-type"] == f"text/{hashlib.sha256(content).hexdigest()}"


def assert_uploads(raw: RawS3, writers: Writers) -> None:
    """Uploads that were begun are open, with all parts that were acknowledged, unless they may have been completed."""
    listing = raw.send("GET", f"/{BUCKET}", {"uploads": "", "prefix": f"{writers.number}/"})
    keys = dict(zip(listing.texts("Upload/UploadId"), listing.texts("Upload/Key"), strict=True))
    for upload_id, etags in writers.uploads.items():
        if upload_id not in keys:
            assert upload_id in writers.ending
            continue
        parts = raw.send("GET", f"/{BUCKET}/{keys[upload_id]}", {"uploadId": upload_id})
        assert parts.texts("Part/ETag")[: len(etags)] == etags


@timeout("S3_CRASH_ROUNDS")
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Rounds of PUTs, parts and completes, SIGKILL and a look at what is there; earlier rounds stay as they were."""
    moments = random.Random()  # noqa: S311 - moments, not secrets
    rounds: list[tuple[Writers, int]] = []
    with ServerProcess(tmp_path / "root") as server:
        for number in range(effort("S3_CRASH_ROUNDS", USUAL_ROUNDS)):
            writers = Writers(server.host_port, number)
            threads = writers.start()
            time.sleep(moments.uniform(0.05, LONGEST_SECONDS))
            server.kill()
            for thread in threads:
                thread.join()
            server.start()
            raw = RawS3(server.host_port)
            rounds.append((writers, count_whole(raw, writers)))
            earlier, count = moments.choice(rounds)
            assert count_whole(raw, earlier) == count
            raw.close()
    assert_tidy(tmp_path / "root")
    acknowledged = sum(log.acknowledged for writers, _ in rounds for log in writers.logs)
    tell(
        request,
        f"{len(rounds)} kills, {acknowledged} writes acknowledged, {sum(c for _, c in rounds)} objects, none lost",
    )


def assert_tidy(root: Path) -> None:
    """Raises where a file is no object and no part, or a row has no file: unacknowledged writes leave nothing."""
    file = sqlite3.connect(root / "s3.sqlite")
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    parts = {name for (name,) in file.execute("SELECT file FROM parts")}
    versions = file.execute("SELECT count(*), count(DISTINCT bucket || '/' || name) FROM objects").fetchone()
    file.close()
    assert {path.name for path in (root / ".uploads").iterdir()} == parts
    assert versions[0] == versions[1]


@pytest.mark.parametrize("moment", ["before the rename", "after the rename"])
@pytest.mark.parametrize("key", ["a", "a/", "n" * 300])
def test_a_crash_at_the_rename_leaves_old_or_new_whole(tmp_path: Path, key: str, moment: str) -> None:
    """The old content with its type, or the new with its own, and never one with the other's."""
    from embedded.s3.store import objects as store_objects  # the moment is inside
    from embedded.s3.store.model import Attributes
    from embedded.s3.store.store import open_store

    class CrashError(Exception):
        pass

    def put(text: str) -> None:
        with store.open_draft() as draft:
            draft.write(text.encode())
            draft.seal()
            new = store_objects.NewObject(draft, text, Attributes(content_type=f"text/{text}"))
            store.objects.put("clips", key, new, lambda _: None)

    store = open_store(tmp_path)
    store.buckets.ensure("clips", "[]")
    put("old")
    rename = os.replace

    def crash(source: str, target: str) -> None:
        if moment == "after the rename":
            rename(source, target)
        raise CrashError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedded.s3.store.objects.os.replace", crash)
        with pytest.raises(CrashError):
            put("new")
    # As a killed process leaves it: nothing that waited is written.
    store._database._later.clear()
    store.close()
    store = open_store(tmp_path)
    found = store.objects.find("clips", key)
    assert found is not None
    expected = "new" if moment == "after the rename" else "old"
    assert (Path(found.path).read_text(), found.etag, found.attributes.content_type) == (
        expected, expected, f"text/{expected}",
    )  # fmt: skip
    store.close()
    assert_tidy(tmp_path)
