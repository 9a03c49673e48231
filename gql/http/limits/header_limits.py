"""Limits on headers and parameters that are parsed, far below the server's own limits."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gql.http.responses import error_response

# A browser's `Accept` has some 150 bytes.
MAX_MEDIA_TYPE_BYTES = 1_024
# GraphQL by GET has four. Each costs far more than its bytes: all of a head's would take a tenth of a second.
MAX_PARAMETERS = 100
_LIMITED = ("accept", "content-type")


class HeaderLimits:
    """Refuses requests with 400 whose `Accept` or `Content-Type` is longer than 1 KB, repeated headers added up.

    It refuses addresses with more than a hundred parameters, too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        refusal = None if scope["type"] == "lifespan" else find_excess(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        await error_response(400, refusal)(scope, receive, send)


def find_excess(scope: Scope) -> str | None:
    """The limit that the request exceeds, as a sentence; None if it exceeds none."""
    if scope["query_string"].count(b"&") >= MAX_PARAMETERS:
        return f"The query string has more than {MAX_PARAMETERS} parameters."
    headers = Headers(scope=scope)
    for name in _LIMITED:
        if sum(len(value) for value in headers.getlist(name)) > MAX_MEDIA_TYPE_BYTES:
            return f"The header `{name}` is longer than {MAX_MEDIA_TYPE_BYTES} bytes."
    return None
