"""Names of databases, documents and collections, and the byte keys that sort them as Firestore does."""

import re
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from embedded.firestore.model.errors import InvalidArgumentError

MAX_ID_BYTES = 1500
MAX_NAME_BYTES = 6 * 1024
MAX_SEGMENTS = 200  # a hundred levels of collections
_NAME = re.compile(r"projects/([^/]+)/databases/([^/]+)(?:/documents(?:/(.*))?)?\Z", re.DOTALL)
_NUMERIC_ID = re.compile(r"__id(0|-?[1-9][0-9]{0,18})__\Z")  # what Datastore called numeric ids
_RESERVED_ID = re.compile(r"__.+__\Z", re.DOTALL)  # of a field's name, `__.*__` is: there, `____` is reserved too
_NUMERIC_TAG = b"\x01"
_TEXT_TAG = b"\x02"
_INT64_BIAS = 1 << 63
AFTER_ALL = b"\xff"  # sorts after every key that continues the same prefix


class Path(NamedTuple):
    """A resource below a database's `documents`: even segments make a document, odd ones a collection.

    A tuple, as a write looks it up ten times: a dataclass computes its hash in Python.
    """

    database: str
    segments: tuple[str, ...]

    @property
    def is_document(self) -> bool:
        """Whether this names a document; the root (no segments) is none."""
        return bool(self.segments) and len(self.segments) % 2 == 0

    @property
    def name(self) -> str:
        """The full resource name."""
        return "/".join((self.database, "documents", *self.segments))

    @property
    def id(self) -> str:
        """The last segment."""
        return self.segments[-1]

    @property
    def parent(self) -> "Path":
        """One segment less."""
        return Path(self.database, self.segments[:-1])

    @property
    def key(self) -> bytes:
        """Bytes that sort as the segments do; every descendant's key starts with its ancestor's."""
        return encode_segments(self.segments)

    def child(self, *segments: str) -> "Path":
        """The path with segments appended."""
        return Path(self.database, self.segments + segments)


def encode_segments(segments: tuple[str, ...]) -> bytes:
    """An order-preserving, self-delimiting key of a relative path."""
    return b"".join([encode_segment(segment) for segment in segments])


@lru_cache(maxsize=65_536)
def encode_segment(segment: str) -> bytes:
    """The key of one segment: numeric ids come first, by number; the others by their UTF-8 bytes."""
    match = _NUMERIC_ID.match(segment)
    if match is not None and -_INT64_BIAS <= int(match[1]) < _INT64_BIAS:
        return _NUMERIC_TAG + (int(match[1]) + _INT64_BIAS).to_bytes(8, "big")
    return _TEXT_TAG + segment.encode().replace(b"\0", b"\0\xff") + b"\0\x01"


def decode_segments(key: bytes) -> tuple[str, ...]:
    """The segments that `encode_segments` was given."""
    segments = []
    at = 0
    while at < len(key):
        if key[at : at + 1] == _NUMERIC_TAG:
            segments.append(f"__id{int.from_bytes(key[at + 1 : at + 9], 'big') - _INT64_BIAS}__")
            at += 9
            continue
        end = key.index(b"\0\x01", at)
        segments.append(key[at + 1 : end].replace(b"\0\xff", b"\0").decode())
        at = end + 2
    return tuple(segments)


def parse_database(name: str) -> str:
    """`projects/…/databases/…` as it is; InvalidArgumentError if it is not that."""
    match = _NAME.match(name)
    if match is None or match[3] is not None or name.endswith("/documents"):
        raise InvalidArgumentError(f"Invalid database name {_short(name)}: expected projects/{{id}}/databases/{{id}}.")
    return name


def parse_parent(name: str) -> Path:
    """The root or the document that a collection is asked for under."""
    path = _parse(name)
    if len(path.segments) % 2:
        raise InvalidArgumentError(
            f"Invalid parent {_short(name)}: it must be a document or end in /documents, not a collection."
        )
    return path


def parse_document(name: str) -> Path:
    """The path of a document."""
    path = _parse(name)
    if not path.is_document:
        raise InvalidArgumentError(f"Document name {_short(name)} lacks a document id: it has an odd number of ids.")
    return path


def parse_resource(name: str) -> Path:
    """Any path below a database, be it a document, a collection or the root."""
    return _parse(name)


def assert_database(path: Path, database: str) -> None:
    """Raises InvalidArgumentError where a document lies in another database than the request names."""
    if path.database != database:
        raise InvalidArgumentError(f"Document {_short(path.name)} is not in the request's database {_short(database)}.")


def assert_collection_id(segment: str) -> None:
    """Raises InvalidArgumentError where no collection can be called so."""
    if "/" in segment:
        raise InvalidArgumentError(f"Collection id {_short(segment)} must not contain a slash.")
    assert_id(segment)


def _parse(name: str) -> Path:
    """Any path below a database; neighbours share the work on what is above them."""
    above, slash, id_ = name.rpartition("/")
    if slash and len(name) < MAX_NAME_BYTES // 4:
        with suppress(InvalidArgumentError):
            parent = _parse_whole(above)
            assert_id(id_)
            if len(parent.segments) < MAX_SEGMENTS:
                return parent.child(id_)
    return _parse_whole(name)  # which says what is wrong


@lru_cache(maxsize=8192)
def _parse_whole(name: str) -> Path:
    match = _NAME.match(name)
    if match is None or not (name.endswith("/documents") or match[3]):
        raise InvalidArgumentError(
            f"Invalid resource name {_short(name)}: expected projects/{{id}}/databases/{{id}}/documents/…"
        )
    if len(name.encode()) > MAX_NAME_BYTES:
        raise InvalidArgumentError(f"The document name is longer than {MAX_NAME_BYTES} bytes: {_short(name)}.")
    segments = tuple(match[3].split("/")) if match[3] else ()
    if len(segments) > MAX_SEGMENTS:
        raise InvalidArgumentError("The document name has more than 100 levels of collections.")
    for segment in segments:
        assert_id(segment)
    return Path(f"projects/{match[1]}/databases/{match[2]}", segments)


def assert_id(segment: str) -> None:
    """Raises InvalidArgumentError where neither a collection nor a document may be called so."""
    if not segment:
        raise InvalidArgumentError("Resource ids must not be empty: look for a double or trailing slash in the name.")
    if segment in {".", ".."}:
        raise InvalidArgumentError(f'Resource id "{segment}" is invalid: "." and ".." are not allowed.')
    if len(segment.encode()) > MAX_ID_BYTES:
        raise InvalidArgumentError(f"Resource id {_short(segment)} is longer than {MAX_ID_BYTES} bytes.")
    if segment.startswith("__") and _RESERVED_ID.match(segment) and not _NUMERIC_ID.match(segment):
        raise InvalidArgumentError(f"Resource id {_short(segment)} is invalid because it is reserved.")


def _short(text: str) -> str:
    """A client's text in quotes, without kilobytes of it."""
    return f'"{text}"' if len(text) <= 200 else f'"{text[:200]}…"'  # noqa: PLR2004 - enough to recognise it by
