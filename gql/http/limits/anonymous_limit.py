"""The limit on refusals of anonymous requests, counted by address."""

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql.errors import ErrorCode
from gql.http.limits.request_limits import rate_limited_response, to_headers
from gql.rate_limits.allowances import resolve_address
from gql.rate_limits.budgets import AUTHENTICATED_KEY, Budgets, RateLimitedError

log = structlog.get_logger(__name__)

_CLIENT_ERRORS = range(400, 500)
# Codes from here on are the application's own: a socket that is closed with one is refused.
_FIRST_REFUSING_CODE = 4000
_TRY_AGAIN_LATER = 1013


class AnonymousLimit:
    """Counts refusals of anonymous callers, for any reason; beyond the address's budget each becomes a 429.

    Requests of known callers neither count nor are kept out, and neither are answers that anybody may have.
    """

    def __init__(self, app: ASGIApp, budgets: Budgets, trusted_hops: int) -> None:
        self._app = app
        self._budgets = budgets
        self._trusted_hops = trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        address = resolve_address(scope, self._trusted_hops)
        await self._app(scope, receive, _CountingSend(scope, receive, send, self._budgets, address))


class _CountingSend:
    """Passes a response or a socket's messages on, and counts it where it is a refusal of an anonymous caller."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, budgets: Budgets, address: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._budgets = budgets
        self._address = address
        self._is_open_socket = False
        self._is_answered = False

    async def __call__(self, message: Message) -> None:
        if self._is_answered:
            return
        self._is_open_socket |= message["type"] == "websocket.accept"
        if self._is_refusal(message) and not self._scope.get("state", {}).get(AUTHENTICATED_KEY):
            await self._count(message)
        if not self._is_answered:
            await self._send(message)

    def _is_refusal(self, message: Message) -> bool:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            return message["status"] in _CLIENT_ERRORS
        if message["type"] != "websocket.close":
            return False
        # A socket that is closed before it is accepted is a handshake that is refused with 403.
        return not self._is_open_socket or message.get("code", 0) >= _FIRST_REFUSING_CODE

    async def _count(self, message: Message) -> None:
        try:
            quota = await self._budgets.admit_anonymous(self._address)
        except RateLimitedError as error:
            log.info("request_refused", code=ErrorCode.RATE_LIMITED, reason=error.message)
            await self._answer_rate_limited(message, error)
        else:
            if "headers" in message:
                MutableHeaders(scope=message).update(to_headers(quota))

    async def _answer_rate_limited(self, message: Message, error: RateLimitedError) -> None:
        """429 in the place of the refusal, with the headers by which a browser shows it to its page."""
        if self._is_open_socket:
            message.update(code=_TRY_AGAIN_LATER, reason="Try again later")
            return
        self._is_answered = True
        response = rate_limited_response(error)
        kept = MutableHeaders(scope=message) if "headers" in message else MutableHeaders()
        for name, value in kept.items():
            if name.startswith("access-control-") or name == "vary":
                response.headers[name] = value
        await response(self._scope, self._receive, self._send)
