"""Requests about objects: from the call to the operation, and from its result to the answer."""

from urllib.parse import quote

from embedded.s3.errors import S3Error
from embedded.s3.operations import objects
from embedded.s3.operations.call import Call
from embedded.s3.operations.intake import read_document
from embedded.s3.operations.listing import Asked, Page, list_objects, make_token, parse_token
from embedded.s3.operations.threads import run
from embedded.s3.protocol.responses import Response, answer_document
from embedded.s3.protocol.xml import Fields, format_time, get_text, parse_document
from embedded.s3.store.model import Attributes, StoredObject
from embedded.s3.store.store import Store

MAX_KEYS_PER_DELETE = 1000
OWNER = {"ID": "embedded", "DisplayName": "embedded"}


async def get_object(store: Store, call: Call) -> Response:
    """GetObject."""
    found = await run(objects.get_object, store, call)
    return Response(found.status, found.headers, found=found)


async def head_object(store: Store, call: Call) -> Response:
    """HeadObject."""
    found = await run(objects.head_object, store, call)
    return Response(found.status, found.headers, found=found)


async def put_object(store: Store, call: Call) -> Response:
    """PutObject."""
    written = await objects.put_object(store, call)
    return Response(200, {"etag": f'"{written.etag}"', **format_checksum(written.attributes)})


async def copy_object(store: Store, call: Call) -> Response:
    """CopyObject."""
    written = await run(objects.copy_object, store, call)
    fields = {"ETag": f'"{written.etag}"', "LastModified": format_time(written.modified_ns)}
    return answer_document("CopyObjectResult", fields)


async def delete_object(store: Store, call: Call) -> Response:
    """DeleteObject."""
    if "if-match" in call.headers:
        raise S3Error("NotImplemented", f"Header 'if-match' with value '{call.headers['if-match']}' not implemented")
    await run(objects.delete_object, store, call)
    return Response(204)


async def delete_objects(store: Store, call: Call) -> Response:
    """DeleteObjects."""
    top = parse_document(await read_document(call), "Delete")
    keys = [get_text(each, "Key") for each in top.findall("Object")]
    if not 1 <= len(keys) <= MAX_KEYS_PER_DELETE:
        raise S3Error("MalformedXML")
    results = await run(objects.delete_objects, store, call.bucket, keys)
    is_quiet = (top.findtext("Quiet") or "").strip().lower() == "true"
    deleted = [] if is_quiet else [{"Key": key} for key, error in results if error is None]
    errors = [{"Key": key, "Code": error.code, "Message": error.message} for key, error in results if error]
    return answer_document("DeleteResult", {"Deleted": deleted, "Error": errors})


async def list_objects_v1(store: Store, call: Call) -> Response:
    """ListObjects."""
    page, asked = await _list(store, call, call.query.get("marker", ""))
    say = Speaker(call)
    return answer_document(
        "ListBucketResult",
        {
            **_describe_page(call, page, asked, say),
            "Marker": say(asked.after),
            "NextMarker": None if page.last is None or not asked.delimiter else say(page.last),
        },
    )


async def list_objects_v2(store: Store, call: Call) -> Response:
    """ListObjectsV2."""
    if call.query["list-type"] != "2":
        raise S3Error("InvalidArgument", "list-type must be 2.")
    token = call.query.get("continuation-token")
    start_after = call.query.get("start-after", "")
    page, asked = await _list(store, call, start_after if token is None else parse_token(token))
    say = Speaker(call)
    return answer_document(
        "ListBucketResult",
        {
            **_describe_page(call, page, asked, say),
            "KeyCount": len(page.objects) + len(page.folders),
            "ContinuationToken": token,
            "NextContinuationToken": None if page.last is None else make_token(page.last),
            "StartAfter": say(start_after) if "start-after" in call.query else None,
        },
    )


class Speaker:
    """Says keys as the request wants them: as they are, or URL-encoded."""

    def __init__(self, call: Call) -> None:
        self.encoding = call.query.get("encoding-type") or None
        if self.encoding not in {None, "url"}:
            raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")

    def __call__(self, text: str) -> str:
        """The text as it goes into the document."""
        return quote(text, safe="/-_.~*") if self.encoding else text


def format_checksum(attributes: Attributes) -> dict[str, str]:
    """The headers that tell the checksum."""
    checksum = attributes.checksum
    if checksum is None:
        return {}
    return {f"x-amz-checksum-{checksum.algorithm}": checksum.value, "x-amz-checksum-type": checksum.type}


async def _list(store: Store, call: Call, after: str) -> tuple[Page, Asked]:
    limit = call.get_number("max-keys", 1000, 1000)
    asked = Asked(call.query.get("prefix", ""), call.query.get("delimiter", ""), after, limit)
    return await run(list_objects, store, call.bucket, asked), asked


def _describe_page(call: Call, page: Page, asked: Asked, say: Speaker) -> Fields:
    owner = {"Owner": OWNER} if call.query.get("fetch-owner") == "true" else {}
    return {
        "Name": call.bucket,
        "Prefix": say(asked.prefix),
        "Delimiter": say(asked.delimiter) if asked.delimiter else None,
        "MaxKeys": asked.limit,
        "EncodingType": say.encoding,
        "IsTruncated": page.last is not None,
        "Contents": [_describe(stored, say) | owner for stored in page.objects],
        "CommonPrefixes": [{"Prefix": say(folder)} for folder in page.folders],
    }


def _describe(stored: StoredObject, say: Speaker) -> Fields:
    checksum = stored.attributes.checksum
    return {
        "Key": say(stored.key),
        "LastModified": format_time(stored.modified_ns),
        "ETag": f'"{stored.etag}"',
        "ChecksumAlgorithm": checksum.algorithm.upper() if checksum else None,
        "ChecksumType": checksum.type if checksum else None,
        "Size": stored.size,
        "StorageClass": stored.attributes.storage_class,
    }
