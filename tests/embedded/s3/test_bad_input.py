"""Disks that are full or read-only, documents that explode, bodies that break off: the old object stays whole."""

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.s3.conformance.place import Place
from tests.embedded.s3.conformance.rows import Given
from tests.embedded.s3.conformance.test_buckets import policy
from tests.embedded.s3.conformance.test_uploads import complete
from tests.embedded.s3.raw import RawS3
from tests.embedded.s3.server import BUCKET, ServerProcess
from tests.patience import PATIENCE_SECONDS

BOMB = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Delete><Object><Key>&b;</Key></Object></Delete>"""
EXTERNAL = b"""<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>"""
NESTED = b"<Delete>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</Delete>"
MIB = 1024 * 1024
CORS = policy()


@pytest.fixture
def place(raw: RawS3) -> Place:
    """A bucket of the test's own, with an object."""
    place = Place(raw)
    place.put("a", Given())
    return place


@pytest.mark.parametrize(
    "body", [BOMB, EXTERNAL, b"", b"<", b"\xff\xfe", b"<Delete>", b"<x/>", b"<Delete><Object/></Delete>", NESTED]
)
@pytest.mark.parametrize(("method", "query"), [("POST", {"delete": ""}), ("PUT", {"cors": ""})])
def test_documents_that_are_none_are_malformed(place: Place, method: str, query: dict[str, str], body: bytes) -> None:
    """A malformed XML body is MalformedXML, and changes nothing."""
    before = place.content()
    answer = place.raw.send(method, f"/{place.bucket}", query, body=body)
    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert place.content() == before


def test_document_that_is_too_long_is_not_read(place: Place) -> None:
    """An XML body over 8 MiB is MaxMessageLengthExceeded."""
    answer = place.raw.send("POST", f"/{place.bucket}", {"delete": ""}, body=b" " * (8 * MIB + 1))
    assert (answer.status, answer.code) == (400, "MaxMessageLengthExceeded")


def test_object_beyond_5_gib_is_refused_before_it_comes(place: Place) -> None:
    """An object over 5 GiB is refused by its length, before its body is sent."""
    host, _, port = place.raw.host_port.partition(":")
    target = f"/{place.bucket}/a"
    headers = place.raw.sign("PUT", target, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, b"")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT {target} HTTP/1.1\r\nHost: {place.raw.host_port}\r\n{lines}content-length: {5 * 1024**3 + 1}\r\n\r\n"
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"</Error>") and (more := connection.recv(65_536)):
            answer += more
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"EntityTooLarge" in answer
    assert place.get("a") == Given().body


@pytest.mark.parametrize("path", ["a", "big"])
def test_body_that_breaks_off_changes_nothing(place: Place, path: str, server: ServerProcess) -> None:
    """Of an object, and of a part; the file that was being written is gone."""
    upload_id = place.begin([])
    query = f"?partNumber=1&uploadId={upload_id}" if path == "big" else ""
    host, _, port = place.raw.host_port.partition(":")
    target = f"/{place.bucket}/{path}{query}"
    headers = place.raw.sign("PUT", target, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, b"")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT {target} HTTP/1.1\r\nHost: {place.raw.host_port}\r\n{lines}content-length: {3 * MIB}\r\n\r\n"
    drafts = server.root / ".uploads"
    before = {path.name for path in drafts.iterdir()}
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(head.encode() + bytes(2 * MIB))
        wait_until(lambda: {path.name for path in drafts.iterdir()} != before)
    wait_until(lambda: {path.name for path in drafts.iterdir()} == before)
    assert place.content() == {"a": (place.values["a.etag"], Given().body)}
    assert place.raw.send("GET", f"/{place.bucket}/big", {"uploadId": upload_id}).texts("Part") == []


def wait_until(is_so: Callable[[], bool]) -> None:
    """It comes to pass within a time that no machine needs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("key", ["a", "..%2f..%2fx", "%00", "%ff%fe", "%c0%ae", "a%"])
def test_odd_quoting_is_answered(place: Place, key: str) -> None:
    """Signed or not, whatever the path says is answered, and no file appears outside."""
    answer = place.raw.send_as_is("GET", f"/{place.bucket}/{key}")
    assert answer.status == 400
    target = f"/{place.bucket}/{key}"
    signed = place.raw.sign("PUT", target, {}, b"x")
    assert place.raw.send_as_is("PUT", target, signed, b"x").status in {200, 400, 403}


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that can write no file beyond 4 MiB: what a full disk looks like to it."""
    limit = 4 * MIB
    with ServerProcess(
        tmp_path / "root", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    ) as server:
        yield server


