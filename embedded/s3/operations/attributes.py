"""Headers of a request that stay with the object, and come back with it."""

import re
from collections.abc import Mapping
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header

from embedded.s3.errors import S3Error
from embedded.s3.operations.conditions import format_http_date
from embedded.s3.store.model import DEFAULT_CONTENT_TYPE, STANDARD, Attributes, StoredObject

KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
META = "x-amz-meta-"
STORAGE_CLASSES = ("STANDARD", "STANDARD_IA")
MAX_METADATA_BYTES = 8192

_SIGNATURES = (
    (re.compile(rb"....ftyp", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "video/webm"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBPVP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"\x1f\x8b\x08"), "application/x-gzip"),
    (re.compile(rb"PK\x03\x04"), "application/zip"),
)
"""The beginnings that https://mimesniff.spec.whatwg.org/ knows, of kinds that are seen in such a bucket."""


def parse_attributes(headers: Mapping[str, str]) -> Attributes:
    """The object's attributes as the headers give them; without a type, the default one."""
    storage_class = headers.get("x-amz-storage-class", STANDARD)
    if storage_class not in STORAGE_CLASSES:
        raise S3Error("NotImplemented", f"Header 'x-amz-storage-class' with value '{storage_class}' not implemented")
    kept = {name: headers[name] for name in KEPT if name in headers}
    encodings = [each.strip() for each in kept.pop("content-encoding", "").split(",")]
    encoding = ", ".join(each for each in encodings if each and each.lower() != "aws-chunked")
    if encoding:
        kept["content-encoding"] = encoding
    content_type = headers.get("content-type") or DEFAULT_CONTENT_TYPE
    return Attributes(content_type, kept, _parse_metadata(headers), storage_class)


def guess_type(beginning: bytes) -> str:
    """The type of a content that was put without one, from its first bytes, as R2 does."""
    return next((kind for pattern, kind in _SIGNATURES if pattern.match(beginning)), DEFAULT_CONTENT_TYPE)


def format_headers(stored: StoredObject, *, with_checksum: bool) -> dict[str, str]:
    """The headers of an answer about the object, but for those of its length."""
    attributes = stored.attributes
    headers = {
        "content-type": attributes.content_type,
        "etag": f'"{stored.etag}"',
        "last-modified": format_http_date(stored.modified_ns),
        "accept-ranges": "bytes",
        **attributes.headers,
        **{META + name: encode_words(value) for name, value in attributes.metadata.items()},
    }
    if attributes.storage_class != STANDARD:
        headers["x-amz-storage-class"] = attributes.storage_class
    if with_checksum and attributes.checksum is not None:
        headers[f"x-amz-checksum-{attributes.checksum.algorithm}"] = attributes.checksum.value
        headers["x-amz-checksum-type"] = attributes.checksum.type
    return headers


def encode_words(value: str) -> str:
    """The value as a header can carry it: RFC 2047's encoded words where it is not ASCII."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=75).encode(linesep="").replace("\n", "")


def decode_words(value: str) -> str:
    """The text that the header's encoded words stand for."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
        return value


def _parse_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    metadata = {name[len(META) :]: decode_words(value) for name, value in headers.items() if name.startswith(META)}
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge")
    return metadata
