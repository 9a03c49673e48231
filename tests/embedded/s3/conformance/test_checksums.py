"""The checksums that R2 documents, whole and of parts."""

import base64
import hashlib
import zlib
from typing import Any

import pytest

from tests.embedded.s3.conformance.place import UPLOAD_KEY, Place, run_row
from tests.embedded.s3.conformance.rows import Given, Row, each_row, scenario
from tests.embedded.s3.raw import Answer

KNOWN = {  # of 123456789: the check values of every catalogue of CRCs, and hashlib's
    "crc32": "y/Q5Jg==",
    "crc32c": "4waSgw==",
    "crc64nvme": "rosUhgp5mIg=",
    "sha1": base64.b64encode(hashlib.sha1(b"123456789").digest()).decode(),  # noqa: S324 - S3's own
    "sha256": base64.b64encode(hashlib.sha256(b"123456789").digest()).decode(),
}
MIN = 5 * 1024**2


def put(what: str, headers: dict[str, str], **more: Any) -> Row:
    """A row that puts 123456789."""
    usual: dict[str, Any] = {"source": "api", "method": "PUT", "body": b"123456789"}
    if more.get("status", 200) == 200:
        usual["leaves"] = {"a": b"123456789"}
    return Row(what=what, headers=headers, **{**usual, **more})


@each_row(
    *(
        put(f"the right {name}", {f"x-amz-checksum-{name}": value},
            gives={f"x-amz-checksum-{name}": value, "x-amz-checksum-type": "FULL_OBJECT"})
        for name, value in KNOWN.items()
    ),
    *(
        put(f"a wrong {name}", {f"x-amz-checksum-{name}": value}, body=b"987654321", status=400, code="BadDigest",
            source="errors")
        for name, value in KNOWN.items()
    ),
    *(
        put(f"a {name} that is none", {f"x-amz-checksum-{name}": "AAA="}, status=400, code="InvalidDigest",
            source="errors")
        for name in KNOWN
    ),
    *(
        Row(source="api", what=f"the {name} is told to who asks for it", method="HEAD",
            headers={"x-amz-checksum-mode": "ENABLED"},
            given={"a": Given(b"123456789", {f"x-amz-checksum-{name}": value})},
            gives={f"x-amz-checksum-{name}": value})
        for name, value in KNOWN.items()
    ),
    Row(source="aws", what="a checksum is not told to who does not ask", method="HEAD",
        given={"a": Given(b"123456789", {"x-amz-checksum-crc32": KNOWN["crc32"]})},
        gives={"x-amz-checksum-crc32": None}),
    put("two checksums", {"x-amz-checksum-crc32": KNOWN["crc32"], "x-amz-checksum-sha1": KNOWN["sha1"]}, status=400,
        code="InvalidRequest", source="aws"),
    Row(source="api", what="a whole CRC32 of an upload is not there", method="POST", query={"uploads": ""}, status=501,
        headers={"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"}, code="NotImplemented"),
    Row(source="api", what="a composite CRC64NVME of an upload is not there", method="POST", query={"uploads": ""},
        headers={"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "COMPOSITE"}, status=501,
        code="NotImplemented"),
    Row(source="aws", what="an upload with an algorithm that is none", method="POST", query={"uploads": ""},
        headers={"x-amz-checksum-algorithm": "MD4"}, status=400, code="InvalidRequest"),
)  # fmt: skip
def test_checksum(place: Place, row: Row) -> None:
    """Each row's checksum is verified and answered as documented."""
    run_row(place, row)


def begin(place: Place, algorithm: str, parts: list[bytes]) -> list[str | None]:
    """The checksums that the parts are answered with."""
    place.begin([], {"x-amz-checksum-algorithm": algorithm.upper()})
    found = []
    for number, body in enumerate(parts, 1):
        query = {"partNumber": str(number), "uploadId": place.values["upload"]}
        answer = place.raw.send("PUT", f"/{place.bucket}/{UPLOAD_KEY}", query, body=body)
        place.values[f"{number}.etag"] = answer.headers["etag"]
        found.append(answer.headers.get(f"x-amz-checksum-{algorithm}"))
    return found


def finish(place: Place, count: int, headers: dict[str, str] | None = None) -> Answer:
    """The answer to the completion of so many parts."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{place.values[f'{number}.etag']}</ETag></Part>"
        for number in range(1, count + 1)
    )
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    query = {"uploadId": place.values["upload"]}
    return place.raw.send("POST", f"/{place.bucket}/{UPLOAD_KEY}", query, headers, body)


@scenario("api", "the checksum of an object in parts is that of its parts' checksums")
def test_composite(place: Place) -> None:
    """The composite checksum of an upload in parts is that of its parts' checksums."""
    parts = [b"x" * MIN, b"end"]
    values = begin(place, "crc32", parts)
    digests = [zlib.crc32(part).to_bytes(4, "big") for part in parts]
    assert values == [base64.b64encode(digest).decode() for digest in digests]
    expected = base64.b64encode(zlib.crc32(b"".join(digests)).to_bytes(4, "big")).decode() + "-2"
    done = finish(place, 2)
    assert (done.texts("ChecksumCRC32"), done.texts("ChecksumType")) == ([expected], ["COMPOSITE"])
    head = place.raw.send("HEAD", f"/{place.bucket}/{UPLOAD_KEY}", headers={"x-amz-checksum-mode": "ENABLED"})
    assert head.headers["x-amz-checksum-crc32"] == expected


@scenario("api", "the CRC64NVME of an object in parts is that of all its bytes")
def test_full(place: Place) -> None:
    """The full checksum of an upload in parts is that of the whole content."""
    parts = [b"x" * MIN, b"end"]
    begin(place, "crc64nvme", parts)
    done = finish(place, 2)
    headers = {"x-amz-checksum-crc64nvme": done.texts("ChecksumCRC64NVME")[0]}
    answer = place.raw.send("PUT", f"/{place.bucket}/whole", headers=headers, body=b"".join(parts))
    assert (answer.status, done.texts("ChecksumType")) == (200, ["FULL_OBJECT"])


@scenario("aws", "a checksum of the whole that is wrong is refused at the end, and the upload goes on")
@pytest.mark.parametrize("algorithm", ["crc32", "crc64nvme"])
def test_wrong_in_the_end(place: Place, algorithm: str) -> None:
    """A wrong checksum at completion is BadDigest, makes no object, and leaves the upload open."""
    begin(place, algorithm, [b"end"])
    answer = finish(place, 1, {f"x-amz-checksum-{algorithm}": KNOWN[algorithm]})
    assert (answer.code, place.get(UPLOAD_KEY)) == ("BadDigest", None)
    assert finish(place, 1).status == 200
