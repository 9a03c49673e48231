"""The content of a request: counted, and taken out of its chunks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from embedded.s3.errors import S3Error
from embedded.s3.protocol.chunks import KINDS, SIGNED, UNSIGNED_TRAILER, ChunkReader
from embedded.s3.protocol.signatures import UNSIGNED, Signer

BLOCK_BYTES = 1024 * 1024

Receive = Callable[[], Awaitable[Any]]

_HEX_DIGITS = frozenset("0123456789abcdef")
_SHA256_DIGITS = 64


class RequestBody:
    """The content as an operation reads it, in blocks of a MiB and the rest."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], payload: str, signer: Signer) -> None:
        self.size = _parse_size(headers, payload)
        self.sha256 = _parse_hash(payload)
        self.trailers: dict[str, str] = {}
        self._receive = receive
        self._payload = payload
        self._signer = signer

    async def blocks(self) -> AsyncIterator[bytes]:
        """The content; IncompleteBody where less of it comes than was said."""
        waiting, taken = bytearray(), 0
        async for data in self._read():
            taken += len(data)
            if taken > self.size:
                raise S3Error("IncompleteBody", "The body is longer than its declared length.")
            waiting += data
            if len(waiting) >= BLOCK_BYTES:
                yield bytes(waiting)
                waiting.clear()
        if waiting:
            yield bytes(waiting)

    def _read(self) -> AsyncIterator[bytes]:
        if self._payload not in KINDS:
            return self._read_raw()
        is_signed = self._payload != UNSIGNED_TRAILER
        reader = ChunkReader(self._read_raw(), self._signer if is_signed else None, self.trailers)
        return reader.read(has_trailers=self._payload != SIGNED)

    async def _read_raw(self) -> AsyncIterator[bytes]:
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise S3Error("IncompleteBody")
            if event.get("body"):
                yield event["body"]
            if not event.get("more_body"):
                return


def _parse_size(headers: Mapping[str, str], payload: str) -> int:
    """Bytes of the content; of a body in chunks, that of all their data."""
    text = headers.get("x-amz-decoded-content-length") if payload in KINDS else headers.get("content-length")
    if text is None and payload not in KINDS and "transfer-encoding" not in headers:
        return 0
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004 - digits
        raise S3Error("MissingContentLength")
    return int(text)


def _parse_hash(payload: str) -> str | None:
    """The hash that was signed; None where it is of chunks, or of nothing."""
    if payload == UNSIGNED or payload in KINDS:
        return None
    if len(payload) != _SHA256_DIGITS or not set(payload) <= _HEX_DIGITS:
        raise S3Error(
            "InvalidArgument", "x-amz-content-sha256 must be a SHA-256 in hex, UNSIGNED-PAYLOAD or STREAMING-…"
        )
    return payload
