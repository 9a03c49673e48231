"""Which bytes of an object are asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from embedded.s3.errors import S3Error
from embedded.s3.operations.conditions import check_etag, parse_date
from embedded.s3.store.model import StoredObject

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.ASCII | re.IGNORECASE)
_COPY_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes of an object, from `offset` on."""

    offset: int
    length: int

    def describe(self, size: int) -> str:
        """The Content-Range of this slice of so many bytes."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def parse_range(headers: Mapping[str, str], stored: StoredObject) -> Slice | None:
    """The slice of the header Range, InvalidRange where there are no such bytes.

    None where all is asked for: without the header, with several ranges, with one that is none, and with an If-Range
    of another version.
    """
    matched = _RANGE.fullmatch(headers.get("range", "").strip())
    if matched is None or matched.groups() == ("", "") or not _check_same(headers.get("if-range"), stored):
        return None
    first, last = matched.groups()
    offset = int(first) if first else max(stored.size - int(last), 0)
    end = min(int(last) + 1, stored.size) if first and last else stored.size
    if first and last and int(last) < int(first):
        return None
    if offset >= end:
        raise S3Error("InvalidRange", headers={"content-range": f"bytes */{stored.size}"})
    return Slice(offset, end - offset)


def find_part(stored: StoredObject, number: int) -> Slice:
    """The part of the object with that number; InvalidPartNumber where it has no such part."""
    count, size = stored.attributes.part_count or 1, stored.attributes.part_size or stored.size
    if not 1 <= number <= count:
        raise S3Error("InvalidPartNumber")
    offset = (number - 1) * size
    return Slice(offset, stored.size - offset if number == count else size)


def parse_copy_range(text: str | None, size: int) -> Slice:
    """The bytes that are copied: of a header `bytes=first-last`, or all."""
    if text is None:
        return Slice(0, size)
    matched = _COPY_RANGE.fullmatch(text)
    if matched is None:
        raise S3Error("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last.")
    first, last = int(matched[1]), int(matched[2])
    if not first <= last < size:
        raise S3Error("InvalidRange", f"Range specified is not valid for source object of size: {size}")
    return Slice(first, last - first + 1)


def _check_same(if_range: str | None, stored: StoredObject) -> bool:
    if if_range is None:
        return True
    date = parse_date(if_range)
    if date is not None:
        return stored.modified_ns // 1_000_000_000 <= date.timestamp()
    return not if_range.startswith("W/") and check_etag(if_range, stored.etag)
