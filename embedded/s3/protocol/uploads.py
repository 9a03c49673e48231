"""Requests about uploads in parts."""

from xml.etree.ElementTree import Element

from embedded.s3.operations import uploads
from embedded.s3.operations.call import Call
from embedded.s3.operations.digests import DIGEST_BYTES
from embedded.s3.operations.intake import read_document
from embedded.s3.operations.listing import Asked, list_uploads
from embedded.s3.operations.objects import parse_part_number
from embedded.s3.operations.threads import run
from embedded.s3.protocol.objects import Speaker
from embedded.s3.protocol.responses import Response, answer_document
from embedded.s3.protocol.xml import Fields, format_time, get_text, parse_document
from embedded.s3.store.model import Checksum
from embedded.s3.store.store import Store

MAX_LISTED = 1000


async def create_upload(store: Store, call: Call) -> Response:
    """CreateMultipartUpload."""
    await read_document(call)
    upload = await run(uploads.create_upload, store, call)
    announced = upload.checksum and {
        "x-amz-checksum-algorithm": upload.checksum.upper(),
        "x-amz-checksum-type": str(upload.checksum_type),
    }
    fields = {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id}
    return answer_document("InitiateMultipartUploadResult", fields, announced or {})


async def upload_part(store: Store, call: Call) -> Response:
    """UploadPart."""
    part = await uploads.upload_part(store, call)
    checksum = {f"x-amz-checksum-{part.checksum.algorithm}": part.checksum.value} if part.checksum else {}
    return Response(200, {"etag": f'"{part.etag}"', **checksum})


async def copy_part(store: Store, call: Call) -> Response:
    """UploadPartCopy."""
    part = await run(uploads.copy_part, store, call)
    fields = {
        "ETag": f'"{part.etag}"',
        "LastModified": format_time(part.modified_ns),
        **_describe_checksum(part.checksum),
    }
    return answer_document("CopyPartResult", fields)


async def complete_upload(store: Store, call: Call) -> Response:
    """CompleteMultipartUpload."""
    top = parse_document(await read_document(call), "CompleteMultipartUpload", "CompleteMultipartUploadRequest")
    named = [_parse_part(each) for each in top.findall("Part")]
    written = await run(uploads.complete_upload, store, call, named)
    checksum = written.attributes.checksum
    fields = {
        "Location": f"/{call.bucket}/{call.key}",
        "Bucket": call.bucket,
        "Key": call.key,
        "ETag": f'"{written.etag}"',
        **_describe_checksum(checksum),
        "ChecksumType": checksum.type if checksum else None,
    }
    return answer_document("CompleteMultipartUploadResult", fields)


async def abort_upload(store: Store, call: Call) -> Response:
    """AbortMultipartUpload."""
    await run(uploads.abort_upload, store, call)
    return Response(204)


async def list_parts(store: Store, call: Call) -> Response:
    """ListParts."""
    say = Speaker(call)
    upload = await run(uploads.find_upload, store, call)
    limit = call.get_number("max-parts", MAX_LISTED, MAX_LISTED)
    after = call.get_number("part-number-marker", 0, uploads.MAX_PARTS)
    parts = await run(store.uploads.list_parts, upload, after)
    listed, is_truncated = parts[:limit], len(parts) > limit
    described = [
        {
            "PartNumber": part.number,
            "LastModified": format_time(part.modified_ns),
            "ETag": f'"{part.etag}"',
            "Size": part.size,
            **_describe_checksum(part.checksum),
        }
        for part in listed
    ]
    return answer_document(
        "ListPartsResult",
        {
            "Bucket": call.bucket,
            "Key": say(upload.key),
            "UploadId": upload.id,
            "StorageClass": upload.attributes.storage_class,
            "PartNumberMarker": after,
            "NextPartNumberMarker": listed[-1].number if listed else after,
            "MaxParts": limit,
            "IsTruncated": is_truncated,
            "ChecksumAlgorithm": upload.checksum.upper() if upload.checksum else None,
            "ChecksumType": upload.checksum_type,
            "Part": described,
        },
    )


async def list_open_uploads(store: Store, call: Call) -> Response:
    """ListMultipartUploads."""
    say = Speaker(call)
    marker, upload_id = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
    limit = call.get_number("max-uploads", MAX_LISTED, MAX_LISTED)
    asked = Asked(call.query.get("prefix", ""), call.query.get("delimiter", ""), marker, limit)
    found, folders, is_truncated = await run(list_uploads, store, call.bucket, asked, upload_id if marker else "")
    last = max([upload.key for upload in found[-1:]] + folders[-1:], default="")
    described = [
        {
            "Key": say(upload.key),
            "UploadId": upload.id,
            "StorageClass": upload.attributes.storage_class,
            "Initiated": format_time(upload.started_ns),
        }
        for upload in found
    ]
    return answer_document(
        "ListMultipartUploadsResult",
        {
            "Bucket": call.bucket,
            "KeyMarker": say(marker),
            "UploadIdMarker": upload_id,
            "NextKeyMarker": say(last) if is_truncated else None,
            "NextUploadIdMarker": (found[-1].id if found and found[-1].key == last else "") if is_truncated else None,
            "Prefix": say(asked.prefix),
            "Delimiter": say(asked.delimiter) if asked.delimiter else None,
            "EncodingType": say.encoding,
            "MaxUploads": limit,
            "IsTruncated": is_truncated,
            "Upload": described,
            "CommonPrefixes": [{"Prefix": say(folder)} for folder in folders],
        },
    )


def _parse_part(element: Element) -> uploads.NamedPart:
    number = parse_part_number(get_text(element, "PartNumber").strip())
    checksums = [element.findtext(f"Checksum{name.upper()}") for name in DIGEST_BYTES]
    etag = get_text(element, "ETag").strip()
    return uploads.NamedPart(number, etag, next((value for value in checksums if value), None))


def _describe_checksum(checksum: Checksum | None) -> Fields:
    return {f"Checksum{checksum.algorithm.upper()}": checksum.value} if checksum else {}
