"""GetObject, HeadObject, PutObject, DeleteObject, DeleteObjects and CopyObject."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import unquote

from embedded.s3.errors import NotModifiedError, S3Error
from embedded.s3.operations.attributes import format_headers, guess_type, parse_attributes
from embedded.s3.operations.call import Call
from embedded.s3.operations.conditions import Conditions, assert_readable, assert_writable, get_conditions
from embedded.s3.operations.intake import Taken, take_in
from embedded.s3.operations.ranges import Slice, find_part, parse_range
from embedded.s3.store.drafts import flush_folders
from embedded.s3.store.model import Attributes, StoredObject
from embedded.s3.store.names import assert_key, check_utf8, normalize
from embedded.s3.store.objects import NewObject
from embedded.s3.store.store import Store

OVERRIDES = (
    "content-type", "content-language", "expires", "cache-control", "content-disposition", "content-encoding"
)  # fmt: skip
"""Headers of a GET's answer that its query can set, as `response-content-type` and so on."""

_COPY_PREFIX = "x-amz-copy-source-"
_TARGET_PREFIX = "cf-copy-destination-"


@dataclass(slots=True)
class Found:
    """The answer about an object; `descriptor` is its open file, the caller's to close, or None for a HEAD."""

    status: int
    headers: dict[str, str]
    slice: Slice
    descriptor: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of a write."""

    etag: str
    modified_ns: int
    attributes: Attributes


def get_object(store: Store, call: Call) -> Found:
    """The object, or the part of it that is asked for, with its file open."""
    stored, descriptor = store.objects.open(call.bucket, call.key)
    try:
        found = _answer(call, stored, is_head=False)
    except BaseException:
        os.close(descriptor)
        raise
    found.descriptor = descriptor
    return found


def head_object(store: Store, call: Call) -> Found:
    """The object's attributes. R2 does not look at a HEAD's Range."""
    return _answer(call, find_object(store, call.bucket, call.key), is_head=True)


async def put_object(store: Store, call: Call) -> Written:
    """The content of the request is the object."""
    attributes = parse_attributes(call.headers)
    conditions = get_conditions(call.headers)
    if conditions.are_given:
        # Told before the content comes, and looked at again when it is there.
        assert_writable(conditions, store.objects.find(call.bucket, call.key))

    def finish(taken: Taken) -> Written:
        kind = attributes.content_type if call.headers.get("content-type") else guess_type(taken.beginning)
        described = replace(attributes, content_type=kind, checksum=taken.digests.checksum)
        return write_object(store, call, NewObject(taken.draft, taken.digests.etag, described), conditions)

    return await take_in(store, call, finish)


def write_object(store: Store, call: Call, new: NewObject, conditions: Conditions) -> Written:
    """The sealed draft is the object, if the conditions hold for the one that was there."""
    store.objects.put(call.bucket, call.key, new, partial(assert_writable, conditions))
    return Written(new.etag, new.draft.stamp_ns, new.attributes)


def delete_object(store: Store, call: Call) -> None:
    """There is no such object; there may have been none before."""
    flush_folders(store.objects.delete(call.bucket, call.key))


def delete_objects(store: Store, bucket: str, keys: list[str]) -> list[tuple[str, S3Error | None]]:
    """Each key with None where it has no object any more, else with the reason."""
    results: list[tuple[str, S3Error | None]] = []
    folders: set[str] = set()
    for key in keys:
        try:
            assert_key(key)
            folders |= store.objects.delete(bucket, key)
            results.append((key, None))
        except S3Error as error:
            results.append((key, error))
    flush_folders(folders)
    return results


def copy_object(store: Store, call: Call) -> Written:
    """The object is a copy of another, with its attributes, or those of the request, or both."""
    source, descriptor = open_source(store, call)
    try:
        return _copy(store, call, source, descriptor)
    finally:
        os.close(descriptor)


def _copy(store: Store, call: Call, source: StoredObject, descriptor: int) -> Written:
    directive = call.headers.get("x-amz-metadata-directive", "COPY").upper()
    attributes = _choose_attributes(source.attributes, call.headers, directive)
    is_itself = (source.name, parse_source(call.headers)[0]) == (normalize(call.key), call.bucket)
    if is_itself and attributes == source.attributes and directive == "COPY":
        raise S3Error("InvalidRequest", "A copy of an object to itself must change something.")
    wanted = call.headers.get("x-amz-checksum-algorithm", "").lower()
    if wanted and (attributes.checksum is None or attributes.checksum.algorithm != wanted):
        raise S3Error("NotImplemented", f"Header 'x-amz-checksum-algorithm' with value '{wanted}' not implemented")
    with store.open_draft() as draft:
        draft.copy(descriptor, 0, source.size)
        draft.seal()
        conditions = get_conditions(call.headers, _TARGET_PREFIX)
        return write_object(store, call, NewObject(draft, source.etag, attributes), conditions)


def find_object(store: Store, bucket: str, key: str) -> StoredObject:
    """The object; NoSuchKey where there is none."""
    stored = store.objects.find(bucket, key)
    if stored is None:
        raise S3Error("NoSuchKey")
    return stored


def open_source(store: Store, call: Call) -> tuple[StoredObject, int]:
    """The object of the header x-amz-copy-source and its open file, if the request's conditions about it hold."""
    bucket, key = parse_source(call.headers)
    store.buckets.find(bucket)
    stored, descriptor = store.objects.open(bucket, key)
    try:
        assert_readable(get_conditions(call.headers, _COPY_PREFIX), stored, {})
    except (NotModifiedError, S3Error):
        os.close(descriptor)
        raise S3Error("PreconditionFailed") from None
    return stored, descriptor


