"""The origins whose pages may use the API: one rule for HTTP, WebSockets and event streams."""

import re
from collections.abc import Iterator, Sequence

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin

from gql.errors import ErrorCode
from gql.http.responses import error_response
from settings import Settings, check_is_header_name, check_is_origin

log = structlog.get_logger(__name__)

LOOPBACK = r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
"""The names of this machine, with a port or without."""

LOOPBACK_ORIGIN = rf"(?i:https?://{LOOPBACK})"
_LOOPBACK_ORIGIN = re.compile(LOOPBACK_ORIGIN)

NOT_ALLOWED = "The page's origin is not allowed. CLIPGRAPH_ALLOWED_ORIGINS lists the allowed origins."
NO_ORIGIN = "No setting allows this origin: serve the page from a host over http:// or https://, in no sandboxed frame."
NO_HEADER = "No setting allows these headers: name them with at most 100 letters, digits, hyphens and underscores."
TOO_MANY_HEADERS = "The request has too many unknown headers for one line. Send fewer, to see which to allow."

MAX_ADVISED_CHARACTERS = 500
"""The limit of a value in a log line: names of hosts end before, and callers send what they like."""


class OriginPolicy:
    """`CLIPGRAPH_ALLOWED_ORIGINS`, and without an issuer the pages of this machine, whatever their port."""

    def __init__(self, settings: Settings) -> None:
        self.allowed_origins = settings.allowed_origins
        self.pattern = None if settings.has_issuer else LOOPBACK_ORIGIN

    def check_allowed(self, origin: str) -> bool:
        """Whether pages of this origin, which is not the server's own, may use the API."""
        is_ours = self.pattern is not None and _LOOPBACK_ORIGIN.fullmatch(origin) is not None
        return is_ours or origin in self.allowed_origins

    def check_socket(self, headers: Headers) -> bool:
        """Whether a WebSocket may be opened: by a program, a page of the server's own, or one that is allowed.

        Browsers ask nobody before they open one, but always send the page's origin.
        """
        return next(self.list_foreign(headers), None) is None

    def list_foreign(self, headers: Headers) -> Iterator[str]:
        """The origins of a request that are neither the server's own nor allowed."""
        host = headers.get("host")
        for origin in headers.getlist("origin"):
            if not (is_same_origin(origin, host) or self.check_allowed(origin)):
                yield origin


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
        log_refused_origin(next(self._policy.list_foreign(headers)))
        await error_response(403, NOT_ALLOWED, ErrorCode.FORBIDDEN)(scope, receive, send)


def log_refused_origin(origin: str) -> None:
    """Writes the one line of a page's refused origin: the setting that allows it, or what to do where none can."""
    advice = None if len(origin) <= MAX_ADVISED_CHARACTERS and check_is_origin(origin) else NO_ORIGIN
    _log_refusal("CLIPGRAPH_ALLOWED_ORIGINS", origin, advice)


def log_refused_headers(names: Sequence[str]) -> None:
    """Writes the one line of a page's refused headers: the setting that allows them, or what to do where none can."""
    others = [name for name in names if not check_is_header_name(name)]
    value = ",".join(others or names)
    advice = NO_HEADER if others else TOO_MANY_HEADERS if len(value) > MAX_ADVISED_CHARACTERS else None
    _log_refusal("CLIPGRAPH_ALLOWED_HEADERS", value, advice)


def _log_refusal(setting: str, value: str, advice: str | None) -> None:
    """The line about a refused value, which the setting takes unless there is other advice."""
    add = {"add": value} if advice is None else {}
    reason = advice or f"Add {value!r} to {setting} to allow this."
    refused = value[:MAX_ADVISED_CHARACTERS]
    log.warning("request_refused", code=ErrorCode.FORBIDDEN, reason=reason, setting=setting, refused=refused, **add)
