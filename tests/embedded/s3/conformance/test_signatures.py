"""SigV4 by header, by query and by chunks: what holds, and what is refused with nothing done."""

import base64
import hashlib
import hmac
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.embedded.s3.conformance.place import Place
from tests.embedded.s3.conformance.rows import Given, scenario
from tests.embedded.s3.raw import Answer, RawS3
from tests.embedded.s3.server import SECRET

OLD = b"0123456789"
Change = Callable[[dict[str, str]], object]


@pytest.fixture
def given(place: Place) -> Place:
    """A place with the object `a`."""
    place.put("a", Given(OLD, {"content-type": "text/plain"}))
    return place


def shift(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Botocore signs with a clock that goes wrong by so much."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None))


def assert_refused(place: Place, answer: Answer, status: int, code: str) -> None:
    """The answer is that refusal, and `a` is as it was, and alone."""
    assert (answer.status, answer.code) == (status, code), answer.body
    assert place.content() == {"a": (place.values["a.etag"], OLD)}


@scenario("api", "regions that stand for auto, and hints, are taken")
@pytest.mark.parametrize("region", ["auto", "us-east-1", "weur", "apac"])
def test_region(given: Place, region: str) -> None:
    """A signature for each of R2's names of its region is accepted, in headers and in URLs."""
    assert given.raw.send("GET", f"/{given.bucket}/a", region=region).body == OLD
    url = given.raw.presign("GET", f"/{given.bucket}/a", region=region)
    assert given.raw.send_as_is("GET", url).body == OLD


@scenario("regions", "another region is refused with the list of R2's")
def test_other_region(given: Place) -> None:
    """Another region is InvalidRegionName with R2's message."""
    answer = given.raw.send("PUT", f"/{given.bucket}/a", body=b"x", region="eu-west-1")
    assert_refused(given, answer, 400, "InvalidRegionName")
    assert answer.xml.findtext("Message") == (
        "The region name 'eu-west-1' is not valid. Must be one of: wnam, enam, weur, eeur, apac, oc, auto"
    )


@scenario("aws-auth", "a request of another hour is refused")
@pytest.mark.parametrize("seconds", [-3600, 3600, -86_400])
def test_skewed(given: Place, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock too far ahead or behind is RequestTimeTooSkewed, and nothing is written."""
    with monkeypatch.context() as changed:
        shift(changed, seconds)
        answer = given.raw.send("PUT", f"/{given.bucket}/a", body=b"x")
    assert_refused(given, answer, 403, "RequestTimeTooSkewed")


@scenario("aws-auth", "a body that is not the one that was signed is refused")
def test_other_body(given: Place) -> None:
    """A body other than the signed one is refused, and the object is unchanged."""
    headers = given.raw.sign("PUT", f"/{given.bucket}/a", {}, b"signed")
    answer = given.raw.send_as_is("PUT", f"/{given.bucket}/a", headers, b"forged")
    assert_refused(given, answer, 400, "XAmzContentSHA256Mismatch")


@scenario("errors", "a secret that is not ours, and an id that nobody has")
def test_other_key(given: Place) -> None:
    """A wrong secret or an unknown key id is refused, and the object is unchanged."""
    other = RawS3(given.raw.host_port, secret="other")
    assert_refused(given, other.send("PUT", f"/{given.bucket}/a", body=b"x"), 403, "SignatureDoesNotMatch")
    unknown = RawS3(given.raw.host_port, key_id="nobody")
    assert_refused(given, unknown.send("PUT", f"/{given.bucket}/a", body=b"x"), 401, "Unauthorized")
    for each in (other, unknown):
        each.close()


@scenario("aws-auth", "half a signature is refused")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda headers: headers.update(Authorization="AWS key:signature"), "InvalidArgument"),
        (lambda headers: headers.update(Authorization="Bearer token"), "InvalidArgument"),
        (lambda headers: headers.update(Authorization=headers["Authorization"][:-75]), "InvalidArgument"),
        (lambda headers: headers.pop("Authorization"), "InvalidArgument"),
        (lambda headers: headers.pop("X-Amz-Date"), "InvalidArgument"),
        (lambda headers: headers.update({"X-Amz-Date": "yesterday"}), "InvalidArgument"),
        (lambda headers: headers.pop("X-Amz-Content-SHA256"), "InvalidRequest"),
        (lambda headers: headers.update({"X-Amz-Content-SHA256": "0" * 64}), "SignatureDoesNotMatch"),
        (lambda headers: headers.update({"X-Amz-Meta-Added": "1"}), "AccessDenied"),
        (lambda headers: headers.update({"X-Amz-Copy-Source": "/b/c"}), "AccessDenied"),
    ],
)
def test_half_a_signature(given: Place, change: Change, code: str) -> None:
    """A request with part of its signature missing or changed is refused with R2's code."""
    headers = given.raw.sign("PUT", f"/{given.bucket}/a", {}, b"x")
    change(headers)
    answer = given.raw.send_as_is("PUT", f"/{given.bucket}/a", headers, b"x")
    assert_refused(given, answer, 403 if code in {"SignatureDoesNotMatch", "AccessDenied"} else 400, code)


@scenario("presigned", "GET, HEAD, PUT and DELETE by URL")
def test_presigned(given: Place) -> None:
    """Presigned GET, HEAD, PUT and DELETE each do what they sign."""
    raw, path = given.raw, f"/{given.bucket}/a"
    assert raw.send_as_is("GET", raw.presign("GET", path)).body == OLD
    assert raw.send_as_is("HEAD", raw.presign("HEAD", path)).headers["content-length"] == "10"
    assert raw.send_as_is("PUT", raw.presign("PUT", path), body=b"put").status == 200
    assert given.get("a") == b"put"
    assert raw.send_as_is("DELETE", raw.presign("DELETE", path)).status == 204
    assert given.get("a") is None


@scenario("presigned", "a URL of seven days is taken, and used as often as one likes")
def test_seven_days(given: Place) -> None:
    """A URL may be valid for seven days, and be used more than once."""
    url = given.raw.presign("GET", f"/{given.bucket}/a", expires=7 * 86_400)
    assert [given.raw.send_as_is("GET", url).status for _ in range(3)] == [200] * 3


TYPE = {"content-type": "text/plain"}


@dataclass(frozen=True)
class Misuse:
    """One way to misuse a URL that puts `a` as text, and how it ends."""

    status: int
    code: str
    method: str = "PUT"
    edit: tuple[str, str] = ("", "")
    age_seconds: float = 0
    expires: int = 60
    sent: dict[str, str] = field(default_factory=lambda: TYPE)
    signed: dict[str, str] = field(default_factory=lambda: TYPE)


FORGED = (403, "SignatureDoesNotMatch")
OTHER_HASH = TYPE | {"x-amz-content-sha256": hashlib.sha256(b"y").hexdigest()}
MISUSES = {
    "after its end": Misuse(403, "ExpiredRequest", age_seconds=61),
    "before its time": Misuse(403, "RequestTimeTooSkewed", age_seconds=-3600),
    "for longer than a week": Misuse(400, "InvalidArgument", expires=604_801),
    "for no time": Misuse(400, "InvalidArgument", expires=0),
    "with another method": Misuse(*FORGED, method="DELETE"),
    "for another key": Misuse(*FORGED, edit=("/a?", "/b?")),
    "for another bucket": Misuse(*FORGED, edit=("/row-", "/wor-")),
    "with a longer validity": Misuse(*FORGED, edit=("X-Amz-Expires=60", "X-Amz-Expires=600")),
    "with a later date": Misuse(*FORGED, edit=("X-Amz-Date=20", "X-Amz-Date=21")),
    "with another signature": Misuse(*FORGED, edit=("X-Amz-Signature=", "X-Amz-Signature=0")),
    "without its signature": Misuse(400, "InvalidArgument", edit=("&X-Amz-Signature", "&x")),
    "with another id": Misuse(401, "Unauthorized", edit=("conformance-key", "conformance-kee")),
    "in another region": Misuse(*FORGED, edit=("%2Fauto%2F", "%2Fweur%2F")),
    "with a parameter more": Misuse(*FORGED, edit=("?", "?tagging&")),
    "with fewer signed headers": Misuse(*FORGED, edit=("content-type%3Bhost", "host")),
    "with another type": Misuse(*FORGED, sent={"content-type": "text/html"}),
    "without the type": Misuse(*FORGED, sent={}),
    "as a copy": Misuse(403, "AccessDenied", sent=TYPE | {"x-amz-copy-source": "/b/c"}),
    "with metadata": Misuse(403, "AccessDenied", sent=TYPE | {"x-amz-meta-k": "v"}),
    "with a signature in the header, too": Misuse(400, "InvalidArgument", sent=TYPE | {"authorization": "AWS4 x"}),
    "at another host": Misuse(*FORGED, sent=TYPE | {"host": "other.example"}),
    "with another body than was signed": Misuse(400, "XAmzContentSHA256Mismatch", signed=OTHER_HASH, sent=OTHER_HASH),
}


@scenario("presigned", "a signed URL is good for what was signed, and for nothing else")
@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse(given: Place, misuse: Misuse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A presigned URL used beyond what it signs is refused with R2's code."""
    with monkeypatch.context() as changed:
        shift(changed, -misuse.age_seconds)
        url = given.raw.presign("PUT", f"/{given.bucket}/a", {}, misuse.signed, misuse.expires)
    old, new = misuse.edit
    assert old in url
    answer = given.raw.send_as_is(misuse.method, url.replace(old, new, 1) if old else url, misuse.sent, b"x")
    assert_refused(given, answer, misuse.status, misuse.code)


@scenario("expires", "a URL beyond a week is refused in R2's words")
def test_beyond_a_week(given: Place) -> None:
    """A URL for more than seven days is refused with R2's message."""
    url = given.raw.presign("GET", f"/{given.bucket}/a", expires=604_801)
    assert given.raw.send_as_is("GET", url).xml.findtext("Message") == (
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
        "604800 seconds"
    )


def keep(body: bytes) -> bytes:
    """The body as it is."""
    return body


class Chunked:
    """A body in aws-chunked, signed with the key of the conformance server."""

    def __init__(self, place: Place, kind: str, trailers: dict[str, str] | None = None) -> None:
        self.place, self.kind, self.trailers = place, kind, trailers or {}

    def send(self, *chunks: bytes, spoil: Callable[[bytes], bytes] = keep, length: int | None = None) -> Answer:
        """The answer to a PUT of `a` in these chunks."""
        target = f"/{self.place.bucket}/a"
        headers = {
            "x-amz-content-sha256": self.kind,
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(sum(map(len, chunks)) if length is None else length),
        }
        if self.trailers:
            headers["x-amz-trailer"] = ",".join(self.trailers)
        signed = self.place.raw.sign("PUT", target, headers, b"")
        return self.place.raw.send_as_is("PUT", target, signed, spoil(self._encode(signed, chunks)))

    def _encode(self, signed: dict[str, str], chunks: tuple[bytes, ...]) -> bytes:
        date = signed["X-Amz-Date"]
        previous = signed["Authorization"].rpartition("Signature=")[2]
        empty, body = hashlib.sha256(b"").hexdigest(), b""
        for chunk in (*chunks, b""):
            extension = b""
            if not self.kind.startswith("STREAMING-UNSIGNED"):
                previous = self._sign("PAYLOAD", date, previous, empty, hashlib.sha256(chunk).hexdigest())
                extension = f";chunk-signature={previous}".encode()
            body += f"{len(chunk):x}".encode() + extension + b"\r\n" + chunk + (b"\r\n" if chunk else b"")
        if not self.kind.endswith("TRAILER"):
            return body + b"\r\n"
        text = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
        body += text.replace("\n", "\r\n").encode()
        if not self.kind.startswith("STREAMING-UNSIGNED"):
            signature = self._sign("TRAILER", date, previous, hashlib.sha256(text.encode()).hexdigest())
            body += f"x-amz-trailer-signature:{signature}\r\n".encode()
        return body + b"\r\n"

    def _sign(self, kind: str, date: str, *parts: str) -> str:
        key = f"AWS4{SECRET}".encode()
        for part in (date[:8], "auto", "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        scope = f"{date[:8]}/auto/s3/aws4_request"
        return hmac.digest(key, "\n".join((f"AWS4-HMAC-SHA256-{kind}", date, scope, *parts)).encode(), "sha256").hex()


SIGNED, UNSIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CONTENT = b"chunk one" + b"2" * 70_000
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4, "big")).decode()
TRAILERS = {"x-amz-checksum-crc32": CRC32}


@scenario("aws-streaming", "bodies in chunks are taken, signed or not, with trailers or without")
@pytest.mark.parametrize(("kind", "trailers"), [(SIGNED, None), (f"{SIGNED}-TRAILER", TRAILERS), (UNSIGNED, TRAILERS)])
def test_chunked(given: Place, kind: str, trailers: dict[str, str] | None) -> None:
    """A body signed chunk by chunk, with and without trailers, is stored without its framing."""
    answer = Chunked(given, kind, trailers).send(CONTENT[:9], CONTENT[9:])
    assert (answer.status, given.get("a")) == (200, CONTENT)
    assert answer.headers.get("x-amz-checksum-crc32") == (CRC32 if trailers else None)
    assert "content-encoding" not in given.raw.send("HEAD", f"/{given.bucket}/a").headers


@scenario("aws-streaming", "a trailer that does not fit the content is refused")
@pytest.mark.parametrize("kind", [f"{SIGNED}-TRAILER", UNSIGNED])
def test_wrong_trailer(given: Place, kind: str) -> None:
    """A trailer with a wrong checksum is BadDigest, and the object is unchanged."""
    assert_refused(given, Chunked(given, kind, TRAILERS).send(b"other"), 400, "BadDigest")


@scenario("aws-streaming", "chunks that lie are refused")
@pytest.mark.parametrize("kind", [SIGNED, f"{SIGNED}-TRAILER"])
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"one", b"two", "SignatureDoesNotMatch"),
        (b"chunk-signature=", b"chunk-signature=0", "SignatureDoesNotMatch"),
        (b";chunk-signature=", b";x=", "SignatureDoesNotMatch"),
        (b"9;", b"8;", "SignatureDoesNotMatch"),
        (b"9;", b"-9;", "InvalidRequest"),
        (b"9;", b"zz;", "InvalidRequest"),
        (b"9;", b"ffffffffff;", "InvalidRequest"),
    ],
)
def test_lies(given: Place, kind: str, old: bytes, new: bytes, code: str) -> None:
    """A chunked body with a forged part is refused with R2's code."""
    chunked = Chunked(given, kind, TRAILERS if kind.endswith("TRAILER") else None)
    answer = chunked.send(CONTENT[:9], CONTENT[9:], spoil=lambda body: body.replace(old, new, 1))
    assert_refused(given, answer, 403 if code == "SignatureDoesNotMatch" else 400, code)