def parse_source(headers: Mapping[str, str]) -> tuple[str, str]:
    """The bucket and the key that are copied from."""
    path, has_parameters, parameters = headers["x-amz-copy-source"].partition("?")
    if has_parameters:
        raise S3Error("NotImplemented", f"Copying with {parameters} not implemented")
    bucket, slash, key = unquote(path, errors="surrogateescape").removeprefix("/").partition("/")
    if not slash or not key or not check_utf8(key):
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey.")
    assert_key(key)
    return bucket, key


def _choose_attributes(source: Attributes, headers: Mapping[str, str], directive: str) -> Attributes:
    given = parse_attributes(headers)
    if directive == "COPY":
        return replace(source, storage_class=given.storage_class)
    kept = replace(given, checksum=source.checksum, part_count=source.part_count, part_size=source.part_size)
    if directive == "REPLACE":
        return kept
    if directive == "MERGE":
        return replace(
            kept,
            content_type=given.content_type if "content-type" in headers else source.content_type,
            headers={**source.headers, **given.headers},
            metadata={**source.metadata, **given.metadata},
        )
    raise S3Error("InvalidArgument", "Unknown metadata directive.")


def _answer(call: Call, stored: StoredObject, *, is_head: bool) -> Found:
    with_checksum = call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    headers = format_headers(stored, with_checksum=with_checksum)
    assert_readable(get_conditions(call.headers), stored, headers)
    part, asked = _find_asked_part(call, stored), None
    if part is None and not is_head:
        asked = parse_range(call.headers, stored)
    slice_ = part or asked or Slice(0, stored.size)
    headers["content-length"] = str(slice_.length)
    if part is not None and stored.attributes.part_count:
        headers["x-amz-mp-parts-count"] = str(stored.attributes.part_count)
    if (part or asked) and slice_.length:
        headers["content-range"] = slice_.describe(stored.size)
    for name in OVERRIDES:
        if f"response-{name}" in call.query:
            headers[name] = call.query[f"response-{name}"]
    return Found(206 if part or asked else 200, headers, slice_)


def _find_asked_part(call: Call, stored: StoredObject) -> Slice | None:
    if "partNumber" not in call.query:
        return None
    if "range" in call.headers:
        raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter.")
    return find_part(stored, parse_part_number(call.query["partNumber"]))


def parse_part_number(text: str) -> int:
    """The number of a part, from 1 to 10,000."""
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 10_000:  # noqa: PLR2004 - R2's limit
        return int(text)
    raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive.")
