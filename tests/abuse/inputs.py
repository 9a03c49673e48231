"""Inputs for a fuzzer: what clients send, in raw bytes, changed at random but the same for the same seed."""

import json
import random
from collections.abc import Callable
from functools import partial

DOCUMENTS = (
    "{ __typename }",
    "{ viewer { userId roles } }",
    (
        "query Q($n: Int = 3) { videos(first: $n) { nodes { ...V } pageInfo { endCursor } totalCount } } "
        "fragment V on Video { id title clips(first: 2) { nodes { id url thumbnailUrl } } cover { id } }"
    ),
    '{ video(videoId: "v1") { id status clipsByStyle { style count } highlights { sceneId title } } }',
    'query ($id: ID = "VmlkZW86ZGVtby92MQ==") { node(id: $id) { id ... on Clip { clipId } } }',
    'mutation { updateVideoStatus(input: {videoId: "none", status: FAILED}) { __typename } }',
    "mutation ($i: CreateClipsInput!) { createClips(input: $i) { ... on InvalidInput { path message } } }",
    "{ __schema { types { name fields { name args { name defaultValue } } } } }",
    "subscription { videoEvents { __typename } }",
)
VARIABLES: tuple[object, ...] = (
    {}, None, {"n": 3}, {"n": -1}, {"n": 2**40}, {"n": "3"}, {"n": None}, {"id": "x" * 300}, {"id": "\ud83d"}, [], 7,
    {"i": {"videoId": "none", "clips": []}}, {"i": {"videoId": "\u0000/..", "clips": [{}]}},
)  # fmt: skip
HEADERS = (
    b"Content-Type: application/json", b"Content-Type: text/plain", b"Content-Type: application/json; charset=utf-16",
    b"Content-Type: multipart/form-data; boundary=x", b"Accept: application/graphql-response+json",
    b"Accept: text/event-stream", b"Accept: multipart/mixed", b"Accept: text/html", b"Authorization: Bearer x",
    b"Authorization: Bearer cg_" + b"a" * 50, b"Authorization: \xff\xfe", b"Host: evil.example", b"Origin: null",
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Connection: close",
    b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"X-Forwarded-For: ::1, 10.0.0.1",
    b"X-Request-Id: " + b"\xe9" * 20, b"GraphQL-Require-Preflight: 1", b"Sec-WebSocket-Key: x",
    b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Protocol: graphql-transport-ws", b"X: " + b"y" * 70_000,
)  # fmt: skip
TOKENS = (
    b"\r\n", b"\r\n\r\n", b"\0", b"\xff", b"\xed\xa0\x80", b"{", b"}", b"[" * 50, b'"', b'"""', b"\\", b"\\u0000",
    b"...", b"@", b"$", b"#", b"1e999", b"-0", b"null", b"true", b"9" * 40,
    b"\xef\xbb\xbf", b"%00", b"%ff", b"fragment",
    b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"HTTP/1.1", b"HTTP/0.9", b" ", b"\t",
    b"&query=", b"__schema", b"\xe2\x80\xae",
)  # fmt: skip
MESSAGES: tuple[object, ...] = (
    {"type": "ping"}, {"type": "pong", "payload": {}}, {"type": "ping", "payload": 7}, {"type": "complete", "id": "1"},
    {"type": "connection_init"}, {"type": "connection_init", "payload": {"Authorization": "Bearer x"}},
    {"type": "connection_init", "payload": []}, {"type": "subscribe", "id": 1}, {"type": "next"}, {"type": 7}, [], None,
    {"type": "subscribe", "id": "1", "payload": None}, {"type": "subscribe", "id": "1", "payload": {"query": 7}},
    {"type": "subscribe", "id": "1" * 1000, "payload": {"query": "{ __typename }", "documentId": "x"}},
)  # fmt: skip
Changed = Callable[[bytes], bytes]


