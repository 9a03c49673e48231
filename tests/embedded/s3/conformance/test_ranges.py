"""Ranges, parts by their number, and conditions of GET, HEAD, PUT and copies."""

from typing import Any

from tests.embedded.s3.conformance.place import Place, run_row
from tests.embedded.s3.conformance.rows import Given, Row, each_row

PAST, FUTURE = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
OTHER = '"00000000000000000000000000000000"'


def ranged(what: str, value: str, content: bytes | None, content_range: str | None, **more: Any) -> Row:
    """A row that asks for a range of ten bytes; with content, the answer is 206."""
    return Row(
        source="rfc9110", what=what, headers={"range": value}, content=content, status=206 if content_range else 200,
        gives={"content-range": content_range}, **more,
    )  # fmt: skip


def unsatisfied(what: str, value: str, given: bytes = b"0123456789") -> Row:
    """A row that asks for a range that the object has not."""
    return Row(
        source="errors", what=what, headers={"range": value}, given={"a": Given(given)}, status=416,
        code="InvalidRange", gives={"content-range": f"bytes */{len(given)}"},
    )  # fmt: skip


@each_row(
    ranged("the first byte", "bytes=0-0", b"0", "bytes 0-0/10"),
    ranged("bytes in the middle", "bytes=3-5", b"345", "bytes 3-5/10"),
    ranged("an open range", "bytes=7-", b"789", "bytes 7-9/10"),
    ranged("all of it is still a range", "bytes=0-", b"0123456789", "bytes 0-9/10"),
    ranged("a range beyond the end ends there", "bytes=8-99", b"89", "bytes 8-9/10"),
    ranged("a suffix gives the end", "bytes=-3", b"789", "bytes 7-9/10"),
    ranged("a suffix longer than the object", "bytes=-99", b"0123456789", "bytes 0-9/10"),
    ranged("several ranges give all", "bytes=0-1,4-5", b"0123456789", None),
    ranged("a range that ends before it begins", "bytes=5-3", b"0123456789", None),
    ranged("a range that is none", "bytes=x", b"0123456789", None),
    ranged("a range of nothing", "bytes=-", b"0123456789", None),
    ranged("a range in another unit", "lines=0-1", b"0123456789", None),
    unsatisfied("a range that begins at the end", "bytes=10-"),
    unsatisfied("a range that begins beyond the end", "bytes=99-100"),
    unsatisfied("a suffix of no bytes", "bytes=-0"),
    unsatisfied("a range of an empty object", "bytes=0-", b""),
    Row(source="api", what="a head takes no notice of a range", method="HEAD", headers={"range": "bytes=0-1"},
        gives={"content-length": "10", "content-range": None}),
    Row(source="rfc9110", what="if-range with the ETag", headers={"range": "bytes=0-1", "if-range": "{a.etag}"},
        status=206, content=b"01"),
    Row(source="rfc9110", what="if-range with another ETag", headers={"range": "bytes=0-1", "if-range": OTHER},
        content=b"0123456789"),
    Row(source="rfc9110", what="if-range with the date", headers={"range": "bytes=0-1", "if-range": "{a.date}"},
        status=206, content=b"01"),
    Row(source="rfc9110", what="if-range with an older date", headers={"range": "bytes=0-1", "if-range": PAST},
        content=b"0123456789"),
    Row(source="aws", what="the first part of what has none", query={"partNumber": "1"}, status=206,
        content=b"0123456789", gives={"x-amz-mp-parts-count": None}),
    Row(source="aws", what="the second part of what has none", query={"partNumber": "2"}, status=416,
        code="InvalidPartNumber"),
    Row(source="aws", what="part zero", query={"partNumber": "0"}, status=400, code="InvalidArgument"),
    Row(source="aws", what="a part and a range", query={"partNumber": "1"}, headers={"range": "bytes=0-1"}, status=400,
        code="InvalidRequest"),
)  # fmt: skip
def test_range(place: Place, row: Row) -> None:
    """Each row's range gives the documented bytes or refusal."""
    run_row(place, row)


