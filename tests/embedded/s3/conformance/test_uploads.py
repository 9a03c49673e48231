"""Uploads in parts: limits, orders, refusals after which the upload goes on, copies, lists."""

import hashlib
from typing import Any

from tests.embedded.s3.conformance.place import UPLOAD_KEY, Place, run_row
from tests.embedded.s3.conformance.rows import Given, Row, each_row, scenario

MIN = 5 * 1024**2
PART = b"p" * MIN
END = b"the end"
OTHER = '"00000000000000000000000000000000"'
UPLOAD = {"uploadId": "{upload}"}


def complete(*parts: tuple[int | str, str], more: str = "") -> bytes:
    """The document of a CompleteMultipartUpload."""
    named = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{more}</Part>" for number, etag in parts
    )
    return f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()


def completes(what: str, body: bytes, source: str = "multipart", parts: list[bytes] | None = None, **more: Any) -> Row:
    """A row that completes an upload of a part and an end."""
    given_parts = [PART, END] if parts is None else parts
    usual: dict[str, Any] = {"path": UPLOAD_KEY, "query": UPLOAD, "given": {}, "parts": given_parts}
    if more.get("status", 200) == 200:
        usual["leaves"] = {UPLOAD_KEY: b"".join(given_parts)}
    return Row(source=source, what=what, method="POST", body=body, **{**usual, **more})


BOTH = complete((1, "{1.etag}"), (2, "{2.etag}"))
ETAG = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in (PART, END))).hexdigest()  # noqa: S324 - S3's own


@each_row(
    completes("parts become an object", BOTH, says={"ETag": [f'"{ETAG}-2"'], "Key": [UPLOAD_KEY]}),
    completes("parts in another order are sorted", complete((2, "{2.etag}"), (1, "{1.etag}")), "notes",
              says={"ETag": [f'"{ETAG}-2"']}),
    completes("ETags without quotes", BOTH.replace(b'"', b""), "notes"),
    completes("fewer parts than there are", complete((1, "{1.etag}")), "aws", leaves={UPLOAD_KEY: PART}),
    completes("one small part", complete((1, "{1.etag}")), parts=[END]),
    completes("one part of nothing", complete((1, "{1.etag}")), "notes", parts=[b""]),
    completes("equal parts and a longer end", complete((1, "{1.etag}"), (2, "{2.etag}")), "parts",
              parts=[PART, PART + b"!"], status=400, code="InvalidPart",
              message="All non-trailing parts must have the same length."),
    completes("parts of unequal sizes", complete((1, "{1.etag}"), (2, "{2.etag}"), (3, "{3.etag}")), "parts",
              parts=[PART, PART + b"!", END], status=400, code="InvalidPart",
              message="All non-trailing parts must have the same length."),
    completes("a part below 5 MiB", complete((1, "{1.etag}"), (2, "{2.etag}")), "errors", parts=[PART[1:], END],
              status=400, code="EntityTooSmall"),
    completes("a wrong ETag", complete((1, OTHER), (2, "{2.etag}")), "errors", status=400, code="InvalidPart"),
    completes("a part that is not there", complete((1, "{1.etag}"), (3, OTHER)), "errors", status=400,
              code="InvalidPart"),
    completes("a part twice", complete((1, "{1.etag}"), (1, "{1.etag}")), "aws", status=400, code="InvalidPartOrder"),
    completes("no parts", complete(), "aws", status=400, code="MalformedXML"),
    completes("no document", b"", "aws", status=400, code="MalformedXML"),
    completes("a document that breaks off", BOTH[:-5], "aws", status=400, code="MalformedXML"),
    completes("another document", b"<Delete/>", "aws", status=400, code="MalformedXML"),
    completes("a part number that is none", complete(("x", OTHER)), "aws", status=400, code="InvalidArgument"),
    completes("a part number beyond the limit", complete((10_001, OTHER)), "limits", status=400,
              code="InvalidArgument"),
    completes("an upload that is none", BOTH, "errors", query={"uploadId": "none"}, status=404, code="NoSuchUpload"),
    completes("an upload of another key", BOTH, "errors", path="another", status=404, code="NoSuchUpload"),
    completes("if-none-match holds", BOTH, "conditions", headers={"if-none-match": "*"}),
)  # fmt: skip
def test_complete(place: Place, row: Row) -> None:
    """Each row's completion gives the documented response and object."""
    run_row(place, row)


def part(what: str, source: str = "api", **more: Any) -> Row:
    """A row that puts a part."""
    query = {"partNumber": "1", "uploadId": "{upload}", **more.pop("query", {})}
    usual: dict[str, Any] = {"path": UPLOAD_KEY, "given": {}, "parts": [], "body": END}
    return Row(source=source, what=what, method="PUT", query=query, **{**usual, **more})


A = {"a": Given(b"0123456789")}
FROM_A = {"x-amz-copy-source": "/{bucket}/a"}


