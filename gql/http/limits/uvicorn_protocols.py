"""The connections of uvicorn, which itself waits for ever: for a request's headers, and for clients that do not read.

Pass them as `uvicorn.Config(http=HeaderTimeoutProtocol, ws=WriteTimeoutSocketProtocol)`: uvicorn's command line takes
neither.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gql.http.limits.admission import ADMISSION_KEY, HEALTH_PATHS, REFUSAL_BODY, make_refusal_headers
from gql.http.limits.refusal_counter import REFUSALS_KEY, RefusalCounter
from gql.rate_limits.admission import REQUEST_SLOT_KEY, Admission

# From the first byte of a request, or from the opening of its connection, to the end of its headers.
HEADERS_SECONDS = 10
# All of a request's headers together: what browsers and tokens need is far below.
MAX_HEADERS_BYTES = 65_536
# What may still come of a body whose request was answered before: closed at once, its sender might not read the answer.
MAX_UNREAD_BYTES = 1_048_576
# A phone in a tunnel is back by then, or its connection is gone.
WRITE_SECONDS = 30
# From a message's first fragment to its last: clients send what has 1 MiB at most in one frame.
MESSAGE_SECONDS = 10
POLICY_VIOLATION = 1008


class WriteTimeout(asyncio.Protocol):
    """Mixed into a protocol of uvicorn's: a connection that takes nothing for this long is cut, unsent bytes and all.

    Closing it would not do: a close waits until everything before it has been sent.
    """

    transport: Any
    loop: asyncio.AbstractEventLoop
    write_seconds: float = WRITE_SECONDS
    _write_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """The client's time begins."""
        super().pause_writing()
        self._start_write_timer()

    def resume_writing(self) -> None:
        """The client reads."""
        self._stop_write_timer()
        super().resume_writing()

    def shutdown(self) -> None:
        """The process is about to end."""
        super().shutdown()  # type: ignore[misc]  # all protocols of uvicorn have it
        self.limit_closing()

    def limit_closing(self) -> None:
        """The client's time begins where the connection is being closed, and something is still to be sent."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size() and self._write_timer is None:
            self._start_write_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_write_timer()
        super().connection_lost(exc)

    def _start_write_timer(self) -> None:
        self._write_timer = self.loop.call_later(self.write_seconds, self.transport.abort)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


class WriteTimeoutSocketProtocol(WriteTimeout, WebSocketsSansIOProtocol):
    """Cuts WebSockets whose clients do not read, or begin a message and do not end it.

    An unfinished frame needs no timer: within it no client can answer a ping, and uvicorn waits for that.
    """

    message_seconds: float = MESSAGE_SECONDS
    _message_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_message_timer()
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        """A handshake that is none is a refusal, of which the app never hears."""
        super().handle_connect(event)
        refusals: RefusalCounter | None = self.app_state.get(REFUSALS_KEY)
        if refusals is not None and self.response.status_code != 101:  # noqa: PLR2004  Switching Protocols
            headers = [(name.lower().encode(), value.encode()) for name, value in event.headers.raw_items()]
            refusals.count(self.client, headers)

    def handle_text(self, event: Any) -> None:
        """The time of a message's other fragments begins."""
        super().handle_text(event)
        self._watch_message()

    def handle_bytes(self, event: Any) -> None:
        """As `handle_text`."""
        super().handle_bytes(event)
        self._watch_message()

    def handle_cont(self, event: Any) -> None:
        """The last fragment ends the message's time."""
        super().handle_cont(event)
        self._watch_message()

    def _watch_message(self) -> None:
        if not self.frames:
            self._stop_message_timer()
        elif self._message_timer is None:
            self._message_timer = self.loop.call_later(self.message_seconds, self._refuse_slow_message)

    def _stop_message_timer(self) -> None:
        if self._message_timer is not None:
            self._message_timer.cancel()
            self._message_timer = None

    def _refuse_slow_message(self) -> None:
        self._message_timer = None
        if self.transport.is_closing() or self.close_sent:
            return
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": POLICY_VIOLATION})
        self.conn.send_close(POLICY_VIOLATION, "Message too slow")
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
        self.limit_closing()

    def keepalive_timeout(self) -> None:
        """A client that does not answer pings is closed."""
        super().keepalive_timeout()
        self.limit_closing()


