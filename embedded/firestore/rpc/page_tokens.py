"""Pages: their sizes, and the tokens between them, opaque to clients and good only for the request they came from."""

import base64
import hashlib

from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.protos import Message


def page_fingerprint(*parts: str) -> bytes:
    """The digest that ties a page token to its request."""
    return hashlib.sha256("\n".join(parts).encode()).digest()[:8]


def encode_page_token(position: bytes, fingerprint: bytes) -> str:
    """The token of the page that begins after a position."""
    return base64.urlsafe_b64encode(fingerprint + position).decode()


def decode_page_token(token: str, fingerprint: bytes) -> bytes:
    """The position that a token holds, empty for the first page; InvalidArgumentError for another's token."""
    if not token:
        return b""
    try:
        decoded = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidArgumentError("Invalid page_token.") from error
    if decoded[: len(fingerprint)] != fingerprint:
        raise InvalidArgumentError("Invalid page_token: it does not belong to this request.")
    return decoded[len(fingerprint) :]


def page_size_of(request: Message, default: int) -> int:
    """The number of results on a page: the default where the request gives none, or one that is not positive."""
    size: int = request.page_size
    return size if size > 0 else default
