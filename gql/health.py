"""`/livez` and `/readyz`, for whoever keeps the process running."""

import asyncio
from collections.abc import Awaitable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gql.context import Services

log = structlog.get_logger(__name__)

# Longer than an answer ever takes, shorter than a load balancer waits.
CHECK_TIMEOUT_SECONDS = 3.0


async def livez(request: Request) -> Response:
    """The process answers: nothing else is asked."""
    del request
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Firestore and R2 answer: 200, or 503 and which of them does not."""
    services: Services = request.app.state.services
    firestore, r2 = await asyncio.gather(
        _check("firestore", services.videos("readyz").check()), _check("r2", services.storage.check())
    )
    ready = firestore and r2
    body = {"status": "ok" if ready else "unavailable", "firestore": firestore, "r2": r2}
    return JSONResponse(body, status_code=200 if ready else 503)


async def _check(name: str, check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, CHECK_TIMEOUT_SECONDS)
    except Exception as error:  # noqa: BLE001  whatever it is, the service is not ready
        log.warning("not_ready", service=name, reason=str(error) or type(error).__name__)
        return False
    return True
