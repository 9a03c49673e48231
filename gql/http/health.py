"""`/livez` and `/readyz`, for the supervisor of the process."""

import asyncio
import time
from collections.abc import Awaitable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gql.services import Services

log = structlog.get_logger(__name__)

# Longer than an answer ever takes, shorter than a load balancer waits.
CHECK_TIMEOUT_SECONDS = 3.0
# Nobody needs a token to ask, and each look is billed: a read of Firestore, and a call to R2.
KEPT_SECONDS = 1.0


async def livez(request: Request) -> Response:
    """The process answers: nothing else is asked."""
    del request
    return JSONResponse({"status": "ok"})


class Readiness:
    """Whether Firestore and R2 answer, looked at once a second at most, however many ask."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._look: asyncio.Task[dict[str, bool]] | None = None
        self._looked_at = 0.0

    async def readyz(self, request: Request) -> Response:
        """Firestore and R2 answer: 200, or 503 and which of them does not."""
        del request
        now = time.monotonic()
        if self._look is None or (self._look.done() and now - self._looked_at >= KEPT_SECONDS):
            self._look, self._looked_at = asyncio.create_task(self._probe_all()), now
        # Shielded: who asked first may hang up, and the others still wait.
        answering = await asyncio.shield(self._look)
        is_ready = all(answering.values())
        body = {"status": "ok" if is_ready else "unavailable", **answering}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    async def _probe_all(self) -> dict[str, bool]:
        services = self._services
        firestore, r2 = await asyncio.gather(
            _check_answers("firestore", services.videos("readyz").assert_answers()),
            _check_answers("r2", services.storage.assert_answers()),
        )
        return {"firestore": firestore, "r2": r2}


async def _check_answers(name: str, check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, CHECK_TIMEOUT_SECONDS)
    except Exception as error:  # noqa: BLE001  whatever it is, the service is not ready
        log.warning("not_ready", service=name, reason=str(error) or type(error).__name__)
        return False
    return True
