"""A content that comes in: hashed and written block by block, never held as a whole."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from embedded.s3.errors import S3Error
from embedded.s3.operations.call import Call
from embedded.s3.operations.digests import Digests, parse_expected
from embedded.s3.operations.threads import run
from embedded.s3.store.drafts import Draft
from embedded.s3.store.store import Store

MAX_UPLOAD_BYTES = 5 * 1024**3
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
"""The longest list that the limits allow: 10,000 parts with their checksums."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taken:
    """A content that is whole and as it was said to be, in a sealed draft; `beginning` is its first block."""

    draft: Draft
    digests: Digests
    beginning: bytes


async def take_in(store: Store, call: Call, finish: Callable[[Taken], T], algorithm: str | None = None) -> T:
    """The result of `finish`, called in a thread with the content of the request."""
    if call.body.size > MAX_UPLOAD_BYTES:
        raise S3Error("EntityTooLarge")
    digests = Digests(parse_expected(call.headers, call.body, algorithm))
    beginning = waiting = b""
    with store.open_draft() as draft:

        def write(block: bytes) -> None:
            digests.update(block)
            draft.write(block)

        def end() -> T:
            write(waiting)
            digests.assert_expected(call.body.trailers)
            draft.seal()
            return finish(Taken(draft, digests, beginning))

        async for block in call.body.blocks():
            if waiting:
                await run(write, waiting)
            waiting = block
            beginning = beginning or block[:512]
        return await run(end)


async def read_document(call: Call) -> bytes:
    """The content of a request that is a document, checked as all contents are."""
    if call.body.size > MAX_DOCUMENT_BYTES:
        raise S3Error("MaxMessageLengthExceeded")
    digests = Digests(parse_expected(call.headers, call.body))
    blocks = [block async for block in call.body.blocks()]
    for block in blocks:
        digests.update(block)
    digests.assert_expected(call.body.trailers)
    return b"".join(blocks)
