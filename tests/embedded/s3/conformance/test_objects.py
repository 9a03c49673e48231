"""PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects: what is kept, and what comes back."""

import base64
import hashlib
from typing import Any

from tests.embedded.s3.conformance.place import Place, run_row
from tests.embedded.s3.conformance.rows import Given, Row, each_row

MD5 = hashlib.md5(b"0123456789", usedforsecurity=False).hexdigest()
MD5_BASE64 = base64.b64encode(bytes.fromhex(MD5)).decode()
NONE: dict[str, Given] = {}
LONG = "k" * 1024


def put(what: str, source: str = "api", **more: Any) -> Row:
    """A row that puts `a` anew."""
    return Row(source=source, what=what, **{"method": "PUT", "body": b"new", **more})


@each_row(
    put("a put stores the bytes", leaves={"a": b"new"}, gives={"etag": '"22af645d1859cb5ca6da0c484f1f37ea"'}),
    put("a put of nothing stores nothing", body=b"", leaves={"a": b""}),
    put("a put into no bucket", path="/no-such-bucket/a", status=404, code="NoSuchBucket", source="errors"),
    put("a new key", given=NONE, leaves={"a": b"new"}),
    put("a key with a slash at its end", path="d/", leaves={"d/": b"new"}),
    put("a key beside one that is its folder", path="d", given={"d/e": Given()}, leaves={"d": b"new"}),
    put("a key below one that is no folder", path="a/b", leaves={"a/b": b"new"}),
    put("a folder and files in it", path="d/", given={"d/e": Given(), "d": Given()}, leaves={"d/": b"new"}),
    put("a key that begins with a slash", path="/{bucket}//x", leaves={"/x": b"new"}),
    put("a key with two slashes", path="x//y", leaves={"x//y": b"new"}),
    put("a key of slashes", path="/{bucket}////", leaves={"///": b"new"}),
    put("a key with a backslash", path="x\\y", leaves={"x\\y": b"new"}),
    put("a key with a plus and spaces", path="x + y", leaves={"x + y": b"new"}),
    put("a key with a percent sign", path="100%25", leaves={"100%25": b"new"}),
    put("a key with a question mark and a hash", path="a?b#c", leaves={"a?b#c": b"new"}),
    put("a key with markup", path="<a&\"b'>", leaves={"<a&\"b'>": b"new"}),
    put("a key with a line break", path="a\nb", leaves={"a\nb": b"new"}),
    put("a key in Japanese with an emoji", path="日本語🎬.mp4", leaves={"日本語🎬.mp4": b"new"}),
    put("a key with a name of 300 bytes", path="n" * 300, leaves={"n" * 300: b"new"}),
    put("a key of 1024 bytes", "limits", path=LONG, leaves={LONG: b"new"}),
    put("a key of 1025 bytes", "limits", path=LONG + "k", status=400, code="InvalidObjectName"),
    put("a key of 1026 bytes in 513 letters", "limits", path="é" * 513, status=400, code="InvalidObjectName"),
    put("a key with dots in a name", path="a/..b/c..", leaves={"a/..b/c..": b"new"}),
    put("a key that goes up", "issue", path="../a", status=400, code="InvalidObjectName"),
    put("a key that goes up in the middle", "issue", path="x/../../a", status=400, code="InvalidObjectName"),
    put("a key that stays where it is", "issue", path="x/./a", status=400, code="InvalidObjectName"),
    put("a key with NUL", "errors", path="a\0b", status=400, code="InvalidObjectName"),
    put("a key with a lone surrogate", "errors", path="a\udc80", status=400, code="InvalidObjectName"),
    put("a key in the other unicode form", "unicode", path="He\u0301llo", given={"H\u00e9llo": Given()},
        leaves={"H\u00e9llo": None, "He\u0301llo": b"new"}),
    put("a content type", headers={"content-type": "text/x"}, leaves={"a": b"new"}),
    put("a storage class of ours", headers={"x-amz-storage-class": "STANDARD_IA"}, leaves={"a": b"new"}),
    put("a storage class that R2 has not", headers={"x-amz-storage-class": "GLACIER"}, status=501,
        code="NotImplemented", message="Header 'x-amz-storage-class' with value 'GLACIER' not implemented"),
    put("an acl is taken and means nothing", "notes", headers={"x-amz-acl": "public-read"}, leaves={"a": b"new"}),
    put("tags in a header", "header", headers={"x-amz-tagging": "retention=default"}, status=501, code="NotImplemented",
        message="Header 'x-amz-tagging' with value 'retention=default' not implemented"),
    put("encryption by the server", headers={"x-amz-server-side-encryption": "AES256"}, status=501,
        code="NotImplemented"),
    put("a grant", headers={"x-amz-grant-read": "id=1"}, status=501, code="NotImplemented"),
    put("a lock", headers={"x-amz-object-lock-mode": "GOVERNANCE"}, status=501, code="NotImplemented"),
    put("a redirection", headers={"x-amz-website-redirect-location": "/b"}, status=501, code="NotImplemented"),
    put("an expected owner", headers={"x-amz-expected-bucket-owner": "1"}, status=501, code="NotImplemented"),
    put("who pays", headers={"x-amz-request-payer": "requester"}, status=501, code="NotImplemented"),
    put("metadata up to the limit", "limits", headers={"x-amz-meta-k": "v" * 8191}, leaves={"a": b"new"}),
    put("metadata beyond the limit", "errors", headers={"x-amz-meta-k": "v" * 8192}, status=400,
        code="MetadataTooLarge"),
    put("the bucket is made if it is missing", "extensions", path="/{bucket}-2/a",
        headers={"cf-create-bucket-if-missing": "true"}),
    put("the operation's name as x-id is ignored", "notes", query={"x-id": "PutObject"}, leaves={"a": b"new"}),
    put("a POST is a put", "notes", method="POST", leaves={"a": b"new"}),
    put("the right Content-MD5", headers={"content-md5": "Iq9kXRhZy1ym2gxITx836g=="}, leaves={"a": b"new"}),
    put("a wrong Content-MD5", "errors", headers={"content-md5": MD5_BASE64}, status=400, code="BadDigest"),
    put("a Content-MD5 that is none", "errors", headers={"content-md5": "x"}, status=400, code="InvalidDigest"),
)  # fmt: skip
def test_put(place: Place, row: Row) -> None:
    """Each row's put is taken or refused as documented."""
    run_row(place, row)


