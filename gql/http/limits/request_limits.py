"""Limits around every request: content encodings, the time for the body, and the quota in the response."""

import asyncio
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql.errors import ErrorCode
from gql.http.limits.connection_limits import CONNECTION_LIMIT_KEY, CONNECTION_SLOT_KEY, ConnectionLimit
from gql.http.responses import error_response
from gql.rate_limits.admission import (
    OVERLOADED_MESSAGE,
    REQUEST_SLOT_KEY,
    RETRY_AFTER_SECONDS,
    OverloadedError,
    RequestSlot,
)
from gql.rate_limits.allowances import resolve_address
from gql.rate_limits.budgets import QUOTA_KEY, Quota, RateLimitedError
from settings import Settings

log = structlog.get_logger(__name__)

# Whoever is slower is not waited for: a body of 1 MiB at 1 Mbit/s takes 8 seconds.
BODY_SECONDS = 10


class RequestLimits:
    """Bodies must come plain and in time; callers beyond their limit get 429, and all are told how much is left."""

    def __init__(self, app: ASGIApp, settings: Settings, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._trusted_hops = settings.trusted_proxy_hops
        self._connections = ConnectionLimit(settings.max_sockets_per_caller)
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] == "websocket":
            await self._pass_socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._pass_request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _pass_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        slot = self._connections.acquire(f"address {resolve_address(scope, self._trusted_hops)}")
        if slot is None:
            message = "Your address has too many unauthenticated WebSockets."
            await error_response(429, message, ErrorCode.RATE_LIMITED)(scope, receive, send)
            return
        with slot:
            scope.setdefault("state", {})[CONNECTION_SLOT_KEY] = slot
            await self._app(scope, receive, send)

    async def _pass_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = Headers(scope=scope).get("content-encoding", "identity")
        if encoding.strip().lower() not in {"", "identity"}:
            # Never inflated: a kilobyte can hold a gigabyte.
            await error_response(415, "Send the body uncompressed, without Content-Encoding.")(scope, receive, send)
            return
        scope.setdefault("state", {})[CONNECTION_LIMIT_KEY] = self._connections
        quota_send = _SendWithQuota(scope, send)
        try:
            slot = scope["state"].get(REQUEST_SLOT_KEY)
            await self._app(scope, _receive_with_timeout(receive, self._body_seconds, slot), quota_send)
        except OverloadedError:
            headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            await error_response(503, OVERLOADED_MESSAGE, ErrorCode.UNAVAILABLE, headers)(scope, receive, send)
        except RateLimitedError as error:
            log.info("request_refused", code=ErrorCode.RATE_LIMITED, reason=error.message)
            await rate_limited_response(error)(scope, receive, send)
        except BodyTooSlowError:
            message = f"The request body did not arrive within {self._body_seconds:g} seconds."
            headers = {"Connection": "close"}
            await error_response(408, message, headers=headers)(scope, receive, send)


class BodyTooSlowError(Exception):
    """A body that was announced did not come in time."""


class _SendWithQuota:
    """Adds the rest of the caller's quota to the response."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send

    async def __call__(self, message: Message) -> None:
        quota: Quota | None = self._scope.get("state", {}).get(QUOTA_KEY)
        if message["type"] == "http.response.start" and quota is not None:
            MutableHeaders(scope=message).update(to_headers(quota))
        await self._send(message)


def to_headers(quota: Quota) -> Mapping[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers, versions 03 to 06; `Reset` is in seconds."""
    return {
        "RateLimit-Limit": str(quota.limit),
        "RateLimit-Remaining": str(quota.remaining),
        "RateLimit-Reset": str(quota.reset_seconds),
    }


def rate_limited_response(error: RateLimitedError) -> Response:
    """429, with the seconds after which to come again."""
    headers = {"Retry-After": str(error.quota.reset_seconds), **to_headers(error.quota)}
    return error_response(429, error.message, ErrorCode.RATE_LIMITED, headers)


def _receive_with_timeout(receive: Receive, seconds: float, slot: RequestSlot | None) -> Receive:
    """Receives a body until it is late; while it is not there, the request is none of those that run."""
    ends_at = asyncio.get_running_loop().time() + seconds
    has_body = False

    async def receive_in_time() -> Message:
        nonlocal has_body
        if has_body:
            return await receive()
        if slot is not None:
            slot.release()
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        has_body = not message.get("more_body", False)
        if has_body and slot is not None and not slot.reacquire():
            raise OverloadedError
        return message

    return receive_in_time