@scenario("aws-streaming", "chunks that say another length in all, or end too soon, are refused")
@pytest.mark.parametrize("kind", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("length", [8, 10])
def test_lengths(given: Place, kind: str, length: int) -> None:
    """A chunked body that is longer or shorter than announced is refused, and the object is unchanged."""
    assert_refused(given, Chunked(given, kind).send(b"123456789", length=length), 400, "IncompleteBody")
    cut = Chunked(given, kind).send(b"123456789", spoil=lambda body: body[:6])
    assert (cut.status, given.get("a")) == (400, OLD)


@scenario("aws-streaming", "a signature of the trailers that is wrong, or missing, is refused")
@pytest.mark.parametrize("new", [b"x-amz-trailer-signature:0", b"x-other:0"])
def test_trailer_signature(given: Place, new: bytes) -> None:
    """A forged or missing trailer signature is refused."""
    chunked = Chunked(given, f"{SIGNED}-TRAILER", TRAILERS)
    answer = chunked.send(CONTENT, spoil=lambda body: body.replace(b"x-amz-trailer-signature:", new))
    assert_refused(given, answer, 403, "SignatureDoesNotMatch")


@scenario("errors", "a body in chunks without its length, and a body without any, are refused")
def test_no_length(given: Place) -> None:
    """A body without a length is refused with 411, and the object is unchanged."""
    raw, target = given.raw, f"/{given.bucket}/a"
    headers = raw.sign("PUT", target, {"x-amz-content-sha256": SIGNED}, b"")
    assert_refused(given, raw.send_as_is("PUT", target, headers, b"0\r\n\r\n"), 411, "MissingContentLength")
    headers = raw.sign("PUT", target, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, b"")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"PUT {target} HTTP/1.1\r\nHost: {raw.host_port}\r\n{lines}transfer-encoding: chunked\r\n\r\n"
    answer = converse(raw.host_port, head.encode() + b"1\r\nx\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411")
    assert given.get("a") == OLD


def converse(host_port: str, *messages: bytes) -> bytes:
    """The beginning of what comes back after the last of the messages."""
    host, _, port = host_port.partition(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        for message in messages:
            connection.sendall(message)
            answer = connection.recv(65_536)
    return answer


@scenario("aws-auth", "a body that nobody signed is taken where it is said so")
def test_unsigned(given: Place) -> None:
    """UNSIGNED-PAYLOAD stores the body; any other value that is no hash is refused."""
    headers = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert given.raw.send("PUT", f"/{given.bucket}/a", headers=headers, body=b"new").status == 200
    wrong = given.raw.send("PUT", f"/{given.bucket}/a", headers={"x-amz-content-sha256": "none"}, body=b"x")
    assert (wrong.status, wrong.code, given.get("a")) == (400, "InvalidArgument", b"new")


@scenario("aws", "who waits for 100 is told of a refusal before the body is sent")
def test_expect(given: Place) -> None:
    """Expect: 100-continue is answered only for a request that would be accepted."""

    def make_head(bucket: str) -> bytes:
        target = f"/{bucket}/a"
        headers = given.raw.sign("PUT", target, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, b"")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        more = "content-length: 3\r\nExpect: 100-continue\r\n\r\n"
        return f"PUT {target} HTTP/1.1\r\nHost: {given.raw.host_port}\r\n{lines}{more}".encode()

    assert converse(given.raw.host_port, make_head("no-such-bucket")).startswith(b"HTTP/1.1 404")
    assert converse(given.raw.host_port, make_head(given.bucket)).startswith(b"HTTP/1.1 100")
    assert given.get("a") == OLD
    assert b"HTTP/1.1 200" in converse(given.raw.host_port, make_head(given.bucket), b"new")
    assert given.get("a") == b"new"
