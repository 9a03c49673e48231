"""The hashes of a content while it comes in, and what they have to be."""

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from anycrc import Model

from embedded.s3.errors import S3Error
from embedded.s3.operations.call import Body
from embedded.s3.store.model import Checksum

PREFIX = "x-amz-checksum-"
FULL_OBJECT, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
DIGEST_BYTES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
MULTIPART_TYPES = {name: FULL_OBJECT if name == "crc64nvme" else COMPOSITE for name in DIGEST_BYTES}
"""How R2 makes the checksum of an object in parts: https://developers.cloudflare.com/r2/api/s3/api/#checksum-types"""

_MD5_BYTES = 16
_MODELS = {"crc32c": "CRC32-ISCSI", "crc64nvme": "CRC64-NVME"}


class Hash(Protocol):
    """The interface of hashlib's objects and ours."""

    def update(self, data: bytes, /) -> None:
        """Takes in more of the content."""

    def digest(self) -> bytes:
        """The hash of what was taken in."""


class _Crc:
    """A CRC with the face of a hash."""

    def __init__(self, algorithm: str) -> None:
        self._size = DIGEST_BYTES[algorithm]
        self._value: int | None = None
        model = _MODELS.get(algorithm)
        self._model: Any = Model(model) if model else None

    def update(self, data: bytes, /) -> None:
        if self._model is None:
            self._value = zlib.crc32(data, self._value or 0)
        elif self._value is None:
            self._value = self._model.calc(data)
        else:
            self._value = self._model.calc(data, self._value)

    def digest(self) -> bytes:
        return int(self._value or 0).to_bytes(self._size, "big")


def make_hash(algorithm: str) -> Hash:
    """A hash of one of R2's checksum algorithms."""
    if algorithm.startswith("crc"):
        return _Crc(algorithm)
    return hashlib.new(algorithm, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """The client's claims about the content; `algorithm` is of a checksum whose value may come in a trailer."""

    size: int
    md5: bytes | None
    sha256: str | None
    algorithm: str | None
    checksum: str | None


def parse_expected(headers: Mapping[str, str], body: Body, algorithm: str | None = None) -> Expected:
    """The headers' claims; InvalidDigest where they cannot be right. `algorithm` is computed if no other is named."""
    named = [name for name in DIGEST_BYTES if PREFIX + name in headers]
    trailing = headers.get("x-amz-trailer", "").strip().lower().removeprefix(PREFIX)
    if len(named) + bool(trailing) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header.")
    if trailing and trailing not in DIGEST_BYTES:
        raise S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported.")
    found = named[0] if named else trailing or None
    value = headers[PREFIX + found] if found and named else None
    if value is not None:
        _decode(value, DIGEST_BYTES[str(found)])
    md5 = headers.get("content-md5")
    return Expected(
        body.size, None if md5 is None else _decode(md5, _MD5_BYTES), body.sha256, found or algorithm, value
    )


class Digests:
    """The hashes that a content needs; `check_whole` is for its end."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if expected.sha256 else None
        self._checksum = make_hash(expected.algorithm) if expected.algorithm else None

    def update(self, data: bytes) -> None:
        """Takes in more of the content."""
        self.size += len(data)
        for each in (self._md5, self._sha256, self._checksum):
            if each is not None:
                each.update(data)

    @property
    def etag(self) -> str:
        """The MD5 in hex."""
        return self._md5.hexdigest()

    @property
    def checksum(self) -> Checksum | None:
        """The checksum of the algorithm that the client has named."""
        if self._checksum is None or self._expected.algorithm is None:
            return None
        return Checksum(self._expected.algorithm, base64.b64encode(self._checksum.digest()).decode())

    def assert_expected(self, trailers: Mapping[str, str]) -> None:
        """Raises IncompleteBody, XAmzContentSHA256Mismatch or BadDigest where the content is not what was said."""
        expected = self._expected
        if self.size != expected.size:
            raise S3Error("IncompleteBody")
        if self._sha256 is not None and not hmac.compare_digest(self._sha256.hexdigest(), str(expected.sha256)):
            raise S3Error("XAmzContentSHA256Mismatch")
        if expected.md5 is not None and self._md5.digest() != expected.md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        value = expected.checksum or trailers.get(f"{PREFIX}{expected.algorithm}")
        if value is not None and self.checksum is not None and value != self.checksum.value:
            raise S3Error("BadDigest", f"The {self.checksum.algorithm} you specified did not match what we received.")


def compose(algorithm: str, values: list[str]) -> Checksum:
    """The checksum of an object in parts: that of the parts' checksums, and how many they are."""
    composed = make_hash(algorithm)
    for value in values:
        composed.update(base64.b64decode(value))
    return Checksum(algorithm, f"{base64.b64encode(composed.digest()).decode()}-{len(values)}", COMPOSITE)


def combine(values: list[tuple[str, int]]) -> Checksum:
    """The CRC64NVME of a content, from those of its pieces and their lengths."""
    model, total = Model("CRC64-NVME"), None
    for value, size in values:
        crc = int.from_bytes(base64.b64decode(value), "big")
        total = crc if total is None else model.combine(total, crc, size)
    return Checksum("crc64nvme", base64.b64encode(int(total or 0).to_bytes(8, "big")).decode())


def _decode(text: str, size: int) -> bytes:
    """The digest that the base64 text stands for; InvalidDigest where it is none of that size."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise S3Error("InvalidDigest") from None
    if len(digest) != size:
        raise S3Error("InvalidDigest")
    return digest
