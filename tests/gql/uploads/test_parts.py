"""Whether an object is what an upload's parts make, by the ETags of R2 and of the embedded S3."""

import hashlib
from datetime import UTC, datetime

import pytest

from gql.uploads.parts import check_assembled
from storage.r2 import StoredObject

ONE, TWO = (hashlib.md5(part, usedforsecurity=False).hexdigest() for part in (b"one", b"two"))
# As S3 documents it: the MD5 of the parts' binary MD5s, and how many they are.
BOTH = hashlib.md5(bytes.fromhex(ONE + TWO), usedforsecurity=False).hexdigest() + "-2"
ALONE = hashlib.md5(bytes.fromhex(ONE), usedforsecurity=False).hexdigest() + "-1"
PLAIN = hashlib.md5(b"onetwo", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("etag", "parts", "size_bytes", "is_it"),
    [
        (BOTH, {1: ONE, 2: TWO}, None, True),
        (BOTH, {2: f'"{TWO}"', 1: f'"{ONE}"'}, 6, True),
        (BOTH, {1: TWO, 2: ONE}, None, False),
        (BOTH, {1: ONE}, None, False),
        (BOTH, {1: ONE, 2: TWO}, 7, False),
        (BOTH, {1: "not hexadecimal", 2: TWO}, 6, False),
        (ALONE, {1: ONE}, None, True),
        (ONE, {1: ONE}, None, True),
        (ONE, {1: TWO}, 6, False),
        # The MD5 of the content says nothing of several parts.
        (PLAIN, {1: ONE, 2: TWO}, 6, True),
        (PLAIN, {1: ONE, 2: TWO}, 7, False),
        (PLAIN, {1: ONE, 2: TWO}, None, False),
    ],
)
def test_the_etag_decides_as_far_as_it_tells(
    etag: str, parts: dict[int, str], size_bytes: float | None, is_it: bool
) -> None:
    """An object is taken for the upload's if its ETag, or else its size, says so."""
    stored = StoredObject("key", 6, None, datetime.now(UTC), etag)
    assert check_assembled(stored, parts, size_bytes) is is_it
