"""Uploads in parts, with R2's limits: https://developers.cloudflare.com/r2/objects/multipart-objects/."""

import hashlib
import os
from dataclasses import dataclass, replace

from embedded.s3.errors import S3Error
from embedded.s3.operations.attributes import parse_attributes
from embedded.s3.operations.call import Call
from embedded.s3.operations.conditions import Conditions, assert_writable, get_conditions
from embedded.s3.operations.digests import (
    DIGEST_BYTES,
    FULL_OBJECT,
    MULTIPART_TYPES,
    Digests,
    Expected,
    combine,
    compose,
)
from embedded.s3.operations.intake import MAX_UPLOAD_BYTES, Taken, take_in
from embedded.s3.operations.objects import (
    Written,
    open_source,
    parse_part_number,
    write_object,
)
from embedded.s3.operations.ranges import Slice, parse_copy_range
from embedded.s3.store.drafts import COPY_BYTES
from embedded.s3.store.model import Checksum, Part, StoredObject, Upload
from embedded.s3.store.objects import NewObject
from embedded.s3.store.store import Store

MIN_PART_BYTES = 5 * 1024**2
MAX_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part as a CompleteMultipartUpload names it."""

    number: int
    etag: str
    checksum: str | None = None


def create_upload(store: Store, call: Call) -> Upload:
    """An upload has begun, for which this object's present state is as the conditions want it."""
    algorithm = call.headers.get("x-amz-checksum-algorithm", "").lower() or None
    kind = call.headers.get("x-amz-checksum-type", "").upper() or None
    if algorithm is not None and algorithm not in DIGEST_BYTES:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    if kind is not None and (algorithm is None or kind != MULTIPART_TYPES[algorithm]):
        raise S3Error("NotImplemented", f"Header 'x-amz-checksum-type' with value '{kind}' not implemented")
    conditions = get_conditions(call.headers)
    if conditions.are_given:
        assert_writable(conditions, store.objects.find(call.bucket, call.key))
    attributes = parse_attributes(call.headers)
    kind = MULTIPART_TYPES[algorithm] if algorithm else None
    return store.uploads.begin(Upload("", call.bucket, call.key, 0, attributes, algorithm, kind))


async def upload_part(store: Store, call: Call) -> Part:
    """The content of the request is the part."""
    upload, number = find_upload(store, call), parse_part_number(call.query["partNumber"])

    def finish(taken: Taken) -> Part:
        return store.uploads.put_part(upload, number, taken.draft, taken.digests.etag, taken.digests.checksum)

    return await take_in(store, call, finish, upload.checksum)


def copy_part(store: Store, call: Call) -> Part:
    """The part is a copy of another object, or of bytes of it."""
    upload, number = find_upload(store, call), parse_part_number(call.query["partNumber"])
    source, descriptor = open_source(store, call)
    try:
        slice_ = parse_copy_range(call.headers.get("x-amz-copy-source-range"), source.size)
        if slice_.length > MAX_UPLOAD_BYTES:
            raise S3Error("EntityTooLarge")
        digests = _hash(descriptor, slice_, upload.checksum)
        with store.open_draft() as draft:
            draft.copy(descriptor, slice_.offset, slice_.length)
            draft.seal()
            return store.uploads.put_part(upload, number, draft, digests.etag, digests.checksum)
    finally:
        os.close(descriptor)


def complete_upload(store: Store, call: Call, named: list[NamedPart]) -> Written:
    """The object is there, made of the named parts. After a refusal the upload is as it was."""
    upload = find_upload(store, call)
    parts = _choose_parts(named, store.uploads.list_parts(upload))
    _assert_sizes(parts)
    checksum = _make_checksum(upload, parts)
    claimed = call.headers.get(f"x-amz-checksum-{upload.checksum}") if upload.checksum else None
    if claimed is not None and checksum is not None and claimed != checksum.value:
        raise S3Error("BadDigest", f"The {checksum.algorithm} you specified did not match the calculated checksum.")
    with store.open_draft() as draft:
        for part in parts:
            draft.copy_file(part.path, part.size)
        draft.seal()
        attributes = replace(upload.attributes, checksum=checksum, part_count=len(parts), part_size=parts[0].size)
        new = NewObject(draft, _make_etag(parts), attributes)
        return _publish(store, call, upload, new)


def abort_upload(store: Store, call: Call) -> None:
    """The upload is over; NoSuchUpload where it was."""
    with store.objects.lock:
        store.uploads.end(find_upload(store, call))


def find_upload(store: Store, call: Call) -> Upload:
    """The upload of the query's `uploadId`."""
    return store.uploads.find(call.bucket, call.key, call.query["uploadId"])


def _hash(descriptor: int, slice_: Slice, algorithm: str | None) -> Digests:
    digests = Digests(Expected(slice_.length, None, None, algorithm, None))
    while digests.size < slice_.length:
        wanted = min(COPY_BYTES, slice_.length - digests.size)
        digests.update(os.pread(descriptor, wanted, slice_.offset + digests.size))
    return digests


def _publish(store: Store, call: Call, upload: Upload, new: NewObject) -> Written:
    """The draft is the object and the upload over; where a condition does not hold, the upload alone is over."""
    conditions = get_conditions(call.headers)
    with store.objects.lock:
        find_upload(store, call)
        try:
            written = write_object(store, call, new, conditions)
        except S3Error:
            if conditions.are_given and not _check_writable(conditions, store.objects.find(call.bucket, call.key)):
                store.uploads.end(upload)
            raise
        store.uploads.end(upload)
        return written


def _check_writable(conditions: Conditions, stored: StoredObject | None) -> bool:
    try:
        assert_writable(conditions, stored)
    except S3Error:
        return False
    return True


def _choose_parts(named: list[NamedPart], parts: list[Part]) -> list[Part]:
    """The parts in ascending order, as R2 sorts them; InvalidPart where one is not there as it was named."""
    there = {part.number: part for part in parts}
    if not 1 <= len(named) <= MAX_PARTS:
        raise S3Error("MalformedXML")
    if len({each.number for each in named}) < len(named):
        raise S3Error("InvalidPartOrder")
    chosen = []
    for each in sorted(named, key=lambda each: each.number):
        part = there.get(each.number)
        if part is None or part.etag != each.etag.strip('"'):
            raise S3Error("InvalidPart")
        if each.checksum is not None and (part.checksum is None or part.checksum.value != each.checksum):
            raise S3Error("InvalidPart")
        chosen.append(part)
    return chosen


def _assert_sizes(parts: list[Part]) -> None:
    size = parts[0].size
    for part in parts[:-1]:
        if part.size < MIN_PART_BYTES:
            raise S3Error("EntityTooSmall")
        if part.size != size:
            raise S3Error("InvalidPart", "All non-trailing parts must have the same length.")
    if parts[-1].size > size:
        raise S3Error("InvalidPart", "All non-trailing parts must have the same length.")


def _make_etag(parts: list[Part]) -> str:
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def _make_checksum(upload: Upload, parts: list[Part]) -> Checksum | None:
    if upload.checksum is None:
        return None
    values = [part.checksum.value for part in parts if part.checksum and part.checksum.algorithm == upload.checksum]
    if len(values) < len(parts):
        raise S3Error("InvalidRequest", f"The upload was created using the {upload.checksum} checksum mode.")
    if upload.checksum_type == FULL_OBJECT:
        return combine([(value, part.size) for value, part in zip(values, parts, strict=True)])
    return compose(upload.checksum, values)
