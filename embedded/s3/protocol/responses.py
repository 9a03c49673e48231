"""Answers, and how they are sent."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from embedded.s3.operations.objects import Found
from embedded.s3.operations.threads import run
from embedded.s3.protocol.bodies import BLOCK_BYTES, Receive
from embedded.s3.protocol.xml import Fields, make_document

Send = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Response:
    """A status, headers and a body; `found` stands for a body that is read from a file."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    found: Found | None = None


def answer_document(name: str, fields: Fields, headers: Mapping[str, str] | None = None) -> Response:
    """200 with a document."""
    return Response(200, {"content-type": "application/xml", **(headers or {})}, make_document(name, fields))


async def send_response(response: Response, receive: Receive, send: Send, *, has_body: bool) -> None:
    """The answer is sent, as far as the client wants to have it; the file of `found` is closed."""
    found = response.found
    try:
        headers = {**response.headers}
        if found is None and response.status not in {204, 304}:
            headers["content-length"] = str(len(response.body))
        encoded = [(name.encode("latin-1"), _encode(value)) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": encoded})
        if found is not None and found.descriptor is not None and has_body:
            await _send_file(found, found.descriptor, receive, send)
        else:
            await send({"type": "http.response.body", "body": response.body if has_body else b""})
    finally:
        if found is not None and found.descriptor is not None:
            os.close(found.descriptor)


async def _send_file(found: Found, descriptor: int, receive: Receive, send: Send) -> None:
    offset, end = found.slice.offset, found.slice.offset + found.slice.length
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        while offset < end and not gone.done():
            block = await run(os.pread, descriptor, min(BLOCK_BYTES, end - offset), offset)
            if not block:
                raise OSError("The file became shorter while it was sent.")
            offset += len(block)
            await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _wait_until_gone(receive: Receive) -> None:
    """Players that seek hang up in the middle of a film: nobody needs to read the rest of it."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _encode(value: str) -> bytes:
    """The value as bytes, on one line."""
    text = value.replace("\r", " ").replace("\n", " ")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
