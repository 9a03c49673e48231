"""Buckets, their CORS policies, preflights, and what R2 has not."""

from typing import Any

import pytest

from tests.embedded.s3.conformance.place import Place, run_row
from tests.embedded.s3.conformance.rows import Given, Row, each_row, scenario
from tests.embedded.s3.raw import Answer

CREATE = b"<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"


@each_row(
    Row(source="api", what="a bucket's head", method="HEAD", path="", gives={"x-amz-bucket-region": "auto"}),
    Row(source="errors", what="the head of no bucket", method="HEAD", path="/no-such-bucket", status=404),
    Row(source="notes", what="a bucket's location", path="", query={"location": ""}, content=(
        b'<?xml version="1.0" encoding="UTF-8"?><LocationConstraint '
        b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">auto</LocationConstraint>')),
    Row(source="notes", what="a bucket is made", method="PUT", path="/{bucket}-n", gives={"location": "/{bucket}-n"}),
    Row(source="api", what="a bucket is made in auto", method="PUT", path="/{bucket}-a", body=CREATE % b"auto"),
    Row(source="notes", what="a bucket is made in us-east-1", method="PUT", path="/{bucket}-u",
        body=CREATE % b"us-east-1"),
    Row(source="api", what="a bucket is made with a hint of its place", method="PUT", path="/{bucket}-h",
        body=CREATE % b"weur"),
    Row(source="notes", what="a bucket is made elsewhere", method="PUT", path="/{bucket}-e",
        body=CREATE % b"eu-west-1", status=400, code="InvalidLocationConstraint"),
    Row(source="errors", what="a bucket is made twice", method="PUT", path="", status=409, code="BucketConflict"),
    Row(source="errors", what="a bucket with a capital letter", method="PUT", path="/Bucket", status=400,
        code="InvalidBucketName"),
    Row(source="errors", what="a bucket with a short name", method="PUT", path="/bu", status=400,
        code="InvalidBucketName"),
    Row(source="errors", what="a bucket with a dot", method="PUT", path="/bu.ck", status=400,
        code="InvalidBucketName"),
    Row(source="errors", what="a bucket of dots", method="PUT", path="/...", status=400, code="InvalidBucketName"),
    Row(source="notes", what="a bucket with locks", method="PUT", path="/{bucket}-l", status=501,
        headers={"x-amz-bucket-object-lock-enabled": "true"}, code="NotImplemented"),
    Row(source="notes", what="a bucket without locks", method="PUT", path="/{bucket}-w",
        headers={"x-amz-bucket-object-lock-enabled": "false"}),
    Row(source="errors", what="a bucket that is not empty is deleted", method="DELETE", path="", status=409,
        code="BucketNotEmpty"),
    Row(source="errors", what="no bucket is deleted", method="DELETE", path="/no-such-bucket", status=404,
        code="NoSuchBucket"),
    Row(source="errors", what="the policy of a bucket without one", path="", query={"cors": ""}, status=404,
        code="NoSuchCORSConfiguration"),
    Row(source="api", what="the buckets below a prefix", path="/", query={"prefix": "{bucket}"},
        says={"Buckets/Bucket/Name": ["{bucket}"]}),
    Row(source="extensions", what="the buckets below a prefix in a header", path="/", headers={"cf-prefix": "{bucket}"},
        says={"Buckets/Bucket/Name": ["{bucket}"]}),
    Row(source="extensions", what="the buckets, one at most", path="/", query={"max-keys": "1"},
        gives={"cf-is-truncated": "true"}),
)  # fmt: skip
def test_bucket(place: Place, row: Row) -> None:
    """Each row's bucket operation gives the documented response."""
    run_row(place, row)


@scenario("api", "an empty bucket is deleted, and is no bucket any more")
@pytest.mark.parametrize("key", ["a/b", "d/", "n" * 300])
def test_empty_bucket(place: Place, key: str) -> None:
    """A bucket with an object is not deleted, and an empty one is."""
    place.put(key, Given())
    assert place.raw.send("DELETE", f"/{place.bucket}").code == "BucketNotEmpty"
    assert place.raw.send("DELETE", f"/{place.bucket}/{key}").status == 204
    assert place.raw.send("DELETE", f"/{place.bucket}").status == 204
    assert place.raw.send("HEAD", f"/{place.bucket}").status == 404


UNIMPLEMENTED = [
    ("PUT", "a", "tagging", "PutObjectTagging"), ("GET", "a", "tagging", "GetObjectTagging"),
    ("DELETE", "a", "tagging", "DeleteObjectTagging"), ("PUT", "a", "acl", "PutObjectAcl"),
    ("GET", "a", "acl", "GetObjectAcl"), ("GET", "a", "torrent", "GetObjectTorrent"),
    ("PUT", "a", "retention", "PutObjectRetention"), ("PUT", "a", "legal-hold", "PutObjectLegalHold"),
    ("GET", "a", "attributes", "GetObjectAttributes"), ("POST", "a", "restore", "PostObject"),
    ("POST", "a", "select", "PostObjectContent"), ("PUT", "", "acl", "PutBucketAcl"),
    ("PUT", "", "tagging", "PutBucketTagging"), ("GET", "", "tagging", "GetBucketTagging"),
    ("DELETE", "", "tagging", "DeleteBucketTagging"), ("PUT", "", "versioning", "PutBucketVersioning"),
    ("GET", "", "versioning", "GetBucketVersioning"), ("GET", "", "versions", "GetObjectVersions"),
    ("PUT", "", "policy", "PutBucketPolicy"), ("GET", "", "policy", "GetBucketPolicy"),
    ("DELETE", "", "policy", "DeleteBucketPolicy"), ("PUT", "", "website", "PutBucketWebsite"),
    ("DELETE", "", "website", "DeleteBucketWebsite"), ("PUT", "", "notification", "PutBucketNotificationConfiguration"),
    ("PUT", "", "replication", "PutBucketReplication"), ("DELETE", "", "replication", "DeleteBucketReplication"),
    ("PUT", "", "logging", "PutBucketLogging"), ("PUT", "", "lifecycle", "PutBucketLifecycleConfiguration"),
    ("DELETE", "", "lifecycle", "DeleteBucketLifecycleConfiguration"),
    ("PUT", "", "encryption", "PutBucketEncryption"), ("DELETE", "", "encryption", "DeleteBucketEncryption"),
    ("PUT", "", "object-lock", "PutObjectLockConfiguration"),
    ("DELETE", "", "publicAccessBlock", "DeletePublicAccessBlock"),
]  # fmt: skip


@each_row(
    *(
        Row(source="tagging" if "Tagging" in name else "api", what=f"{name} is not there", method=method, path=path,
            query={parameter: ""}, body=b"<X/>" if method == "PUT" else b"", status=501, code="NotImplemented",
            message=f"{name} not implemented")
        for method, path, parameter, name in UNIMPLEMENTED
    ),
    Row(source="notes", what="a form's upload is not there", method="POST", path="", body=b"x", status=501,
        code="NotImplemented"),
    Row(source="notes", what="a put with parts and tags at once", method="PUT", query={"uploadId": "x", "tagging": ""},
        status=501, code="NotImplemented"),
    Row(source="notes", what="a delete of what is unknown", method="DELETE", query={"unknown": ""}, status=501,
        code="NotImplemented"),
    Row(source="api", what="a method that is none", method="PATCH", status=501, code="NotImplemented"),
)  # fmt: skip
def test_unimplemented(place: Place, row: Row) -> None:
    """Each operation that R2 lacks is NotImplemented."""
    run_row(place, row)


def policy(**rule: Any) -> bytes:
    """A policy of one rule, elements by name; a list is the element several times."""
    usual = {"AllowedOrigin": "https://a.example", "AllowedMethod": "PUT", **rule}
    texts = "".join(
        f"<{name}>{text}</{name}>"
        for name, value in usual.items()
        for text in (value if isinstance(value, list) else [value])
    )
    return f"<CORSConfiguration><CORSRule>{texts}</CORSRule></CORSConfiguration>".encode()


def put_policy(what: str, body: bytes, source: str = "cors", code: str | None = None) -> Row:
    """A row that puts a policy."""
    query = {"cors": ""}
    return Row(source=source, what=what, method="PUT", path="", query=query, body=body, code=code,
               status=400 if code else 200)  # fmt: skip


FULL = policy(AllowedMethod=["PUT", "DELETE"], AllowedHeader="*", ExposeHeader=["ETag", "x-b"], MaxAgeSeconds="60")


@each_row(
    put_policy("a policy", FULL, "api"),
    put_policy("a policy for all origins", policy(AllowedOrigin="*")),
    put_policy("a policy for an origin with a port", policy(AllowedOrigin="http://localhost:3000")),
    put_policy("a policy for a path", policy(AllowedOrigin="https://a.example/x"), "cors", "InvalidArgument"),
    put_policy("a policy for a slash", policy(AllowedOrigin="https://a.example/"), "cors", "InvalidArgument"),
    put_policy("a policy for an origin that is none", policy(AllowedOrigin="example"), "notes", "InvalidArgument"),
    put_policy("a policy with an unknown key", policy(Color="red"), "notes", "MalformedXML"),
    put_policy("a policy with an empty header", policy(AllowedHeader=""), "notes", "MalformedXML"),
    put_policy("a policy for a method that is none", policy(AllowedMethod="PATCH"), "aws", "MalformedXML"),
    put_policy("a policy beyond a day", policy(MaxAgeSeconds="86401"), "cors", "MalformedXML"),
    put_policy("a policy of no rules", b"<CORSConfiguration/>", "aws", "MalformedXML"),
    put_policy("a policy of no XML", b"{}", "aws", "MalformedXML"),
    Row(source="api", what="a policy is told", path="", query={"cors": ""}, cors=FULL, says={
        "CORSRule/AllowedMethod": ["PUT", "DELETE"], "CORSRule/ExposeHeader": ["ETag", "x-b"],
        "CORSRule/MaxAgeSeconds": ["60"]}),
    Row(source="api", what="a policy is deleted", method="DELETE", path="", query={"cors": ""}, cors=FULL, status=204,
        leaves={"none": None}),
    Row(source="cors", what="a page may read what is exposed", cors=policy(AllowedMethod="GET", ExposeHeader="ETag"),
        headers={"origin": "https://a.example"},
        gives={"access-control-allow-origin": "https://a.example", "access-control-expose-headers": "ETag",
               "vary": "Origin"}),
    Row(source="notes", what="nothing is exposed without a list", cors=policy(AllowedMethod="GET"),
        headers={"origin": "https://a.example"}, gives={"access-control-expose-headers": None}),
    Row(source="cors", what="a page of another origin may not read", cors=policy(AllowedMethod="GET"),
        headers={"origin": "https://b.example"}, gives={"access-control-allow-origin": None}),
    Row(source="cors", what="a page may not read by another method", cors=policy(AllowedMethod="PUT"),
        headers={"origin": "https://a.example"}, gives={"access-control-allow-origin": None}),
    Row(source="cors", what="who names no origin gets no headers", cors=policy(AllowedMethod="GET"),
        gives={"access-control-allow-origin": None}),
    Row(source="cors", what="a page of any origin may read", cors=policy(AllowedOrigin="*", AllowedMethod="GET"),
        headers={"origin": "https://b.example"}, gives={"access-control-allow-origin": "*"}),
    Row(source="notes", what="a page may read the head", method="HEAD", cors=policy(AllowedMethod="HEAD"),
        headers={"origin": "https://a.example"}, gives={"access-control-allow-origin": "https://a.example"}),
    Row(source="petdex", what="no page may read a refusal", path="none", cors=policy(AllowedMethod="GET"),
        headers={"origin": "https://a.example"}, status=404, code="NoSuchKey",
        gives={"access-control-allow-origin": None}),
    Row(source="issue", what="without a policy no page may read", headers={"origin": "https://a.example"},
        gives={"access-control-allow-origin": None}),
)  # fmt: skip
def test_cors(place: Place, row: Row) -> None:
    """Each row's CORS policy is taken or refused as documented."""
    run_row(place, row)


def ask(place: Place, origin: str, method: str, *headers: str, body: bytes = FULL) -> Answer:
    """The answer to a preflight, which nobody signs."""
    assert place.raw.send("PUT", f"/{place.bucket}", {"cors": ""}, body=body).status == 200
    asked = {"origin": origin, "access-control-request-method": method}
    if headers:
        asked["access-control-request-headers"] = ", ".join(headers)
    return place.raw.send_as_is("OPTIONS", f"/{place.bucket}/a?X-Amz-Signature=x", asked)


@scenario("notes", "a preflight is answered by the policy")
def test_preflight(place: Place) -> None:
    """A preflight that the policy allows gives its methods, headers and age."""
    answer = ask(place, "https://a.example", "PUT", "Content-Type", "x-amz-meta-k")
    assert answer.status == 204
    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control")} == {
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": "PUT, DELETE",
        "access-control-allow-headers": "Content-Type, x-amz-meta-k",
        "access-control-expose-headers": "ETag, x-b",
        "access-control-max-age": "60",
    }


@scenario("notes", "headers of a policy are taken in any case")
def test_preflight_case(place: Place) -> None:
    """Allowed headers match in any case and with a wildcard; others are refused."""
    body = policy(AllowedHeader=["Content-Type", "x-amz-*"])
    assert ask(place, "https://a.example", "PUT", "content-type", "X-Amz-Meta-K", body=body).status == 204
    assert ask(place, "https://a.example", "PUT", "x-other", body=body).status == 403


@scenario("cors", "a preflight of another origin, method or header is refused")
@pytest.mark.parametrize(
    ("origin", "method", "allowed"),
    [("https://b.example", "PUT", "*"), ("https://a.example", "POST", "*"), ("https://a.example", "PUT", "x-no")],
)
def test_preflight_refused(place: Place, origin: str, method: str, allowed: str) -> None:
    """A preflight from another origin, or with another method or header, is AccessForbidden."""
    answer = ask(place, origin, method, "x-own", body=policy(AllowedHeader=allowed))
    assert (answer.status, answer.code) == (403, "AccessForbidden")
    assert "access-control-allow-origin" not in answer.headers


@scenario("cors", "an origin with a star stands for all of its kind")
@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://x.example.com", 204), ("https://x.example.com.evil", 403), ("http://x.example.com", 403)],
)
def test_preflight_wildcard(place: Place, origin: str, status: int) -> None:
    """A wildcard in an allowed origin matches subdomains only."""
    assert ask(place, origin, "PUT", body=policy(AllowedOrigin="https://*.example.com")).status == status


@scenario("notes", "an OPTIONS without an origin is no preflight")
def test_options(place: Place) -> None:
    """OPTIONS without the headers of a preflight is refused."""
    assert place.raw.send_as_is("OPTIONS", f"/{place.bucket}/a").status == 400


@scenario(
    "issue", "the embedded bucket lets pages of this machine upload, delete and read the ETag, until it is told not to"
)
def test_default_policy(place: Place) -> None:
    """The default policy allows pages of this machine, and no other origin."""
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "content-type"}
    for origin, status in (("http://localhost:5173", 204), ("http://127.0.0.1:8080", 204), ("https://a.example", 403)):
        answer = place.raw.send_as_is("OPTIONS", "/clips/a", {"origin": origin, **asked})
        assert answer.status == status
    listed = place.raw.send("GET", "/clips", {"cors": ""})
    assert "ETag" in listed.texts("CORSRule/ExposeHeader")
