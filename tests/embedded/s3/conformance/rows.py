"""The rows: one rule of R2 each, its source, the given objects, the request, the expected answer and state.

In headers, queries and bodies, `{bucket}` is the row's own bucket, `{a.etag}` the ETag of the given object `a`, and
`{upload}`, `{1.etag}` the row's open upload and the ETags of its parts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

CLOUDFLARE = "https://developers.cloudflare.com/r2"
SOURCES = {
    "api": f"{CLOUDFLARE}/api/s3/api/",
    "errors": f"{CLOUDFLARE}/api/error-codes/",
    "extensions": f"{CLOUDFLARE}/api/s3/extensions/",
    "conditions": f"{CLOUDFLARE}/api/s3/conditional-operations/",
    "presigned": f"{CLOUDFLARE}/api/s3/presigned-urls/",
    "cors": f"{CLOUDFLARE}/buckets/cors/",
    "limits": f"{CLOUDFLARE}/platform/limits/",
    "multipart": f"{CLOUDFLARE}/objects/multipart-objects/",
    "unicode": f"{CLOUDFLARE}/reference/unicode-interoperability/",
    "notes": f"{CLOUDFLARE}/platform/release-notes/",
    "docs-32436": "https://github.com/cloudflare/cloudflare-docs/pull/32436",
    "regions": "https://github.com/jeessy2/backup-x/issues/127",
    "expires": "https://github.com/cloudreve/cloudreve/issues/2176",
    "header": "https://github.com/openreplay/openreplay/issues/2018",
    "tagging": "https://github.com/open-webui/open-webui/issues/13547",
    "parts": "https://github.com/CapSoftware/Cap/issues/2275",
    "petdex": "https://github.com/crafter-station/petdex/issues/465",
    "aws": "https://docs.aws.amazon.com/AmazonS3/latest/API/",
    "aws-streaming": "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html",
    "aws-auth": "https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html",
    "rfc9110": "https://www.rfc-editor.org/rfc/rfc9110",
    "rfc2047": "https://www.rfc-editor.org/rfc/rfc2047",
    "issue": "what issue 15 decides, where neither says it",
}
"""What a row's `source` stands for: R2's pages, answers that users of R2 got, and AWS's pages where R2 follows."""

ROWS: list["Row"] = []


@dataclass(frozen=True)
class Given:
    """An object that is there before."""

    body: bytes = b"0123456789"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One request, and what must come of it.

    `gives` are headers of the answer (None: it has none of that name), `says` texts of its document by path, and
    `leaves` the objects that differ afterwards (None: gone); all others must be as they were. `parts` opens an upload
    of the key `big` with parts of these contents.
    """

    source: str
    what: str
    method: str = "GET"
    path: str = "a"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    given: Mapping[str, Given] = field(default_factory=lambda: {"a": Given()})
    parts: Sequence[bytes] | None = None
    cors: bytes | None = None
    status: int = 200
    code: str | None = None
    message: str | None = None
    gives: Mapping[str, str | None] = field(default_factory=dict)
    says: Mapping[str, Sequence[str]] = field(default_factory=dict)
    content: bytes | None = None
    leaves: Mapping[str, bytes | None] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Such as a-suffix-range-gives-the-end."""
        return re.sub(r"[^a-z0-9]+", "-", self.what.lower()).strip("-")


def each_row(*rows: Row) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Runs a test once a row, under the row's id."""
    ROWS.extend(rows)
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in rows])


def scenario(source: str, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a row of a test that says for itself what it does."""
    ROWS.append(Row(source=source, what=what))

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        assert source in SOURCES
        return test

    return mark


def fill(text: str, values: Mapping[str, Any]) -> str:
    """The text with the values for its `{name}`s."""
    return re.sub(r"\{([\w./-]+)\}", lambda found: str(values.get(found[1], found[0])), text)
