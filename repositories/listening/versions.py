"""Versions of changes: the commit's time and, within a commit, an order that every process computes.

A version promises that its subscriber received every earlier change of the same subscription. So the last version that
a client got states all that it has and has not received.
"""

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple, Self

from repositories.exceptions import InvalidVersionError

_TEXT = re.compile(r"[0-9a-f]{32}")
_MAX_DIGEST = 2**64 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Version(NamedTuple):
    """The commit's time in microseconds since 1970, and the digest of the document's path."""

    micros: int
    digest: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version of its text; `InvalidVersionError` for any other text."""
        if not _TEXT.fullmatch(text):
            raise InvalidVersionError
        return cls(int(text[:16], 16), int(text[16:], 16))

    def __str__(self) -> str:
        return f"{self.micros:016x}{self.digest:016x}"

    @classmethod
    def end_of(cls, micros: int) -> Self:
        """The version of a subscriber that received all changes up to this time."""
        return cls(micros, _MAX_DIGEST)

    def get_next(self, digest: int) -> "Version":
        """The first version after this one that a document with this digest can have."""
        return Version(self.micros if digest > self.digest else self.micros + 1, digest)


def digest_path(path: str) -> int:
    """The digest of a document's path below the database's root: eight bytes."""
    return int.from_bytes(blake2b(path.encode(), digest_size=8).digest())


def to_micros(moment: Any) -> int:
    """A protobuf Timestamp in microseconds."""
    return int(moment.seconds * 1_000_000 + moment.nanos // 1000)


def to_micros_of(moment: datetime) -> int:
    """A moment in microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_moment(micros: int) -> datetime:
    """Microseconds since 1970 as a moment in UTC."""
    return _EPOCH + timedelta(microseconds=micros)
