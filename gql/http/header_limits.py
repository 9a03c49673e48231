"""The headers that are parsed have a limit of their own, far below what the server reads."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gql.view import error_response

# A browser's `Accept` has some 150 bytes.
MAX_MEDIA_TYPE_BYTES = 1_024
_LIMITED = ("accept", "content-type")


class HeaderLimits:
    """Refuses requests with 400 whose `Accept` or `Content-Type`, repeated ones added up, is longer than 1 KB."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        refused = None if scope["type"] == "lifespan" else find_oversized_header(scope)
        if refused is None:
            await self._app(scope, receive, send)
            return
        message = f"The header `{refused}` is longer than {MAX_MEDIA_TYPE_BYTES} bytes."
        await error_response(400, message)(scope, receive, send)


def find_oversized_header(scope: Scope) -> str | None:
    """The name of a header of the request that is too long; None where none is."""
    headers = Headers(scope=scope)
    for name in _LIMITED:
        if sum(len(value) for value in headers.getlist(name)) > MAX_MEDIA_TYPE_BYTES:
            return name
    return None
