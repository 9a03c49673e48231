"""Around every request: an id, a log line, and a limit on its body."""

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql.errors import MASKED_MESSAGES, ErrorCode
from gql.http.responses import error_response

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER = "x-request-id"
_ACCEPTABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Of a log line; no address of ours is longer than 50.
MAX_PATH_CHARACTERS = 512
MAX_METHOD_CHARACTERS = 32
_QUIET_PATHS = frozenset({"/livez", "/readyz"})


class RequestLog:
    """Every request has an id, in the response's headers and in each log line, and one line when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = _resolve_request_id(Headers(scope=scope).get(REQUEST_ID_HEADER))
        scope.setdefault("state", {})["request_id"] = request_id
        started_at, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except ClientDisconnect:
                log.info("client_left")
            except Exception:
                # Once an answer has begun, and on a socket, only the server can end the connection: it logs this, too.
                if status or scope["type"] != "http":
                    raise
                log.exception("request_failed")
                await _failure(request_id)(scope, receive, send_with_id)
            finally:
                _log_request(scope, status, (time.perf_counter() - started_at) * 1000)


def _resolve_request_id(given: str | None) -> str:
    """The caller's own id where it is fit for a log line, or a new one."""
    if given is not None and _ACCEPTABLE_REQUEST_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _failure(request_id: str) -> Response:
    """500 with the sentence that every failure of ours has."""
    extensions = {"requestId": request_id}
    return error_response(500, MASKED_MESSAGES[ErrorCode.INTERNAL], ErrorCode.INTERNAL, extensions=extensions)


def _log_request(scope: Scope, status: int, duration_ms: float) -> None:
    if scope["type"] != "http":
        return
    write = log.debug if scope["path"] in _QUIET_PATHS else log.info
    path = scope["path"][:MAX_PATH_CHARACTERS]
    write(
        "request",
        method=scope["method"][:MAX_METHOD_CHARACTERS],
        path=path,
        status=status,
        duration_ms=round(duration_ms, 1),
    )


class BodyLimit:
    """Bodies above `max_bytes` are refused with 413, whether or not they announce their length."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            await self._refuse(scope, receive, send)
            return
        received_bytes = 0

        async def receive_limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_bytes:
                raise BodyTooLargeError
            return message

        try:
            await self._app(scope, receive_limited, send)
        except BodyTooLargeError:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(413, f"The request body exceeds {self._max_bytes} bytes.")
        await response(scope, receive, send)


class BodyTooLargeError(Exception):
    """More bytes came than a body may have."""