class HeaderTimeoutProtocol(WriteTimeout, HttpToolsProtocol):
    """Closes connections on which headers do not end in time, or a body that nobody reads does not end at all.

    Where as many requests run as may, it answers 503 itself: for the app that would cost ten times as much.
    """

    _timer: asyncio.TimerHandle | None = None
    _headers_bytes = 0
    _is_in_headers = True
    _unread_bytes: int | None = None
    _is_shed = False

    def connection_made(self, transport: Any) -> None:
        """The first request's time begins."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Passes on what came, unless these are headers or a body without end."""
        if self._unread_bytes is not None:
            self._unread_bytes += len(data)
            if self._unread_bytes > MAX_UNREAD_BYTES:
                self._close()
                return
        if self._is_in_headers:
            self._headers_bytes += len(data)
            if self._timer is None:
                self._start_timer()
        super().data_received(data)
        if self._is_in_headers and self._headers_bytes > MAX_HEADERS_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def send_400_response(self, msg: str) -> None:
        """Counts a refusal of malformed HTTP, which the app never sees."""
        refusals: RefusalCounter | None = self.app_state.get(REFUSALS_KEY)
        if refusals is not None:
            refusals.count(self.client, getattr(self, "headers", []))
        super().send_400_response(msg)

    def on_headers_complete(self) -> None:
        """The rest is the app's to wait for."""
        self._is_in_headers, self._headers_bytes = False, 0
        self._stop_timer()
        admission: Admission | None = self.app_state.get(ADMISSION_KEY)
        if admission is None or not self._must_have_slot():
            super().on_headers_complete()
            return
        slot = admission.acquire()
        if slot is None:
            self._shed(admission)
            self._count_shed()
            return
        self.scope["state"][REQUEST_SLOT_KEY] = slot
        try:
            super().on_headers_complete()
        except BaseException:
            slot.release()
            raise

    def on_body(self, body: bytes) -> None:
        """A body that nobody reads is passed over."""
        if not self._is_shed:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The next bytes are the next request's headers."""
        self._is_in_headers, self._unread_bytes = True, None
        self._stop_timer()
        if not self._is_shed:
            super().on_message_complete()
            return
        self._is_shed = False
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_response_complete(self) -> None:
        """Bounds the rest of an unread request body, in bytes and seconds."""
        if self.cycle.more_body and self._unread_bytes is None:
            self._unread_bytes = 0
            self._start_timer()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on."""
        self._stop_timer()
        self._stop_write_timer()
        super().handle_websocket_upgrade()

    def _must_have_slot(self) -> bool:
        """Whether the request is one that the app will run at once: those that wait behind another get theirs there."""
        is_first = getattr(self.cycle, "response_complete", True)
        is_health_check = self.url.partition(b"?")[0].decode("latin-1") in HEALTH_PATHS
        return is_first and not is_health_check and not self.parser.should_upgrade()

    def _shed(self, admission: Admission) -> None:
        """Answers 503, and passes over the body that may follow."""
        self._is_shed, self._unread_bytes = True, 0
        self._start_timer()
        is_kept = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        headers = [
            *make_refusal_headers(admission, self.headers),
            (b"connection", b"keep-alive" if is_kept else b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        body = b"" if self.parser.get_method() == b"HEAD" else REFUSAL_BODY
        self.transport.write(b"HTTP/1.1 503 Service Unavailable\r\n%b\r\n%b" % (lines, body))
        if not is_kept:
            self.transport.close()

    def _count_shed(self) -> None:
        refusals: RefusalCounter | None = self.app_state.get(REFUSALS_KEY)
        if refusals is not None and refusals.check_anonymous(self.headers):
            refusals.count(self.client, self.headers)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(HEADERS_SECONDS, self._close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.close()
