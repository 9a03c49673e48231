"""Where no issuer is set, anyone who gets through acts as the demo user: so only this machine's own pages may.

A page on the internet can give its own name the address 127.0.0.1 (DNS rebinding), and then the browser takes this
server for the page's. Its requests still carry the page's name as `Host`, and mostly as `Origin`.
"""

import ipaddress
import re

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gql.errors import ErrorCode
from gql.http.origins import LOOPBACK, NOT_ALLOWED, OriginPolicy, log_refused_origin
from gql.http.responses import error_response

log = structlog.get_logger(__name__)

_HOST = re.compile(LOOPBACK, re.IGNORECASE)


class LoopbackOnly:
    """Requests that did not come to this machine by its own name, from its own pages, are refused with 403."""

    def __init__(self, app: ASGIApp, policy: OriginPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        foreign = [origin for origin in headers.getlist("origin") if not self._policy.check_allowed(origin)]
        reason = _find_reason(scope, headers)
        if reason is not None:
            log.warning("request_refused", code=ErrorCode.FORBIDDEN, reason=reason)
        elif foreign:
            reason = NOT_ALLOWED
            log_refused_origin(foreign[0])
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await error_response(403, reason, ErrorCode.FORBIDDEN)(scope, receive, send)


def _find_reason(scope: Scope, headers: Headers) -> str | None:
    """Why a request did not come to this machine by its own name; None for one that did."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return "Without an issuer, the server accepts only requests to localhost."
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