def test_full_disk_leaves_the_old_object_and_the_upload(cramped: ServerProcess) -> None:
    """In the middle of a PUT, of a part, of a complete and of a copy; then all goes on."""
    raw = RawS3(cramped.host_port)
    place = Place(raw)
    place.put("a", Given())
    upload_id = place.begin([bytes(3 * MIB)])
    attempts: list[tuple[str, str, dict[str, str], dict[str, str], bytes]] = [
        ("PUT", "a", {}, {}, bytes(6 * MIB)),
        ("PUT", "big", {"partNumber": "1", "uploadId": upload_id}, {}, bytes(6 * MIB)),
    ]
    for method, key, query, headers, body in attempts:
        answer = raw.send(method, f"/{place.bucket}/{key}", query, headers, body)
        assert (answer.status, answer.code) == (500, "InternalError")
        assert "full" in str(answer.xml.findtext("Message"))
    assert place.content() == {"a": (place.values["a.etag"], Given().body)}
    assert list((cramped.root / ".uploads").iterdir())
    body = complete((1, place.values["1.etag"]))
    done = raw.send("POST", f"/{place.bucket}/big", {"uploadId": upload_id}, body=body)
    assert (done.status, place.get("big")) == (200, bytes(3 * MIB))
    assert not list((cramped.root / ".uploads").iterdir())
    raw.close()


# Root writes where nobody may, unless it lets go of that right.
AS_OTHERS_DO = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if os.geteuid() == 0 else ()


@pytest.mark.skipif(bool(AS_OTHERS_DO) and shutil.which("setpriv") is None, reason="root may write everywhere")
def test_read_only_folder_serves_and_takes_nothing(tmp_path: Path) -> None:
    """Reads go on, with all that is known of the objects; a write is AccessDenied, and the old object whole."""
    root = tmp_path / "root"
    with ServerProcess(root) as server:
        raw = RawS3(server.host_port)
        headers = {"content-type": "text/mine"}
        assert raw.send("PUT", f"/{BUCKET}/a", headers=headers, body=b"old").status == 200
        raw.close()
    subprocess.run(["chmod", "-R", "a-w", str(root)], check=True)
    with ServerProcess(root, AS_OTHERS_DO) as server:
        raw = RawS3(server.host_port)
        for method, path, query in (
            ("PUT", "a", {}),
            ("PUT", "new", {}),
            ("DELETE", "a", {}),
            ("POST", "b", {"uploads": ""}),
            ("PUT", "", {"cors": ""}),
        ):
            body = CORS if query == {"cors": ""} else b"x" if method == "PUT" else b""
            answer = raw.send(method, f"/{BUCKET}/{path}" if path else f"/{BUCKET}", query, body=body)
            assert (answer.status, answer.code) == (403, "AccessDenied"), (method, path, answer.body)
        found = raw.send("GET", f"/{BUCKET}/a")
        assert (found.body, found.headers["content-type"]) == (b"old", "text/mine")
        assert raw.send("GET", f"/{BUCKET}", {"list-type": "2"}).texts("Contents/Key") == ["a"]
        raw.close()
    subprocess.run(["chmod", "-R", "u+w", str(root)], check=True)


def test_folder_that_becomes_read_only_takes_nothing_more(tmp_path: Path) -> None:
    """While the server runs; and when it may be written again, so it is."""
    root = tmp_path / "root"
    with ServerProcess(root, AS_OTHERS_DO) as server:
        raw = RawS3(server.host_port)
        assert raw.send("PUT", f"/{BUCKET}/a", body=b"old").status == 200
        for folder in (root / BUCKET, root / ".uploads"):
            folder.chmod(0o500)
            answer = raw.send("PUT", f"/{BUCKET}/a", body=b"new")
            assert (answer.status, answer.code) == (403, "AccessDenied"), answer.body
            assert raw.send("GET", f"/{BUCKET}/a").body == b"old"
            folder.chmod(0o700)
        assert raw.send("PUT", f"/{BUCKET}/a", body=b"new").status == 200
        assert raw.send("GET", f"/{BUCKET}/a").body == b"new"
        raw.close()


def test_second_server_on_a_folder_says_so(tmp_path: Path) -> None:
    """And the first goes on."""
    with ServerProcess(tmp_path / "root") as first:
        with pytest.raises(AssertionError, match="ended at once with 1"):
            ServerProcess(tmp_path / "root").start()
        raw = RawS3(first.host_port)
        assert raw.send("PUT", f"/{BUCKET}/a", body=b"x").status == 200
        raw.close()