def kept(
    what: str, headers: dict[str, str], gives: dict[str, str | None], source: str = "api", body: bytes = b"x"
) -> Row:
    """A row that puts with these headers, and reads what is kept of them."""
    return Row(source=source, what=what, method="HEAD", given={"a": Given(body, headers)}, gives=gives)


@each_row(
    kept("the content type is kept", {"content-type": "video/x"}, {"content-type": "video/x"}),
    kept("cache control is kept", {"cache-control": "max-age=60"}, {"cache-control": "max-age=60"}),
    kept("the disposition is kept", {"content-disposition": 'inline; filename="a"'},
         {"content-disposition": 'inline; filename="a"'}),
    kept("the encoding is kept", {"content-encoding": "gzip"}, {"content-encoding": "gzip"}),
    kept("aws-chunked is no encoding", {"content-encoding": "aws-chunked,gzip"}, {"content-encoding": "gzip"}, "aws"),
    kept("the language is kept", {"content-language": "de"}, {"content-language": "de"}),
    kept("expires is kept", {"expires": "Thu, 01 Dec 2033 16:00:00 GMT"}, {"expires": "Thu, 01 Dec 2033 16:00:00 GMT"}),
    kept("metadata is kept", {"x-amz-meta-one": "1", "x-amz-meta-two": "b"},
         {"x-amz-meta-one": "1", "x-amz-meta-two": "b"}),
    kept("encoded metadata is decoded and encoded again", {"x-amz-meta-k": "=?UTF-8?Q?F=C3=BCr?="},
         {"x-amz-meta-k": "=?utf-8?q?F=C3=BCr?="}, "rfc2047"),
    kept("encoded metadata that is ASCII comes back plain", {"x-amz-meta-k": "=?utf-8?b?YWJj?="},
         {"x-amz-meta-k": "abc"}, "extensions"),
    kept("metadata in UTF-8 comes back encoded", {"x-amz-meta-k": "Für"},
         {"x-amz-meta-k": "=?utf-8?q?F=C3=BCr?="}, "extensions"),
    kept("the storage class is told if it is not the standard", {"x-amz-storage-class": "STANDARD_IA"},
         {"x-amz-storage-class": "STANDARD_IA"}),
    kept("the standard storage class is not told", {"x-amz-storage-class": "STANDARD"}, {"x-amz-storage-class": None},
         "aws"),
    kept("a put without a type has that of a JPEG", {}, {"content-type": "image/jpeg"}, "notes", b"\xff\xd8\xff\xe0"),
    kept("a put without a type has that of an MP4", {}, {"content-type": "video/mp4"}, "notes", b"\0\0\0 ftypisom"),
    kept("a put without a type has that of a PNG", {}, {"content-type": "image/png"}, "notes", b"\x89PNG\r\n\x1a\n"),
    kept("a put without a type of no known kind", {}, {"content-type": "application/octet-stream"}, "notes", b"hm"),
    kept("the ETag is the MD5", {}, {"etag": f'"{MD5}"', "content-length": "10"}, "aws", b"0123456789"),
    kept("ranges are taken", {}, {"accept-ranges": "bytes"}, "aws"),
)  # fmt: skip
def test_kept(place: Place, row: Row) -> None:
    """Each row's attributes are stored and answered with the object."""
    run_row(place, row)


