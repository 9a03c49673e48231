"""The origins whose pages may use the API: one rule for HTTP, WebSockets and event streams."""

import re
from functools import cached_property

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin

from gql.errors import ErrorCode
from gql.http.responses import error_response
from settings import Settings

log = structlog.get_logger(__name__)

LOOPBACK = r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
"""The names of this machine, with a port or without."""

NOT_ALLOWED = "The page's origin is not allowed. CLIPGRAPH_ALLOWED_ORIGINS lists the allowed origins."
# Of a log line: names of hosts end before, and callers send what they like.
_MAX_LOGGED_CHARACTERS = 200


class OriginPolicy:
    """`CLIPGRAPH_ALLOWED_ORIGINS`, and without an issuer the pages of this machine, whatever their port."""

    def __init__(self, settings: Settings) -> None:
        self.allowed_origins = settings.allowed_origins
        self.pattern = None if settings.has_issuer else f"(?i:https?://{LOOPBACK})"

    def check_allowed(self, origin: str) -> bool:
        """Whether pages of this origin, which is not the server's own, may use the API."""
        is_known = self._pattern is not None and self._pattern.fullmatch(origin) is not None
        return is_known or origin in self.allowed_origins

    def check_socket(self, headers: Headers) -> bool:
        """Whether a WebSocket may be opened: by a program, a page of the server's own, or one that is allowed.

        Browsers ask nobody before they open one, but always send the page's origin.
        """
        host = headers.get("host")
        return all(is_same_origin(origin, host) or self.check_allowed(origin) for origin in headers.getlist("origin"))

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return None if self.pattern is None else re.compile(self.pattern)


class SocketOrigins:
    """WebSockets from pages of other origins are refused with 403, as their requests over HTTP are."""

    def __init__(self, app: ASGIApp, policy: OriginPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        headers = Headers(scope=scope) if scope["type"] == "websocket" else None
        if headers is None or self._policy.check_socket(headers):
            await self._app(scope, receive, send)
            return
        log_refusal("CLIPGRAPH_ALLOWED_ORIGINS", headers["origin"])
        await error_response(403, NOT_ALLOWED, ErrorCode.FORBIDDEN)(scope, receive, send)


def log_refusal(setting: str, value: str) -> None:
    """Writes the one line of a refused page: the setting that would allow it, and the value to add to it."""
    value = value[:_MAX_LOGGED_CHARACTERS]
    reason = f"Add {value!r} to {setting} to allow this."
    log.warning("request_refused", code=ErrorCode.FORBIDDEN, reason=reason, setting=setting, add=value)
