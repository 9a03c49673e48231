"""Clients that do not read: what is sent to them waits in memory, and for some of it a subscription waits as well."""

import asyncio
from typing import Any

# A phone in a tunnel is back by then, or its connection is gone.
WRITE_SECONDS = 30


class ReaderLimit(asyncio.Protocol):
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
        """Nothing is waited for."""
        self._stop_write_timer()
        super().connection_lost(exc)

    def _start_write_timer(self) -> None:
        self._write_timer = self.loop.call_later(self.write_seconds, self.transport.abort)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
