"""How many requests run at once. Beyond that, requests are refused before anything is done for them."""

import asyncio
import time
from collections.abc import Collection, Iterable

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql.errors import ErrorCode
from gql.http.security_headers import HEADERS

log = structlog.get_logger(__name__)

HEALTH_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
# Requests that ran are gone by then, and clients do not all come at once.
RETRY_AFTER_SECONDS = 1
LOG_SECONDS = 1.0
# Where a request keeps its slot, and the process the object that gives them.
SLOT_KEY = "slot"
ADMISSION_KEY = "admission"
OVERLOADED_MESSAGE = "This server has as much to do as it can. Try again in a moment."

RawHeaders = list[tuple[bytes, bytes]]


class Slot:
    """One request's place among those that run, until `leave`; `arrived_at` is in the loop's time."""

    __slots__ = ("_admission", "_is_held", "arrived_at")

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self._is_held = True
        self.arrived_at = asyncio.get_running_loop().time()

    def leave(self) -> None:
        """Another request may run."""
        if self._is_held:
            self._admission.in_flight -= 1
            self._is_held = False

    def come_back(self) -> bool:
        """Whether the request has its place again; another may have it by now, and all others too."""
        self._is_held = self._is_held or self._admission.enter()
        return self._is_held


class Admission:
    """Gives out slots, as many at once as `limit`. Nobody waits for one: a queue would only make answers late."""

    def __init__(self, limit: int, allowed_origins: Collection[str] = ()) -> None:
        self.in_flight = 0
        self._limit = limit
        self._allowed_origins = frozenset(origin.encode() for origin in allowed_origins)
        self._unlogged = 0
        self._logged_at = 0.0

    def take(self) -> Slot | None:
        """A slot; None where all are taken."""
        return Slot(self) if self.enter() else None

    def enter(self) -> bool:
        """Whether one request more runs now."""
        if self.in_flight >= self._limit:
            self._count_refusal()
            return False
        self.in_flight += 1
        return True

    def make_headers(self, request_headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
        """The headers of a refusal, which pages of allowed origins may read."""
        origin = next((value for name, value in request_headers if name == b"origin"), None)
        if origin not in self._allowed_origins or origin is None:
            return REFUSAL_HEADERS
        return [
            *REFUSAL_HEADERS,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", b"Retry-After"),
            (b"vary", b"Origin"),
        ]

    def _count_refusal(self) -> None:
        """A line a second at most: thousands are refused within one, and each line costs more than the refusal."""
        self._unlogged += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            log.warning("requests_shed", count=self._unlogged, in_flight=self.in_flight)
            self._unlogged, self._logged_at = 0, now


class OverloadedError(Exception):
    """While a request's body was waited for, others took all places."""


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
        slot = state.get(SLOT_KEY)
        if scope["type"] != "http" or (slot is None and scope["path"] in HEALTH_PATHS):
            await self._app(scope, receive, send)
            return
        slot = slot or self._admission.take()
        if slot is None:
            headers = self._admission.make_headers(scope["headers"])
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL_BODY})
            return
        state[SLOT_KEY] = slot

        async def send_without_slot(message: Message) -> None:
            # All that is left to do is to wait for a client that may be slow, or stay for hours.
            slot.leave()
            await send(message)

        try:
            await self._app(scope, receive, send_without_slot)
        finally:
            slot.leave()


REFUSAL_BODY = orjson.dumps(
    {"errors": [{"message": OVERLOADED_MESSAGE, "extensions": {"code": ErrorCode.UNAVAILABLE}}]}
)
REFUSAL_HEADERS: RawHeaders = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(REFUSAL_BODY)).encode()),
    (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
]
