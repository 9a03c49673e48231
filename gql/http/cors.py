"""CORS: the origins whose pages may call from a browser, and the headers that they may send and read."""

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from gql.http.origins import OriginPolicy, log_refused_headers, log_refused_origin
from gql.http.requests import PREFLIGHT_HEADERS
from settings import APOLLO_HEADERS, TRACING_HEADERS, Settings

OWN_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "X-Request-Id", *PREFLIGHT_HEADERS)
"""The headers that the API reads."""

BUILT_IN_HEADERS = (*OWN_HEADERS, *TRACING_HEADERS, *APOLLO_HEADERS)
"""The headers that pages of allowed origins may always send; `CLIPGRAPH_ALLOWED_HEADERS` adds others."""

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


class Cors(CORSMiddleware):
    """Starlette's CORS under an origin policy; each refused preflight is a line of the log that says what to set.

    Callers prove themselves by headers that pages set, never by cookies: so no credentials.
    """

    def __init__(self, app: ASGIApp, policy: OriginPolicy, allowed_headers: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=policy.allowed_origins,
            allow_origin_regex=policy.pattern,
            allow_methods=("GET", "POST"),
            allow_headers=(*BUILT_IN_HEADERS, *allowed_headers),
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_MAX_AGE_SECONDS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a browser that asks whether a page may send a request."""
        origin = request_headers["origin"]
        if not self.is_allowed_origin(origin):
            log_refused_origin(origin)
        elif refused := self._find_refused(request_headers.get("access-control-request-headers", "")):
            log_refused_headers(refused)
        return super().preflight_response(request_headers)

    def _find_refused(self, names: str) -> list[str]:
        """The names of headers, in a list with commas, that pages may not send."""
        given = (name.strip().lower() for name in names.split(","))
        return [name for name in given if name and name not in self.allow_headers]


def make_cors(settings: Settings, policy: OriginPolicy) -> Middleware:
    """CORS for the policy's origins, with the built-in headers and `CLIPGRAPH_ALLOWED_HEADERS`."""
    return Middleware(Cors, policy, settings.allowed_headers)
