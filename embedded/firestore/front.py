"""The port that clients know: HTTP/2 goes on to gRPC as it is, and all else is answered with the reason why not.

gRPC sends its settings to whoever connects, so that a browser hangs and `curl` takes the answer for HTTP/0.9. The first
bytes of a connection tell; all later ones are passed on unread, and a side that is slow slows the other down.
"""

import asyncio
import socket
from typing import cast

CONNECT_SECONDS = 60.0  # a connection that says nothing for so long is closed
_PREFACE = b"PRI "  # HTTP/2 begins so, and no request of HTTP/1, whose methods are anything, in any case
_BACKLOG = 1024
_REASON = (
    b"This is the embedded Firestore, which speaks gRPC only: HTTP/2 without TLS. The clients for servers (Python,"
    b" Node, Go, Java) reach it with FIRESTORE_EMULATOR_HOST. The web SDK and REST speak HTTP/1.1, which it does not:"
    b" Google's emulator does.\n"
)
_ANSWER = b"\r\n".join(
    (
        b"HTTP/1.1 400 Bad Request",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(_REASON),
        b"Access-Control-Allow-Origin: *",  # so that a page's developer tools show the reason
        b"Connection: close",
        b"",
        _REASON,
    )
)


class Front:
    """The server of the port; `grpc_address` is where gRPC listens."""

    def __init__(self, listener: socket.socket, grpc_address: str) -> None:
        self._listener = listener
        self._grpc_address = grpc_address
        self._server: asyncio.Server | None = None
        self._ends: set[_End] = set()

    async def start(self) -> None:
        """Takes connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make_end, sock=self._listener, backlog=_BACKLOG)

    def close(self) -> None:
        """Takes no connection any more; those that are open go on."""
        if self._server is not None:
            self._server.close()

    def abort(self) -> None:
        """Ends the connections that are still open."""
        for end in list(self._ends):
            end.close()

    def _make_end(self) -> "_ClientEnd":
        return _ClientEnd(self._grpc_address, self._ends)


class _End(asyncio.Protocol):
    """One end of a connection that is passed on; what it receives is written to its peer."""

    def __init__(self, ends: "set[_End]", peer: "_End | None" = None) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer = peer
        self._ends = ends

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's has its methods, and another base
        self._ends.add(self)

    def data_received(self, data: bytes) -> None:
        if transport := self._peer_transport():
            transport.write(data)

    def eof_received(self) -> bool:
        self.close_peer()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._ends.discard(self)
        self.close_peer()

    def pause_writing(self) -> None:
        if transport := self._peer_transport():
            transport.pause_reading()

    def resume_writing(self) -> None:
        if transport := self._peer_transport():
            transport.resume_reading()

    def close(self) -> None:
        """Ends the connection once all is written."""
        if self.transport is not None:
            self.transport.close()

    def close_peer(self) -> None:
        """Ends the other end's connection once all is written."""
        if self.peer is not None:
            self.peer.close()

    def _peer_transport(self) -> asyncio.Transport | None:
        transport = None if self.peer is None else self.peer.transport
        return None if transport is None or transport.is_closing() else transport


class _ClientEnd(_End):
    """The client's end, which has a peer once its first bytes are seen to be HTTP/2's."""

    def __init__(self, grpc_address: str, ends: set[_End]) -> None:
        super().__init__(ends)
        self._grpc_address = grpc_address
        self._first = b""
        self._connecting: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._deadline = asyncio.get_running_loop().call_later(CONNECT_SECONDS, self.close)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            super().data_received(data)
            return
        self._first += data
        if self._connecting is None and len(self._first) >= len(_PREFACE):
            self._stop_waiting()
            self._begin()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(error)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _begin(self) -> None:
        if self.transport is None:
            return
        if not self._first.startswith(_PREFACE):
            self.transport.write(_ANSWER)
            self.transport.close()
            return
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        host, _, port = self._grpc_address.rpartition(":")
        loop = asyncio.get_running_loop()
        try:
            # With its peer from the beginning: gRPC sends its settings before this has returned.
            _, peer = await loop.create_connection(lambda: _End(self._ends, self), host, int(port))
        except OSError:
            self.close()
            return
        self.peer = peer
        if self.transport is None or self.transport.is_closing():
            self.close_peer()
            return
        super().data_received(self._first)
        self._first = b""
        self.transport.resume_reading()