@each_row(
    Row(source="api", what="a get gives the bytes", content=b"0123456789",
        gives={"content-length": "10", "etag": "{a.etag}", "last-modified": "{a.date}", "content-range": None}),
    Row(source="errors", what="a get of no object", path="b", status=404, code="NoSuchKey"),
    Row(source="errors", what="a get of a folder", path="d", given={"d/e": Given()}, status=404, code="NoSuchKey"),
    Row(source="errors", what="a get below an object", path="a/b", status=404, code="NoSuchKey"),
    Row(source="errors", what="a get in no bucket", path="/no-such-bucket/a", status=404, code="NoSuchBucket"),
    Row(source="unicode", what="a get in the other unicode form", path="e\u0301", given={"\u00e9": Given()},
        content=b"0123456789"),
    Row(source="api", what="a head tells all but the bytes", method="HEAD", content=b"",
        gives={"content-length": "10", "etag": "{a.etag}", "last-modified": "{a.date}"}),
    Row(source="errors", what="a head of no object", method="HEAD", path="b", status=404, content=b""),
    Row(source="aws", what="the type of the answer can be chosen", query={"response-content-type": "text/x"},
        gives={"content-type": "text/x"}),
    Row(source="aws", what="the disposition of the answer can be chosen",
        query={"response-content-disposition": "attachment"}, gives={"content-disposition": "attachment"}),
    Row(source="aws", what="the cache control of the answer can be chosen",
        query={"response-cache-control": "no-store"}, gives={"cache-control": "no-store"}),
    Row(source="aws", what="the encoding of the answer can be chosen", query={"response-content-encoding": "br"},
        gives={"content-encoding": "br"}),
    Row(source="aws", what="the language of the answer can be chosen", query={"response-content-language": "fr"},
        gives={"content-language": "fr"}),
    Row(source="aws", what="the expiry of the answer can be chosen", query={"response-expires": "0"},
        gives={"expires": "0"}),
    Row(source="notes", what="an unknown parameter", query={"color": "red"}, status=501, code="NotImplemented"),
    Row(source="aws", what="a version", query={"versionId": "1"}, status=501, code="NotImplemented"),
)  # fmt: skip
def test_get(place: Place, row: Row) -> None:
    """Each row's read gives the documented response."""
    run_row(place, row)


def delete_many(*keys: str, rest: str = "") -> bytes:
    """The document of a DeleteObjects."""
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    return f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{objects}{rest}</Delete>'.encode()


TWO = {"a": Given(), "d/b": Given()}


@each_row(
    Row(source="api", what="a delete", method="DELETE", status=204, leaves={"a": None}),
    Row(source="aws", what="a delete of no object", method="DELETE", path="b", status=204),
    Row(source="api", what="a delete of a folder's marker", method="DELETE", path="d/", status=204,
        given={"d/": Given(), "d/e": Given()}, leaves={"d/": None}),
    Row(source="api", what="a delete of a folder is none of what is in it", method="DELETE", path="d", status=204,
        given={"d/e": Given()}),
    Row(source="errors", what="a delete in no bucket", method="DELETE", path="/no-such-bucket/a", status=404,
        code="NoSuchBucket"),
    Row(source="issue", what="a delete under a condition", method="DELETE", headers={"if-match": "{a.etag}"},
        status=501, code="NotImplemented"),
    Row(source="api", what="a delete with a second factor", method="DELETE", headers={"x-amz-mfa": "1 2"}, status=501,
        code="NotImplemented"),
    Row(source="api", what="many are deleted", method="POST", path="", query={"delete": ""}, given=TWO,
        body=delete_many("a", "d/b", "none"), leaves={"a": None, "d/b": None},
        says={"Deleted/Key": ["a", "d/b", "none"], "Error": []}),
    Row(source="aws", what="many are deleted quietly", method="POST", path="", query={"delete": ""}, given=TWO,
        body=delete_many("a", rest="<Quiet>true</Quiet>"), leaves={"a": None}, says={"Deleted": []}),
    Row(source="notes", what="spaces around a key are part of it", method="POST", path="", query={"delete": ""},
        body=delete_many(" a "), says={"Deleted/Key": [" a "]}),
    Row(source="errors", what="a name that cannot be among many", method="POST", path="", query={"delete": ""},
        body=delete_many("a", "../x"), leaves={"a": None},
        says={"Deleted/Key": ["a"], "Error/Key": ["../x"], "Error/Code": ["InvalidObjectName"]}),
    Row(source="notes", what="a thousand are deleted", method="POST", path="", query={"delete": ""},
        body=delete_many("a", *map(str, range(999))), leaves={"a": None}),
    Row(source="notes", what="a thousand and one are too many", method="POST", path="", query={"delete": ""},
        body=delete_many("a", *map(str, range(1000))), status=400, code="MalformedXML"),
    Row(source="aws", what="none to delete", method="POST", path="", query={"delete": ""}, body=delete_many(),
        status=400, code="MalformedXML"),
)  # fmt: skip
def test_delete(place: Place, row: Row) -> None:
    """Each row's delete gives the documented response, and leaves the documented objects."""
    run_row(place, row)
