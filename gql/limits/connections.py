"""The HTTP connections of uvicorn, which itself waits for a request's headers for ever.

Pass it as `uvicorn.Config(http=…)`, or on the command line as `--http gql.limits.connections:PunctualProtocol`.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# From the first byte of a request, or from the opening of its connection, to the end of its headers.
HEADERS_SECONDS = 10
# All of a request's headers together: what browsers and tokens need is far below.
MAX_HEADERS_BYTES = 65_536


class PunctualProtocol(HttpToolsProtocol):
    """Closes connections on which a request's headers do not end in time, or at a sensible size."""

    _timer: asyncio.TimerHandle | None = None
    _headers_bytes = 0
    _is_in_headers = True

    def connection_made(self, transport: Any) -> None:
        """The first request's time begins."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Passes on what came, unless these are headers without end."""
        if self._is_in_headers:
            self._headers_bytes += len(data)
            if self._timer is None:
                self._start_timer()
        super().data_received(data)
        if self._is_in_headers and self._headers_bytes > MAX_HEADERS_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_headers_complete(self) -> None:
        """The rest is the app's to wait for."""
        self._is_in_headers, self._headers_bytes = False, 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are the next request's headers."""
        self._is_in_headers = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on."""
        self._stop_timer()
        super().handle_websocket_upgrade()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEADERS_SECONDS, self._close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
