"""Requests whose length two parsers could read differently: each is refused, and what it hides is never answered."""

import asyncio
import contextlib

import pytest

from tests.abuse.conftest import Target
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

BODY = b'{"query":"{ viewer { userId } }"}'
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: 1\r\n\r\n"
CHUNKED = b"0\r\n\r\n"


def write(*headers: bytes, body: bytes = b"", line: bytes = b"POST /graphql HTTP/1.1") -> bytes:
    """The bytes of a request with exactly these headers."""
    return b"\r\n".join([line, b"Host: localhost", b"Content-Type: application/json", *headers, b"", body])


CL = b"Content-Length: %d" % len(CHUNKED + HIDDEN)
CASES = {
    "length and chunks": write(CL, b"Transfer-Encoding: chunked", body=CHUNKED + HIDDEN),
    "chunks and length": write(b"Transfer-Encoding: chunked", CL, body=CHUNKED + HIDDEN),
    "chunks in capitals": write(CL, b"TRANSFER-ENCODING: CHUNKED", body=CHUNKED + HIDDEN),
    "chunks after a tab": write(CL, b"Transfer-Encoding:\tchunked", body=CHUNKED + HIDDEN),
    "chunks in quotes": write(CL, b'Transfer-Encoding: "chunked"', body=CHUNKED + HIDDEN),
    "chunks that are none": write(CL, b"Transfer-Encoding: xchunked", body=CHUNKED + HIDDEN),
    "chunks and identity": write(CL, b"Transfer-Encoding: chunked, identity", body=CHUNKED + HIDDEN),
    "identity and chunks": write(CL, b"Transfer-Encoding: identity, chunked", body=CHUNKED + HIDDEN),
    "chunks twice": write(CL, b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=CHUNKED + HIDDEN),
    "space before the colon": write(CL, b"Transfer-Encoding : chunked", body=CHUNKED + HIDDEN),
    "folded header": write(CL, b"Transfer-Encoding:\r\n chunked", body=CHUNKED + HIDDEN),
    "header with a zero": write(CL, b"Transfer-Encoding: chunked\0", body=CHUNKED + HIDDEN),
    "vertical tab": write(CL, b"Transfer-Encoding: \x0bchunked", body=CHUNKED + HIDDEN),
    "two lengths": write(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "two lengths in one": write(b"Content-Length: 0, %d" % len(HIDDEN), body=HIDDEN),
    "length with a sign": write(b"Content-Length: +%d" % len(HIDDEN), body=HIDDEN),
    "negative length": write(b"Content-Length: -1", body=HIDDEN),
    "length in hexadecimal": write(b"Content-Length: 0x10", body=HIDDEN),
    "length with a space": write(b"Content-Length: 1 0", body=HIDDEN),
    "length of 30 digits": write(b"Content-Length: " + b"9" * 30, body=HIDDEN),
    "length with another kind of digits": write("Content-Length: ٣".encode(), body=HIDDEN),
    "chunk with a sign": write(b"Transfer-Encoding: chunked", body=b"+5\r\nabcde\r\n" + CHUNKED + HIDDEN),
    "chunk in 0x": write(b"Transfer-Encoding: chunked", body=b"0x5\r\nabcde\r\n" + CHUNKED + HIDDEN),
    "chunk of 17 digits": write(b"Transfer-Encoding: chunked", body=b"1" + b"0" * 16 + b"\r\n" + HIDDEN),
    "chunk longer than it says": write(b"Transfer-Encoding: chunked", body=b"1\r\nabcde\r\n" + CHUNKED + HIDDEN),
    "line feeds alone": write(CL, b"Transfer-Encoding: chunked").replace(b"\r\n", b"\n") + CHUNKED + HIDDEN,
    "returns alone in a header": write(CL, b"X: a\rTransfer-Encoding: chunked", body=CHUNKED + HIDDEN),
    "HTTP/1.0 with chunks": write(
        CL, b"Transfer-Encoding: chunked", body=CHUNKED + HIDDEN, line=b"POST /graphql HTTP/1.0"
    ),
    "two hosts": write(b"Host: evil.example", b"Content-Length: 0", body=b""),
    "space in the line": write(b"Content-Length: 0", line=b"POST /graphql evil HTTP/1.1"),
}


def test_there_are_as_many_cases_as_were_tried() -> None:
    """The table of smuggling cases has lost no row."""
    assert len(CASES) >= 21


async def exchange(target: Target, request: bytes, silence_seconds: float = 2) -> bytes:
    """All that the server says until it hangs up, or is silent for so long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    answer = bytearray()
    with contextlib.suppress(TimeoutError, ConnectionError):
        writer.write(request)
        while part := await asyncio.wait_for(reader.read(65_536), silence_seconds):
            answer += part
    writer.transport.abort()
    return bytes(answer)


async def test_whole_request_and_the_next_are_two(target: Target) -> None:
    """The control of the cases below: in plain form, two requests have two answers."""
    answer = await exchange(target, write(b"Content-Length: %d" % len(BODY), body=BODY) + HIDDEN, PATIENCE_SECONDS)
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b'"userId":"demo"' in answer


@pytest.mark.parametrize("name", CASES)
async def test_request_of_two_lengths_is_refused(target: Target, name: str) -> None:
    """The hidden one behind it is never answered as a request of its own behind one that was taken."""
    answer = await exchange(target, CASES[name])
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert b"200" not in statuses, (name, answer)
    assert len(statuses) <= 1, (name, answer)
    assert all(status.startswith(b"4") for status in statuses), (name, answer)