@each_row(
    part("a part has its MD5 as ETag", gives={"etag": '"%s"' % hashlib.md5(END).hexdigest()}),  # noqa: S324, UP031
    part("a part of nothing", "notes", body=b""),
    part("the last part number", "limits", query={"partNumber": "10000"}),
    part("part zero of an upload", "aws", query={"partNumber": "0"}, status=400, code="InvalidArgument"),
    part("part 10001 of an upload", "limits", query={"partNumber": "10001"}, status=400, code="InvalidArgument"),
    part("a part of no number", "aws", query={"partNumber": "one"}, status=400, code="InvalidArgument"),
    part("a part of no upload", "notes", query={"uploadId": "none"}, status=404, code="NoSuchUpload"),
    part("a part of an upload of another key", "errors", path="another", status=404, code="NoSuchUpload"),
    part("a part with a wrong Content-MD5", "errors", headers={"content-md5": "Iq9kXRhZy1ym2gxIT1836g=="},
         status=400, code="BadDigest"),
    part("a part is a copy", given=A, headers=FROM_A, body=b"", says={"ETag": ["{a.etag}"]}),
    part("a part is a copy of some bytes", "aws", given=A, body=b"",
         headers={**FROM_A, "x-amz-copy-source-range": "bytes=2-4"},
         says={"ETag": ['"%s"' % hashlib.md5(b"234").hexdigest()]}),  # noqa: S324, UP031
    part("a copy of bytes beyond the end", "aws", given=A, body=b"", status=416, code="InvalidRange",
         headers={**FROM_A, "x-amz-copy-source-range": "bytes=2-10"}),
    part("a copy of an open range", "aws", given=A, body=b"", status=400, code="InvalidArgument",
         headers={**FROM_A, "x-amz-copy-source-range": "bytes=2-"}),
    part("a part is a copy of nothing", "notes", body=b"", headers={"x-amz-copy-source": "/{bucket}/none"}, status=404,
         code="NoSuchKey"),
    part("a part is a copy under a condition", "aws", given=A, body=b"", status=412, code="PreconditionFailed",
         headers={**FROM_A, "x-amz-copy-source-if-match": OTHER}),
    Row(source="api", what="an upload begins", method="POST", path=UPLOAD_KEY, query={"uploads": ""},
        says={"Bucket": ["{bucket}"], "Key": [UPLOAD_KEY]}),
    Row(source="notes", what="an upload begins under a condition", method="POST", query={"uploads": ""},
        headers={"if-none-match": "*"}, status=412, code="PreconditionFailed"),
    Row(source="api", what="an upload with tags", method="POST", query={"uploads": ""},
        headers={"x-amz-tagging": "a=b"}, status=501, code="NotImplemented"),
    Row(source="api", what="an upload in no bucket", method="POST", path="/none-such/a", query={"uploads": ""},
        status=404, code="NoSuchBucket"),
    Row(source="api", what="an upload is aborted", method="DELETE", path=UPLOAD_KEY, query=UPLOAD, parts=[END],
        status=204, leaves={"nothing": None}),
    Row(source="errors", what="no upload is aborted", method="DELETE", query={"uploadId": "none"}, status=404,
        code="NoSuchUpload"),
    Row(source="notes", what="parts are listed", path=UPLOAD_KEY, query=UPLOAD, parts=[END, b"!"],
        says={"Part/PartNumber": ["1", "2"], "Part/ETag": ["{1.etag}", "{2.etag}"], "Part/Size": ["7", "1"],
              "IsTruncated": ["false"]}),
    Row(source="aws", what="parts are listed beyond a number", path=UPLOAD_KEY, parts=[END, b"!", b"?"],
        query={**UPLOAD, "part-number-marker": "1", "max-parts": "1"},
        says={"Part/PartNumber": ["2"], "IsTruncated": ["true"], "NextPartNumberMarker": ["2"]}),
    Row(source="errors", what="parts of no upload", path=UPLOAD_KEY, query={"uploadId": "none"}, status=404,
        code="NoSuchUpload"),
    Row(source="notes", what="uploads are listed", path="", query={"uploads": ""}, parts=[],
        says={"Upload/Key": [UPLOAD_KEY], "Upload/UploadId": ["{upload}"], "IsTruncated": ["false"]}),
    Row(source="api", what="uploads are listed below a prefix", path="", query={"uploads": "", "prefix": "x"}, parts=[],
        says={"Upload/Key": []}),
    Row(source="api", what="uploads are listed as folders", path="", query={"uploads": "", "delimiter": "i"}, parts=[],
        says={"Upload/Key": [], "CommonPrefixes/Prefix": ["bi"]}),
)  # fmt: skip
def test_part(place: Place, row: Row) -> None:
    """Each row's part gives the documented response."""
    run_row(place, row)


