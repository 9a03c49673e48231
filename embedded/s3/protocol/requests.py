"""From an ASGI scope to a call that is known to be allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from embedded.s3.errors import S3Error
from embedded.s3.operations.call import Call
from embedded.s3.protocol.bodies import Receive, RequestBody
from embedded.s3.protocol.signatures import Message, parse_claim, verify_signature
from embedded.s3.store.names import assert_key, check_utf8

IGNORED_PARAMETERS = ("x-id", "x-purpose")
"""R2 ignores them: https://developers.cloudflare.com/r2/platform/release-notes/ of 2023-12-11 and 2024-06-06."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request before anybody has looked at its signature; bucket and key are empty where the path has none."""

    message: Message
    bucket: str
    key: str
    headers: Mapping[str, str]

    @property
    def query(self) -> dict[str, str]:
        """The parameters that say what is asked; those of the signature and of headers are not among them."""
        return {
            name: value
            for name, value in self.message.query
            if not name.lower().startswith("x-amz-") and name not in IGNORED_PARAMETERS
        }


def parse_request(scope: Any) -> Request:
    """The request in an ASGI scope."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    query = _parse_query(scope["query_string"])
    message = Message(scope["method"], scope["raw_path"], query, headers)
    bucket, _, key = _decode(scope["raw_path"]).removeprefix("/").partition("/")
    in_url = {name.lower(): value for name, value in query if name.lower().startswith("x-amz-")}
    merged = in_url | {name: _decode_value(message.get_header(name) or "") for name, _ in headers}
    return Request(message, bucket, key, merged)


def authorize(request: Request, receive: Receive, credentials: Mapping[str, str]) -> Call:
    """The call that the request makes with one of the key pairs (id → secret)."""
    claim = parse_claim(request.message)
    secret = credentials.get(claim.access_key_id)
    if secret is None:
        raise S3Error("Unauthorized")
    if "x-amz-security-token" in request.headers:
        raise S3Error("InvalidArgument", "X-Amz-Security-Token")
    signer = verify_signature(request.message, claim, secret, datetime.now(UTC))
    if request.key:
        assert_key(request.key)
    if not check_utf8(request.bucket) or not all(check_utf8(text) for pair in request.message.query for text in pair):
        raise S3Error("InvalidArgument", "The URL is not valid UTF-8.")
    body = RequestBody(receive, request.headers, claim.payload, signer)
    return Call(request.message.method, request.bucket, request.key, request.query, request.headers, body)


def _parse_query(query: bytes) -> list[tuple[str, str]]:
    pairs = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return [(_decode(name.replace(b"+", b" ")), _decode(value.replace(b"+", b" "))) for name, _, value in pairs]


def _decode(quoted: bytes) -> str:
    return unquote_to_bytes(quoted).decode("utf-8", "surrogateescape")


def _decode_value(value: str) -> str:
    """The header's value, which many clients send as UTF-8, though HTTP knows of latin-1 only."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
