"""A request as operations see it: signed, decoded, with nothing of HTTP's form left."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from embedded.s3.errors import S3Error


class Body(Protocol):
    """The content of a request, as it comes in."""

    size: int
    """Bytes of the content itself, as the request says."""
    sha256: str | None
    """The hash of the content that was signed, in hex."""
    trailers: dict[str, str]
    """Headers that come after the content; empty before its end."""

    def blocks(self) -> AsyncIterator[bytes]:
        """The content, whole when the iteration ends; S3Error where it is not what the request said."""


@dataclass(slots=True)
class Call:
    """One request. Names of headers are in lower case; `x-amz-` parameters of signed URLs are among them."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    origin: str = field(default="")

    def get_number(self, name: str, default: int, most: int) -> int:
        """A count from the query, between 0 and `most`, which also stands for more."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 12):  # noqa: PLR2004 - no count is longer
            raise S3Error("InvalidArgument", f"{name} must be a number.")
        return min(int(text), most)
