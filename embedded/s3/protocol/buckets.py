"""Requests about buckets, and about all of them."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from embedded.s3.errors import S3Error
from embedded.s3.operations.call import Call
from embedded.s3.operations.cors import MAX_AGE_SECONDS, METHODS, Rule, check_origin, dump_rules, load_rules
from embedded.s3.operations.intake import read_document
from embedded.s3.operations.listing import Asked, list_objects, make_token, parse_token
from embedded.s3.operations.threads import run
from embedded.s3.protocol.objects import OWNER
from embedded.s3.protocol.responses import Response, answer_document
from embedded.s3.protocol.signatures import ALIASES, REGIONS
from embedded.s3.protocol.xml import Fields, format_time, get_text, parse_document
from embedded.s3.store.store import Store

MAX_RULES = 100
MAX_BUCKETS = 1000

_ELEMENTS = ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds", "ID")


async def list_buckets(store: Store, call: Call) -> Response:
    """ListBuckets, with R2's extensions: https://developers.cloudflare.com/r2/api/s3/extensions/#listbuckets."""
    asked = {name: call.headers.get(f"cf-{name}", call.query.get(name, "")) for name in LIST_PARAMETERS}
    after = parse_token(asked["continuation-token"]) if asked["continuation-token"] else asked["start-after"]
    limit = int(asked["max-keys"]) if asked["max-keys"].isdigit() else MAX_BUCKETS
    buckets = [
        each
        for each in await run(store.buckets.list_all)
        if each.name > after and each.name.startswith(asked["prefix"])
    ]
    listed, is_truncated = buckets[:limit], len(buckets) > limit
    token = make_token(listed[-1].name) if is_truncated and listed else None
    described = [{"Name": each.name, "CreationDate": format_time(each.created_ns)} for each in listed]
    headers = {"cf-is-truncated": "true", "cf-next-continuation-token": token} if token else {}
    return answer_document(
        "ListAllMyBucketsResult",
        {
            "Buckets": {"Bucket": described},
            "Owner": OWNER,
            "IsTruncated": is_truncated or None,
            "NextContinuationToken": token,
        },
        headers,
    )


LIST_PARAMETERS = ("prefix", "start-after", "continuation-token", "max-keys")


async def create_bucket(store: Store, call: Call) -> Response:
    """CreateBucket."""
    data = await read_document(call)
    if data:
        top = parse_document(data, "CreateBucketConfiguration")
        if (top.findtext("LocationConstraint") or "").lower() not in REGIONS + ALIASES:
            raise S3Error("InvalidLocationConstraint")
    await run(store.buckets.create, call.bucket)
    return Response(200, {"location": f"/{call.bucket}"})


async def head_bucket(store: Store, call: Call) -> Response:
    """HeadBucket."""
    del store, call
    return Response(200, {"x-amz-bucket-region": "auto", "content-type": "application/xml"})


async def delete_bucket(store: Store, call: Call) -> Response:
    """DeleteBucket."""
    page = await run(list_objects, store, call.bucket, Asked(limit=1))
    if page.objects:
        raise S3Error("BucketNotEmpty")
    await run(store.buckets.delete, call.bucket)
    return Response(204)


async def get_location(store: Store, call: Call) -> Response:
    """GetBucketLocation, which is `auto` everywhere."""
    del store, call
    document = answer_document("LocationConstraint", {})
    return Response(200, document.headers, document.body.replace(b"></Loc", b">auto</Loc"))


async def get_cors(store: Store, call: Call) -> Response:
    """GetBucketCors."""
    rules = load_rules((await run(store.buckets.find, call.bucket)).cors)
    if not rules:
        raise S3Error("NoSuchCORSConfiguration")
    return answer_document("CORSConfiguration", {"CORSRule": [_describe_rule(rule) for rule in rules]})


async def put_cors(store: Store, call: Call) -> Response:
    """PutBucketCors."""
    top = parse_document(await read_document(call), "CORSConfiguration")
    rules = tuple(_parse_rule(each) for each in top)
    if not 1 <= len(rules) <= MAX_RULES:
        raise S3Error("MalformedXML")
    await run(store.buckets.put_cors, call.bucket, dump_rules(rules))
    return Response(200)


async def delete_cors(store: Store, call: Call) -> Response:
    """DeleteBucketCors."""
    await run(store.buckets.put_cors, call.bucket, None)
    return Response(204)


def _describe_rule(rule: Rule) -> Fields:
    return {
        "ID": rule.id,
        "AllowedOrigin": list(rule.origins),
        "AllowedMethod": list(rule.methods),
        "AllowedHeader": list(rule.headers),
        "ExposeHeader": list(rule.exposed),
        "MaxAgeSeconds": rule.max_age_seconds,
    }


def _parse_rule(element: Element) -> Rule:
    """The rule, if it has nothing that R2 does not know."""
    if element.tag != "CORSRule" or any(each.tag not in _ELEMENTS for each in element):
        raise S3Error("MalformedXML")
    origins, methods = tuple(_get_texts(element, "AllowedOrigin")), tuple(_get_texts(element, "AllowedMethod"))
    if not origins or not methods or any(method not in METHODS for method in methods):
        raise S3Error("MalformedXML")
    if not all(check_origin(origin) for origin in origins):
        raise S3Error("InvalidArgument", "AllowedOrigin must be `*` or an origin such as https://example.com.")
    headers, exposed = tuple(_get_texts(element, "AllowedHeader")), tuple(_get_texts(element, "ExposeHeader"))
    if any(not header or header.count("*") > 1 for header in headers) or any(not header for header in exposed):
        raise S3Error("MalformedXML")
    return Rule(origins, methods, headers, exposed, _parse_age(element), element.findtext("ID"))


def _parse_age(element: Element) -> int | None:
    if element.find("MaxAgeSeconds") is None:
        return None
    text = get_text(element, "MaxAgeSeconds").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= MAX_AGE_SECONDS):  # noqa: PLR2004 - digits
        raise S3Error("MalformedXML")
    return int(text)


def _get_texts(element: Element, name: str) -> Iterator[str]:
    return ((each.text or "").strip() for each in element.findall(name))