class Inputs:
    """An endless row of inputs, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  nobody is to be kept from guessing it

    def make_request(self) -> bytes:
        """The raw bytes of an HTTP request, or of what nearly is one."""
        request = self._write_get() if self._random.random() < 0.25 else self._write_post()
        return self._change(request) if self._random.random() < 0.3 else request

    def make_frames(self) -> bytes:
        """The raw bytes of what a client sends on a WebSocket, most of it after a proper `connection_init`."""
        messages = [self._write_message() for _ in range(self._random.randint(1, 6))]
        opening = [b'{"type":"connection_init"}'] if self._random.random() < 0.9 else []
        frames = b"".join(map(self._write_frame, [*opening, *messages]))
        return self._change(frames) if self._random.random() < 0.2 else frames

    def _write_post(self) -> bytes:
        body = self._write_body()
        line = self._random.choice(
            [b"POST /graphql HTTP/1.1"] * 8 + [b"PUT /graphql HTTP/1.1", b"POST //graphql HTTP/1.0"]
        )
        return self._write_head(line, [b"Content-Length: %d" % len(body)]) + body

    def _write_get(self) -> bytes:
        path = self._random.choice((b"/graphql", b"/", b"/livez", b"/graphql/assets/main.js", b"/graphql/assets/..%2f"))
        query = self._write_document().replace(b" ", b"+").replace(b"#", b"%23")
        return self._write_head(b"GET %s?query=%s HTTP/1.1" % (path, query), [b"GraphQL-Require-Preflight: 1"])

    def _write_head(self, line: bytes, headers: list[bytes]) -> bytes:
        odd = self._random.sample(HEADERS, self._random.choice((0, 0, 0, 1, 2)))
        return b"\r\n".join([line, b"Host: localhost", b"Content-Type: application/json", *headers, *odd, b"", b""])

    def _write_body(self) -> bytes:
        request = {
            "query": self._write_document().decode("utf-8", "replace"),
            "variables": self._random.choice(VARIABLES),
            "operationName": self._random.choice((None, None, None, "Q", "", 7)),
            "extensions": self._random.choice((None, None, {}, [], {"persistedQuery": {"version": 1}})),
        }
        body = json.dumps(request if self._random.random() < 0.95 else [request]).encode()
        return self._change(body) if self._random.random() < 0.2 else body

    def _write_document(self) -> bytes:
        document = self._random.choice(DOCUMENTS).encode()
        return self._change(document) if self._random.random() < 0.4 else document

    def _write_message(self) -> bytes:
        if self._random.random() < 0.4:
            message = json.dumps(self._random.choice(MESSAGES)).encode()
            return self._change(message) if self._random.random() < 0.3 else message
        operation_id = self._random.choice("12")
        return b'{"type":"subscribe","id":"%s","payload":%s}' % (operation_id.encode(), self._write_body())

    def _write_frame(self, payload: bytes) -> bytes:
        opcode = self._random.choice([1] * 200 + [0, 2, 8, 9, 10, 3, 15])
        final = self._random.choice([0x80] * 200 + [0, 0xC0, 0xF0])
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + min(length, 65_535).to_bytes(2, "big")
        # A mask of zeros leaves the payload as it is.
        return bytes([final | opcode]) + size + b"\0\0\0\0" + payload[:65_535]

    def _change(self, data: bytes) -> bytes:
        for _ in range(self._random.choice((1, 1, 2, 4, 16))):
            data = self._random.choice(self._changes)(data)
        return data

    @property
    def _changes(self) -> list[Changed]:
        return [
            self._flip,
            self._remove,
            self._repeat,
            *[partial(self._insert, token) for token in TOKENS[:4]],
            self._put,
        ]

    def _flip(self, data: bytes) -> bytes:
        at = self._random.randrange(len(data) or 1)
        return data[:at] + bytes([self._random.randrange(256)]) + data[at + 1 :]

    def _remove(self, data: bytes) -> bytes:
        start = self._random.randrange(len(data) or 1)
        return data[:start] + data[start + self._random.randint(1, 8) :]

    def _repeat(self, data: bytes) -> bytes:
        start = self._random.randrange(len(data) or 1)
        return (
            data[:start]
            + data[start : start + self._random.randint(1, 40)] * self._random.choice((2, 3, 20))
            + data[start:]
        )

    def _put(self, data: bytes) -> bytes:
        return self._insert(self._random.choice(TOKENS), data)

    def _insert(self, token: bytes, data: bytes) -> bytes:
        at = self._random.randint(0, len(data))
        return data[:at] + token + data[at:]
