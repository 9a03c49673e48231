"""uvicorn's server, which accepts all waiting connections at once, as nginx does with `multi_accept`.

On uvloop, libuv accepts one connection in each round of the loop (libuv/libuv#3696). A busy server has some hundred
rounds a second: beyond that, new connections wait in the kernel for many seconds, where nobody can refuse them.
"""

import asyncio
import functools
import socket

import structlog
import uvicorn

log = structlog.get_logger(__name__)

# In one round of the loop: what is already connected is served before the next so many.
ACCEPTED_AT_ONCE = 100
# Where the process has no descriptor or memory left: some connections end meanwhile.
RETRY_SECONDS = 0.5


class MultiAcceptServer(uvicorn.Server):
    """Serves on sockets that listen already; pass them to `run` or `serve`."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The app runs, and connections are accepted."""
        await super().startup(sockets=[])
        for listener in sockets or []:
            listener.setblocking(False)
            self._listen(listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No connection is accepted any more, and those that there were are closed."""
        for listener in sockets or []:
            asyncio.get_running_loop().remove_reader(listener)
        await super().shutdown(sockets=sockets)

    def _listen(self, listener: socket.socket) -> None:
        if not self.should_exit:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        """Makes a protocol of each connection that waits."""
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # It stays readable: without a pause the loop would do nothing else.
                log.error("connection_not_accepted", reason=error.strerror)  # noqa: TRY400  it is no bug
                loop.remove_reader(listener)
                loop.call_later(RETRY_SECONDS, self._listen, listener)
                return
            connection.setblocking(False)
            self._connect(connection)

    def _connect(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._make_protocol(connection))
        # The loop holds no task that waits; nor is an error of one whose client is gone already of any use.
        self.server_state.tasks.add(task)
        task.add_done_callback(functools.partial(self._finish, connection))

    async def _make_protocol(self, connection: socket.socket) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            ),
            connection,
        )

    def _finish(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self.server_state.tasks.discard(task)
        if task.cancelled() or task.exception() is not None:
            connection.close()
