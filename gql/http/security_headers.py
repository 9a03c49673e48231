"""Security headers for every response."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    # For responses that are not HTML pages; the pages set a policy of their own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A response belongs to one caller; a response that may be cached sets the header itself.
    "Cache-Control": "no-store",
}
# One year, for this host name only: its subdomains may belong to others.
STRICT_TRANSPORT_SECURITY = "max-age=31536000"


class SecurityHeaders:
    """Adds `HEADERS` to every response that does not set them itself, and HSTS to responses over https.

    The scheme is the connection's own, or the one in `X-Forwarded-Proto` where proxies are trusted.
    """

    def __init__(self, app: ASGIApp, trusted_hops: int = 0) -> None:
        self._app = app
        self._trusted_hops = trusted_hops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        is_https = self._is_https(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if is_https:
                    headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _is_https(self, scope: Scope) -> bool:
        if scope.get("scheme") in {"https", "wss"}:
            return True
        if not self._trusted_hops or scope["type"] == "lifespan":
            return False
        forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-proto")).split(",")
        # As with addresses: a client can forge every entry to the left of those that the trusted proxies wrote.
        return forwarded[-self._trusted_hops :][0].strip().lower() == "https"
