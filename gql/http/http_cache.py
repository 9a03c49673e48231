"""Cacheable responses: trusted documents by GET, for less time than their URLs are valid."""

import hashlib
import re
import time
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

MAX_AGE_SECONDS = 60
"""After it a browser asks again, and mostly hears that nothing changed (304)."""

# As `storage/signing.py` writes them into each URL.
_EXPIRY = re.compile(rb"X-Amz-Date=(\d{8}T\d{6}Z)&X-Amz-Expires=(\d{1,6})(?!\d)")


def may_be_cached(request: Request) -> bool:
    """Whether the request is a GET of a trusted document."""
    return request.method == "GET" and "documentId" in request.query_params


def make_cacheable(request: Request, response: Response, data: bytes, vary: str) -> Response:
    """The response with `ETag` and `Cache-Control`; 304 without a body if the client has it already.

    The tag covers the encoded `data` alone, without the cost of the request.
    """
    max_age_seconds = choose_max_age_seconds(bytes(response.body), time.time())
    etag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"private, max-age={max_age_seconds}" if max_age_seconds > 0 else "private, no-cache",
        "Vary": vary,
    }
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def choose_max_age_seconds(body: bytes, now_seconds: float) -> int:
    """At most half of the remaining validity of each URL inside, so that a cached page can still use them."""
    expiries = [_read_expiry(date, expires_in) for date, expires_in in _EXPIRY.findall(body)]
    return min([MAX_AGE_SECONDS, *(int((expiry - now_seconds) / 2) for expiry in expiries)])


def _read_expiry(date: bytes, expires_in: bytes) -> float:
    signed_at = datetime.strptime(date.decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed_at.timestamp() + int(expires_in)


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether one of the tags is ours, weak or not: GET compares weakly."""
    given = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in given or etag.removeprefix("W/") in given
