"""Where no issuer is set, anyone who gets through acts as the demo user: so only this machine's own pages may.

A page on the internet can give its own name the address 127.0.0.1 (DNS rebinding), and then the browser takes this
server for the page's. Its requests still carry the page's name as `Host`, and mostly as `Origin`.
"""

import ipaddress
import re
from collections.abc import Collection

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gql.errors import ErrorCode
from gql.http.responses import error_response

log = structlog.get_logger(__name__)

_LOOPBACK = r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
LOOPBACK_ORIGIN = rf"https?://{_LOOPBACK}"
_HOST = re.compile(_LOOPBACK, re.IGNORECASE)
_ORIGIN = re.compile(LOOPBACK_ORIGIN, re.IGNORECASE)


class LoopbackOnly:
    """Requests that did not come to this machine by its own name, from its own pages, are refused with 403."""

    def __init__(self, app: ASGIApp, allowed_origins: Collection[str]) -> None:
        self._app = app
        self._allowed_origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        reason = None if scope["type"] == "lifespan" else self._find_reason(scope)
        if reason is None:
            await self._app(scope, receive, send)
            return
        log.warning("request_refused", code=ErrorCode.FORBIDDEN, reason=reason)
        await error_response(403, reason, ErrorCode.FORBIDDEN)(scope, receive, send)

    def _find_reason(self, scope: Scope) -> str | None:
        """Why a request is refused; None for one that may pass."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return "Without an issuer, the server accepts only requests to localhost."
        if any(origin not in self._allowed_origins and not _ORIGIN.fullmatch(origin) for origin in origins):
            return "The page's origin is not allowed. CLIPGRAPH_ALLOWED_ORIGINS lists the allowed origins."
        # Another program may have bound the app to another address than our settings say.
        if not is_loopback_address(scope.get("server")):
            return "Without an issuer, the server answers on loopback only."
        return None


def is_loopback_address(server: tuple[str, int | None] | None) -> bool:
    """Whether a socket's own address is one that only this machine reaches; a Unix socket has none."""
    if server is None or server[0] == "localhost":
        return True
    try:
        return ipaddress.ip_address(server[0]).is_loopback
    except ValueError:
        return False
