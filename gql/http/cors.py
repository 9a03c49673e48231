"""CORS: the origins whose pages may call from a browser, and the headers that they may send and read."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from gql.http.loopback import LOOPBACK_ORIGIN
from gql.http.requests import PREFLIGHT_HEADERS
from settings import Settings

ALLOWED_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "X-Request-Id", *PREFLIGHT_HEADERS)
EXPOSED_HEADERS = (
    "ETag",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
)
# Chromium keeps a preflight's answer for no longer.
PREFLIGHT_MAX_AGE_SECONDS = 7200


def make_cors(settings: Settings) -> Middleware:
    """CORS for `CLIPGRAPH_ALLOWED_ORIGINS`, and without an issuer for this machine's own pages.

    Callers prove themselves by headers that pages set, never by cookies: so no credentials.
    """
    return Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_origin_regex=None if settings.has_issuer else f"(?i:{LOOPBACK_ORIGIN})",
        allow_methods=("GET", "POST"),
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_MAX_AGE_SECONDS,
    )
