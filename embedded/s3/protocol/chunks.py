"""Bodies in `aws-chunked`: pieces with their sizes, and perhaps their signatures and trailers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from embedded.s3.errors import S3Error
from embedded.s3.protocol.signatures import Signer

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)

MAX_CHUNK_BYTES = 64 * 1024 * 1024
_MAX_LINE_BYTES = 1024
_MAX_TRAILERS = 8
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(slots=True)
class ChunkReader:
    """Takes `source` apart. A chunk is given on when all of it has come, and its signature is right."""

    source: AsyncIterator[bytes]
    signer: Signer | None
    trailers: dict[str, str] = field(default_factory=dict)
    _waiting: bytearray = field(default_factory=bytearray)
    _previous: str = ""

    async def read(self, *, has_trailers: bool) -> AsyncIterator[bytes]:
        """The content without its form; S3Error where that is not as it should be."""
        self._previous = self.signer.signature if self.signer else ""
        while True:
            size, signature = _parse_line(await self._read_line())
            data = await self._read_exactly(size)
            self._assert_signed(
                "PAYLOAD", signature, _EMPTY_HASH, hashlib.sha256(data).hexdigest() if self.signer else ""
            )
            if not size:
                break
            if await self._read_exactly(2) != b"\r\n":
                raise S3Error("IncompleteBody", "A chunk is longer than its declared length.")
            yield data
        if has_trailers:
            await self._read_trailers()

    async def _read_trailers(self) -> None:
        lines = []
        while line := await self._read_line():
            lines.append(line)
            if len(lines) > _MAX_TRAILERS:
                raise S3Error("InvalidRequest", "The body has too many trailers.")
        fields = dict(_parse_trailer(line) for line in lines)
        signature = fields.pop("x-amz-trailer-signature", None)
        text = "".join(f"{name}:{value}\n" for name, value in fields.items())
        self._assert_signed("TRAILER", signature, hashlib.sha256(text.encode()).hexdigest())
        self.trailers.update(fields)

    def _assert_signed(self, kind: str, signature: str | None, *hashes: str) -> None:
        if self.signer is None:
            return
        right = self.signer.sign(kind, self._previous, *hashes)
        if signature is None or not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
            raise S3Error("SignatureDoesNotMatch")
        self._previous = right

    async def _read_line(self) -> bytes:
        while (end := self._waiting.find(b"\r\n")) < 0:
            if len(self._waiting) > _MAX_LINE_BYTES or not await self._read_more():
                # A trailer part may end with the body itself.
                if self._waiting:
                    raise S3Error("IncompleteBody", "The chunks of the body are malformed.")
                return b""
        line = bytes(self._waiting[:end])
        del self._waiting[: end + 2]
        return line

    async def _read_exactly(self, size: int) -> bytes:
        while len(self._waiting) < size:
            if not await self._read_more():
                raise S3Error("IncompleteBody")
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        return data

    async def _read_more(self) -> bool:
        async for data in self.source:
            self._waiting += data
            return True
        return False


def _parse_line(line: bytes) -> tuple[int, str | None]:
    """The size and the signature in `1000;chunk-signature=…`."""
    size, _, extension = line.partition(b";")
    name, _, signature = extension.partition(b"=")
    try:
        count = int(size, 16) if size.strip() == size and not size.startswith((b"+", b"-")) and b"_" not in size else -1
    except ValueError:
        count = -1
    if not 0 <= count <= MAX_CHUNK_BYTES or len(size) > 16:  # noqa: PLR2004 - digits
        raise S3Error("InvalidRequest", "A chunk's size is not valid.")
    return count, signature.decode("latin-1") if name == b"chunk-signature" else None


def _parse_trailer(line: bytes) -> tuple[str, str]:
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon:
        raise S3Error("InvalidRequest", "A trailer of the body is not valid.")
    return name.strip().lower(), value.strip()