def read(what: str, status: int, source: str = "rfc9110", **headers: str) -> list[Row]:
    """Rows of a condition on a GET and on a HEAD."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    code = "PreconditionFailed" if status == 412 else None
    gives = {"etag": "{a.etag}", "last-modified": "{a.date}"} if status == 304 else {}
    return [
        Row(source=source, what=f"{method}: {what}", method=method, headers=named, status=status, gives=gives,
            code=code if method == "GET" else None)
        for method in ("GET", "HEAD")
    ]  # fmt: skip


@each_row(
    *read("if-match holds", 200, if_match="{a.etag}"),
    *read("if-match with a star holds", 200, if_match="*"),
    *read("if-match among several holds", 200, "notes", if_match=f"{OTHER}, {{a.etag}}"),
    *read("if-match with another", 412, if_match=OTHER),
    *read("if-none-match with the same", 304, if_none_match="{a.etag}"),
    *read("if-none-match with the same, weak", 304, "notes", if_none_match="W/{a.etag}"),
    *read("if-none-match with a star", 304, if_none_match="*"),
    *read("if-none-match with another", 200, if_none_match=OTHER),
    *read("if-modified-since before", 200, if_modified_since=PAST),
    *read("if-modified-since its date", 304, "notes", if_modified_since="{a.date}"),
    *read("if-modified-since a date that is none", 200, if_modified_since="yesterday"),
    *read("if-unmodified-since its date", 200, "notes", if_unmodified_since="{a.date}"),
    *read("if-unmodified-since before", 412, if_unmodified_since=PAST),
    *read("if-match holds though if-unmodified-since does not", 200, if_match="{a.etag}", if_unmodified_since=PAST),
    *read("if-none-match holds though if-modified-since does not", 200, if_none_match=OTHER,
          if_modified_since=FUTURE),
)  # fmt: skip
def test_read_condition(place: Place, row: Row) -> None:
    """Each row's condition on a read gives the documented status."""
    run_row(place, row)


def write(what: str, headers: dict[str, str], *, is_met: bool, path: str = "a", source: str = "conditions") -> Row:
    """A row of a condition on a PUT."""
    more = {"leaves": {path: b"new"}} if is_met else {"status": 412, "code": "PreconditionFailed"}
    return Row(source=source, what=what, method="PUT", path=path, headers=headers, body=b"new", **more)


@each_row(
    write("put: if-none-match with a star on a new key", {"if-none-match": "*"}, is_met=True, path="b"),
    write("put: if-none-match with a star on an object", {"if-none-match": "*"}, is_met=False),
    write("put: if-none-match with its ETag", {"if-none-match": "{a.etag}"}, is_met=False),
    write("put: if-none-match with another", {"if-none-match": OTHER}, is_met=True),
    write("put: if-match with its ETag", {"if-match": "{a.etag}"}, is_met=True),
    write("put: if-match with another", {"if-match": OTHER}, is_met=False),
    write("put: if-match on a new key", {"if-match": "*"}, is_met=False, path="b"),
    write("put: if-modified-since before", {"if-modified-since": PAST}, is_met=True),
    write("put: if-modified-since after", {"if-modified-since": FUTURE}, is_met=False),
    write("put: if-modified-since on a new key", {"if-modified-since": PAST}, is_met=False, path="b"),
    write("put: if-unmodified-since after", {"if-unmodified-since": FUTURE}, is_met=True),
    write("put: if-unmodified-since before", {"if-unmodified-since": PAST}, is_met=False),
    write("put: if-unmodified-since on a new key", {"if-unmodified-since": PAST}, is_met=True, path="b"),
    write("put: every condition has to hold", {"if-match": "{a.etag}", "if-unmodified-since": PAST}, is_met=False),
    Row(source="issue", what="put: a date that is none", method="PUT", headers={"if-unmodified-since": "soon"},
        body=b"new", status=400, code="InvalidArgument"),
)  # fmt: skip
def test_write_condition(place: Place, row: Row) -> None:
    """Each row's condition on a write lets it pass or refuses it as documented."""
    run_row(place, row)


GIVEN = {"a": Given(b"0123456789", {"content-type": "text/a", "x-amz-meta-k": "1", "cache-control": "no-cache"})}


def copy(what: str, source: str = "api", **more: Any) -> Row:
    """A row that copies `a` to `b`."""
    headers = {"x-amz-copy-source": "/{bucket}/a", **more.pop("headers", {})}
    usual: dict[str, Any] = {"path": "b", "given": GIVEN}
    if more.get("status", 200) == 200:
        usual["leaves"] = {more.get("path", "b"): b"0123456789"}
    return Row(source=source, what=what, method="PUT", headers=headers, **{**usual, **more})


def failed(what: str, name: str, value: str, source: str = "aws") -> Row:
    """A row that copies under a condition that does not hold."""
    return copy(what, source, headers={name: value}, status=412, code="PreconditionFailed")