@scenario("errors", "after every refusal the upload goes on, and the right list completes it")
def test_complete_after_refusals(place: Place) -> None:
    """Refused completions leave the upload open, and a right one completes it."""
    place.begin([PART, END])
    query = {"uploadId": place.values["upload"]}
    wrong = [complete((1, OTHER)), complete((1, "{1.etag}"), (9, OTHER)), complete(), b"<", complete((1, "{2.etag}"))]
    for body in wrong:
        answer = place.send(Row(source="errors", what="", method="POST", path=UPLOAD_KEY, query=query, body=body))
        assert answer.status == 400
        assert place.uploads() == [place.values["upload"]]
    row = Row(source="errors", what="", method="POST", path=UPLOAD_KEY, query=query, body=BOTH)
    assert place.send(row).status == 200
    assert place.get(UPLOAD_KEY) == PART + END
    assert place.send(row).code == "NoSuchUpload"
    assert place.uploads() == []


@scenario("notes", "an upload whose condition fails in the end is over")
def test_condition_at_the_end(place: Place) -> None:
    """A condition that fails at completion leaves the object, and ends the upload."""
    place.put(UPLOAD_KEY, Given(b"old"))
    place.begin([END])
    answer = place.send(
        Row(source="notes", what="", method="POST", path=UPLOAD_KEY, query=UPLOAD, body=complete((1, "{1.etag}")),
            headers={"if-none-match": "*"})
    )  # fmt: skip
    assert (answer.status, answer.code, place.get(UPLOAD_KEY)) == (412, "PreconditionFailed", b"old")
    assert place.uploads() == []


@scenario("api", "a part that is put again replaces the first")
def test_part_again(place: Place) -> None:
    """A part that is sent again replaces the first."""
    place.begin([b"first"])
    answer = place.send(part("", query={"partNumber": "1"}))
    place.values["1.etag"] = answer.headers["etag"]
    done = place.send(completes("", complete((1, "{1.etag}")), parts=[]))
    assert (done.status, place.get(UPLOAD_KEY)) == (200, END)


@scenario("notes", "a part that is a copy has the bytes that it was copied from")
def test_copied_part(place: Place) -> None:
    """A part copied from a range of an object has those bytes."""
    place.put("a", Given(b"0123456789"))
    place.begin([])
    query = {"partNumber": "1", "uploadId": place.values["upload"]}
    headers = {"x-amz-copy-source": f"/{place.bucket}/a", "x-amz-copy-source-range": "bytes=2-8"}
    copied = place.raw.send("PUT", f"/{place.bucket}/{UPLOAD_KEY}", query, headers)
    place.values["1.etag"] = copied.texts("ETag")[0]
    assert place.send(completes("", complete((1, "{1.etag}")), parts=[])).status == 200
    assert place.get(UPLOAD_KEY) == b"2345678"


@scenario("aws", "an object in parts gives each part by its number, and says how many there are")
def test_parts_by_number(place: Place) -> None:
    """A GET or HEAD by part number gives that part, and a missing number is refused."""
    place.begin([PART, END])
    assert place.send(completes("", BOTH)).status == 200
    for number, body in (("1", PART), ("2", END)):
        answer = place.raw.send("GET", f"/{place.bucket}/{UPLOAD_KEY}", {"partNumber": number})
        assert (answer.status, answer.body, answer.headers["x-amz-mp-parts-count"]) == (206, body, "2")
    head = place.raw.send("HEAD", f"/{place.bucket}/{UPLOAD_KEY}", {"partNumber": "2"})
    assert (head.status, head.headers["content-length"]) == (206, "7")
    assert place.raw.send("GET", f"/{place.bucket}/{UPLOAD_KEY}", {"partNumber": "3"}).code == "InvalidPartNumber"


@scenario("api", "attributes of an upload are those of its object")
def test_attributes(place: Place) -> None:
    """An object made from parts has the attributes given at the beginning of its upload."""
    place.begin([END], {"content-type": "video/mp4", "x-amz-meta-k": "v", "cache-control": "no-cache"})
    assert place.send(completes("", complete((1, "{1.etag}")), parts=[])).status == 200
    found = place.raw.send("HEAD", f"/{place.bucket}/{UPLOAD_KEY}").headers
    assert (found["content-type"], found["x-amz-meta-k"], found["cache-control"]) == ("video/mp4", "v", "no-cache")


@scenario("aws", "pages of uploads give each upload once, by key and then by id")
def test_pages_of_uploads(place: Place) -> None:
    """Pages of open uploads give each upload once."""
    ids = [place.begin([]) for _ in range(3)]
    seen: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = place.raw.send("GET", f"/{place.bucket}", {"uploads": "", "max-uploads": "1", **marker})
        seen += page.texts("Upload/UploadId")
        if page.texts("IsTruncated") == ["false"]:
            break
        marker = {"key-marker": page.texts("NextKeyMarker")[0], "upload-id-marker": page.texts("NextUploadIdMarker")[0]}
    assert seen == sorted(ids)
