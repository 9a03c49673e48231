"""Multipart uploads: upload ids, part numbers, ETags, and the check of the assembled object."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from gql.inputs import Path
from repositories.exceptions import ValidationError
from storage.r2 import MAX_PARTS, StoredObject

_UPLOAD_ID = re.compile(r"[!-~]{1,1024}")
_ETAG = re.compile(r'("?)[!#-~]{1,128}\1')


def split_into_parts(size_bytes: int, part_size_bytes: int) -> Iterator[tuple[int, int]]:
    """The number, from 1 on, and the size of each part."""
    for start in range(0, size_bytes, part_size_bytes):
        yield start // part_size_bytes + 1, min(part_size_bytes, size_bytes - start)


def assert_upload_id(upload_id: str) -> None:
    """Raises ValidationError for a malformed upload id.

    Without one, S3 takes a part for the whole file, and an abort for a deletion of it.
    """
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise ValidationError("The value is not an id from `createMultipartUpload`.", ("upload_id",))


def assert_part_numbers(numbers: Sequence[int]) -> None:
    """Raises ValidationError for a number that no part can have, or that is there twice."""
    seen: set[int] = set()
    for index, number in enumerate(numbers):
        if not 1 <= number <= MAX_PARTS:
            raise ValidationError(f"The number must be between 1 and {MAX_PARTS:,}.", ("parts", index, "part_number"))
        if number in seen:
            raise ValidationError("The list contains this part twice.", ("parts", index, "part_number"))
        seen.add(number)


def assert_etag(etag: str, path: Path) -> None:
    """Raises ValidationError at `path` for a malformed ETag, with or without its quotes."""
    if not _ETAG.fullmatch(etag):
        raise ValidationError("The value is not an `ETag` of R2.", path)


def check_assembled(stored: StoredObject, etags: Mapping[int, str], size_bytes: float | None) -> bool:
    """Whether the object consists of the parts with these ETags, by their numbers, as far as its own ETag tells.

    R2's and S3's tells it: the MD5 of the parts' MD5s, and their number. The embedded S3's is the MD5 of the content,
    which tells it of one part; of several, only the size is left to compare, where the caller knows it.
    """
    parts = [etag.strip('"') for _, etag in sorted(etags.items())]
    if size_bytes is not None and size_bytes != stored.size_bytes:
        return False
    if "-" in stored.etag:
        return stored.etag == _compute_etag(parts)
    if len(parts) == 1:
        return stored.etag == parts[0]
    return size_bytes is not None


def _compute_etag(parts: Sequence[str]) -> str | None:
    """The ETag of the object that R2 makes of these parts; None where they have ETags of another kind."""
    try:
        digests = b"".join(map(bytes.fromhex, parts))
    except ValueError:
        return None
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
