"""How many requests run at once. Beyond that, requests are refused before anything is done for them."""

from collections.abc import Iterable

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql.errors import ErrorCode
from gql.http.security_headers import HEADERS
from gql.rate_limits.admission import OVERLOADED_MESSAGE, REQUEST_SLOT_KEY, RETRY_AFTER_SECONDS, Admission

HEALTH_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
# Where the state of the app has the process's `Admission`.
ADMISSION_KEY = "admission"

RawHeaders = list[tuple[bytes, bytes]]


class AdmissionLimit:
    """Answers 503 where as many requests run as may; health checks always pass, and sockets are counted by message.

    A request runs from its last byte to its answer's first: clients that send or read slowly take nobody's place.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        state = scope.setdefault("state", {})
        # The server's own protocol may have given it one, before the request was one: that is to be given back, also
        # where the address turns out to be a health check's, written in another way.
        slot = state.get(REQUEST_SLOT_KEY)
        if scope["type"] != "http" or (slot is None and scope["path"] in HEALTH_PATHS):
            await self._app(scope, receive, send)
            return
        slot = slot or self._admission.acquire()
        if slot is None:
            headers = make_refusal_headers(self._admission, scope["headers"])
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL_BODY})
            return
        state[REQUEST_SLOT_KEY] = slot

        async def send_without_slot(message: Message) -> None:
            # All that is left to do is to wait for a client that may be slow, or stay for hours.
            slot.release()
            await send(message)

        try:
            await self._app(scope, receive, send_without_slot)
        finally:
            slot.release()


REFUSAL_BODY = orjson.dumps(
    {"errors": [{"message": OVERLOADED_MESSAGE, "extensions": {"code": ErrorCode.UNAVAILABLE}}]}
)
REFUSAL_HEADERS: RawHeaders = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(REFUSAL_BODY)).encode()),
    (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
]


def make_refusal_headers(admission: Admission, request_headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The headers of a refusal, with CORS headers for pages of allowed origins."""
    origin = next((value for name, value in request_headers if name == b"origin"), None)
    if origin not in admission.allowed_origins or origin is None:
        return REFUSAL_HEADERS
    return [
        *REFUSAL_HEADERS,
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"Retry-After"),
        (b"vary", b"Origin"),
    ]
