"""Where a caller's text enters the server, and how a search changes such a text."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

Write = Callable[[bytes, str], bytes]

# What the server reads of a request's head, and twice the length that anything else needs.
MAX_HEAD_BYTES = 60_000
MAX_BODY_BYTES = 250_000
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
HEADERS = (
    "Accept", "Content-Type", "Authorization", "Origin", "If-None-Match", "X-Forwarded-For", "X-Request-Id", "Cookie",
    "Content-Encoding", "Access-Control-Request-Headers", "Sec-WebSocket-Protocol", "X-Anything",
)  # fmt: skip
MUTATIONS = ("createVideo", "createClips", "updateVideo", "updateVideoStatus", "deleteClip", "createUploadUrls")
_SEEDS_OF_TEXT = (
    b"eyJaaaaa-", b"eyJhbGciOiJSUzI1NiJ9.e30.AAAA", b"input_value=", b"title='", b'"\\', b"Signature=", b"bearer ",
    b"clip_1_1_", b"-----BEGIN A PRIVATE KEY-----", b"Did you mean", b"%2e%2e/", b"; q=", b'application/json;"',
    b"text/event-stream,", b'W/"a",', b"gzip,", b"1.1.1.1,", b"cg_aaaaaaaaaaaaaaaaaaaa",
)  # fmt: skip
_SEEDS_OF_DOCUMENTS = (
    b"{ viewer { userId roles } }", b"{ videos(first: 3) { nodes { id clips { nodes { id url } } } } }",
    b'query ($a: [ID!] = ["x"]) { node(id: "VmlkZW86") { __typename ...F } } fragment F on Video { id }',
    b'mutation { createVideo(input: {videoId: "v", videoUrl: "u"}) { __typename } }', b'{ a(b: """c""") @d { e } }',
)  # fmt: skip
_SEEDS_OF_VARIABLES = (
    b'{"input": {"videoId": "v", "videoUrl": "https://youtu.be/dQw4w9WgXcQ", "title": "t"}}',
    b'{"input": {"\\u0020": 1}}',
    b'{"input": {"videoId": "v", "clips": [{"filename": "clip_1_1_a_b.mp4", "startTime": "00:00:01"}]}}',
    b'{"input": {"status": "COMPLETE"}}', b'{"input": [[[[]]]]}', b'{"input": {"videoUrl": "youtube.com/watch?v=&v="}}',
)  # fmt: skip
_SEEDS_OF_FRAMES = (
    *(
        b'{"type":"subscribe","id":"1","payload":{"query":%s}}' % json.dumps(text.decode()).encode()
        for text in _SEEDS_OF_DOCUMENTS
    ),
    b'{"type":"ping","payload":{}}',
    b'{"type":"complete","id":"1"}',
)
_TOKENS = (
    b" ", b"\t", b'"', b"'", b"\\", b"\\\\", b"{", b"[", b"(", b",", b";", b"=", b":", b"a", b"0", b"_", b"-", b".",
    b"/", b"?", b"&", b"%20", b"...", b"@a", b"$a", b"#", b"\\u0020", b"\\ud800", b"eyJ", b"title", b'"""', b"\xc3\xa4",
)  # fmt: skip


@dataclass(frozen=True)
class Surface:
    """A place for text: what is tried first, how long it may be, and how a request is made of it."""

    name: str
    seeds: tuple[bytes, ...]
    max_bytes: int
    write: Write


def _write_head(line: bytes, headers: str, body: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return line + f" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}{length}\r\n".encode() + body


def _clean(text: bytes) -> bytes:
    """The text that a head can hold: HTTP's parser refuses the rest at once."""
    return bytes(byte for byte in text if byte >= 0x20 and byte != 0x7F)


def _write_path(text: bytes, proof: str) -> bytes:
    return _write_head(b"GET /" + _clean(text).replace(b" ", b"%20"), proof)


def _write_query_string(text: bytes, proof: str) -> bytes:
    line = b"GET /graphql?query=" + _clean(text).replace(b" ", b"+")
    return _write_head(line, f"{proof}GraphQL-Require-Preflight: 1\r\n")


def _in_header(name: str) -> Write:
    def write(text: bytes, proof: str) -> bytes:
        body = b'{"query": "{ __typename }"}'
        given = f"{name}: ".encode() + _clean(text).strip() + b"\r\n"
        proof = "" if name == "Authorization" else proof
        kind = "" if name == "Content-Type" else "Content-Type: application/json\r\n"
        head = _write_head(b"POST /graphql", proof + kind, body)
        return head.replace(b"\r\n\r\n", b"\r\n" + given + b"\r\n", 1)

    return write


def _post(body: bytes, proof: str) -> bytes:
    return _write_head(b"POST /graphql", f"{proof}Content-Type: application/json\r\n", body)


def _write_document(text: bytes, proof: str) -> bytes:
    return _post(json.dumps({"query": text.decode("utf-8", "replace")}).encode(), proof)


def _in_variables(mutation: str) -> Write:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    query = f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ __typename }} }}"
    return lambda text, proof: _post(b'{"query": "%s", "variables": %s}' % (query.encode(), text), proof)


def write_frame(payload: bytes) -> bytes:
    """A masked text frame; its mask of zeros leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = b"\xfe" + size.to_bytes(2, "big") if size < 65_536 else b"\xff" + size.to_bytes(8, "big")
    return b"\x81" + length + b"\0\0\0\0" + payload


def _write_frames(text: bytes, proof: str) -> bytes:
    """A socket that introduces itself, says the text, and closes."""
    shown = json.dumps({"Authorization": proof.partition(": ")[2].strip()}).encode()
    opening = write_frame(b'{"type":"connection_init","payload":%s}' % shown)
    return HANDSHAKE + opening + write_frame(text) + b"\x88\x82\0\0\0\0\x03\xe8"


SURFACES = (
    Surface("path", _SEEDS_OF_TEXT, MAX_HEAD_BYTES, _write_path),
    Surface("query string", _SEEDS_OF_DOCUMENTS, MAX_HEAD_BYTES, _write_query_string),
    *(Surface(f"header {name}", _SEEDS_OF_TEXT, MAX_HEAD_BYTES, _in_header(name)) for name in HEADERS),
    Surface("document", _SEEDS_OF_DOCUMENTS, MAX_BODY_BYTES, _write_document),
    *(Surface(f"variables of {name}", _SEEDS_OF_VARIABLES, MAX_BODY_BYTES, _in_variables(name)) for name in MUTATIONS),
    Surface("body", _SEEDS_OF_VARIABLES + _SEEDS_OF_TEXT, MAX_BODY_BYTES, _post),
    Surface("frame", _SEEDS_OF_FRAMES, MAX_BODY_BYTES, _write_frames),
)


def change(text: bytes, other: bytes, chance: random.Random, max_bytes: int) -> bytes:
    """The text changed at random once to four times, with parts of another."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        start, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        part = text[start:end]
        match chance.randrange(6):
            case 0 | 1:
                text = text[:start] + part[:200] * chance.choice((2, 8, 64, 512)) + text[end:]
            case 2 | 3:
                token = chance.choice(_TOKENS) * chance.choice((1, 1, 8, 64, 1024))
                text = text[:start] + token + text[start:]
            case 4:
                text = text[:start] + text[start + chance.choice((1, 4, 64)) :]
            case _:
                text = text[:start] + other[: chance.randrange(len(other) + 1)] + text[end:]
    return text[:max_bytes]