@each_row(
    copy("a copy", says={"ETag": ["{a.etag}"]}),
    copy("a copy from a path without its slash", "aws", headers={"x-amz-copy-source": "{bucket}/a"}),
    copy("a copy of a quoted key", headers={"x-amz-copy-source": "/{bucket}/x%20%2B"}, given={"x +": Given()}),
    copy("a copy over itself that changes nothing", "aws", path="a", status=400, code="InvalidRequest"),
    copy("a copy over itself with new attributes", "aws", path="a", headers={"x-amz-metadata-directive": "REPLACE"}),
    copy("a copy with an unknown directive", headers={"x-amz-metadata-directive": "X"}, status=400,
         code="InvalidArgument"),
    copy("a copy from no object", "notes", headers={"x-amz-copy-source": "/{bucket}/none"}, status=404,
         code="NoSuchKey"),
    copy("a copy from no bucket", "notes", headers={"x-amz-copy-source": "/none/a"}, status=404, code="NoSuchBucket"),
    copy("a copy from no key", "aws", headers={"x-amz-copy-source": "/{bucket}"}, status=400, code="InvalidArgument"),
    copy("a copy of a version", headers={"x-amz-copy-source": "/{bucket}/a?versionId=1"}, status=501,
         code="NotImplemented"),
    copy("a copy into no bucket", "notes", path="/none-such/b", status=404, code="NoSuchBucket"),
    copy("a copy with tags", headers={"x-amz-tagging-directive": "REPLACE"}, status=501, code="NotImplemented"),
    copy("copy: if-match holds", "aws", headers={"x-amz-copy-source-if-match": "{a.etag}"}),
    failed("copy: if-match does not", "x-amz-copy-source-if-match", OTHER),
    copy("copy: if-none-match holds", "aws", headers={"x-amz-copy-source-if-none-match": OTHER}),
    failed("copy: if-none-match does not", "x-amz-copy-source-if-none-match", "{a.etag}"),
    copy("copy: if-modified-since holds", "aws", headers={"x-amz-copy-source-if-modified-since": PAST}),
    failed("copy: if-modified-since does not", "x-amz-copy-source-if-modified-since", FUTURE),
    copy("copy: if-unmodified-since holds", "aws", headers={"x-amz-copy-source-if-unmodified-since": FUTURE}),
    failed("copy: if-unmodified-since does not", "x-amz-copy-source-if-unmodified-since", PAST),
    copy("copy: the target is new", "extensions", headers={"cf-copy-destination-if-none-match": "*"}),
    failed("copy: the target is not as it was", "cf-copy-destination-if-match", OTHER, "extensions"),
    failed("copy: the target was not modified since", "cf-copy-destination-if-modified-since", FUTURE, "extensions"),
    copy("copy: the target was not modified since, as wanted", "extensions",
         headers={"cf-copy-destination-if-unmodified-since": FUTURE}),
)  # fmt: skip
def test_copy(place: Place, row: Row) -> None:
    """Each row's copy gives the documented response and object."""
    run_row(place, row)


@each_row(
    Row(source="api", what="a copy has the attributes of its source", given={},
        gives={"content-type": "text/a", "x-amz-meta-k": "1", "x-amz-meta-n": None, "cache-control": "no-cache"}),
    Row(source="api", what="a copy that replaces has those of the request", given={},
        headers={"x-amz-metadata-directive": "REPLACE"},
        gives={"content-type": "text/b", "x-amz-meta-k": None, "x-amz-meta-n": "2", "cache-control": None}),
    Row(source="extensions", what="a copy that merges has both", given={},
        headers={"x-amz-metadata-directive": "MERGE"},
        gives={"content-type": "text/b", "x-amz-meta-k": "1", "x-amz-meta-n": "2", "cache-control": "no-cache"}),
)  # fmt: skip
def test_copied_attributes(place: Place, row: Row) -> None:
    """A copy has the source's attributes or the request's, as the row's directive says."""
    place.put("a", GIVEN["a"])
    headers = {"x-amz-copy-source": f"/{place.bucket}/a", "content-type": "text/b", "x-amz-meta-n": "2", **row.headers}
    assert place.raw.send("PUT", f"/{place.bucket}/b", headers=headers).status == 200
    found = place.raw.send("HEAD", f"/{place.bucket}/b").headers
    assert {name: found.get(name) for name in row.gives} == dict(row.gives)
