"""The server in one object, for use within a process; `python -m embedded.firestore` wraps it."""

import socket
from pathlib import Path

import grpc

from embedded.firestore.front import Front
from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.index.missing import ReportMissing
from embedded.firestore.rpc.handlers import MAX_REQUEST_BYTES, build_emulator_handlers, build_handlers
from embedded.firestore.rpc.listen import ListenService
from embedded.firestore.rpc.write_stream import WriteStreamService
from embedded.firestore.rpc.writes import WriteService
from embedded.firestore.store.storage import Storage, StorageError
from embedded.firestore.transactions.transactions import Transactions

_GRACE_SECONDS = 1.0
_INTERNAL_HOST = "127.0.0.1"  # where gRPC listens behind a front
_OPTIONS = [
    ("grpc.max_receive_message_length", 4 * MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),  # clients with idle listeners ping
]


class FirestoreServer:
    """A Firestore over one data directory. `host_port` is the address that it serves on once it has started.

    Queries without their index go to `report_missing`, and then run; without it, `indexes` says whether they fail.
    Transactions lock what they read; where `is_optimistic`, they are checked at the end instead. Past versions are kept
    for an hour, or for `history_seconds`, which must be more than a transaction may last. With `answers_http1`, a
    browser or `curl` is told that the server speaks gRPC only.
    """

    def __init__(
        self,
        data_dir: Path | str,
        host_port: str = "127.0.0.1:0",
        indexes: IndexConfig | None = None,
        report_missing: ReportMissing | None = None,
        *,
        is_optimistic: bool = False,
        history_seconds: int | None = None,
        answers_http1: bool = False,
    ) -> None:
        self.host_port = host_port
        self._is_optimistic = is_optimistic
        self._history_seconds = history_seconds
        self._answers_http1 = answers_http1
        self._front: Front | None = None
        self._data_dir = Path(data_dir)
        self._indexes = indexes
        self._report_missing = report_missing
        self._server: grpc.aio.Server | None = None
        self._storage: Storage | None = None
        self._transactions: Transactions | None = None
        self._listening: ListenService | None = None
        self._write_streams: WriteStreamService | None = None

    async def start(self) -> None:
        """Serves requests; StorageError says in one line why it cannot."""
        storage = Storage.open(self._data_dir, self._indexes, self._history_seconds)
        if self._report_missing is not None:
            storage.indexes.report_missing = self._report_missing
        transactions = Transactions(storage, is_optimistic=self._is_optimistic)
        listening, write_streams = ListenService(storage), WriteStreamService(WriteService(storage, transactions))
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(
            (
                build_handlers(storage, transactions, listening, write_streams),
                build_emulator_handlers(storage, transactions),
            )
        )
        try:
            self.host_port = self._bind(server)
        except StorageError:
            await server.stop(None)
            await storage.close()
            raise
        storage.start()
        transactions.start()
        await server.start()
        if self._front is not None:
            await self._front.start()
        self._server, self._storage, self._transactions = server, storage, transactions
        self._listening, self._write_streams = listening, write_streams

    def _bind(self, server: grpc.aio.Server) -> str:
        """The address that clients reach the server at; StorageError says why it cannot be had."""
        listener = _listen(self.host_port)  # gRPC would write lines of its own to stderr where a port is taken
        host = _find_client_host(self.host_port.rpartition(":")[0])
        if self._answers_http1:
            self._front = Front(listener, f"{_INTERNAL_HOST}:{server.add_insecure_port(f'{_INTERNAL_HOST}:0')}")
            return f"{host}:{listener.getsockname()[1]}"
        listener.close()
        try:
            return f"{host}:{server.add_insecure_port(self.host_port)}"
        except RuntimeError as error:
            raise StorageError(f"cannot listen on {self.host_port}: {error}") from error

    async def stop(self) -> None:
        """Stops the server: requests get a moment to finish, and accepted commits become durable."""
        if self._server is None or self._storage is None or self._transactions is None:
            return
        for part in (self._front, self._listening, self._write_streams):
            if part is not None:
                part.close()
        await self._server.stop(_GRACE_SECONDS)
        if self._front is not None:
            self._front.abort()
        self._transactions.stop()
        await self._storage.close()
        self._server = None


def _find_client_host(host: str) -> str:
    """The host that clients on this machine connect to, where a server may listen on all addresses."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - not bound here


def _listen(host_port: str) -> socket.socket:
    """A socket that listens there."""
    host, _, port = host_port.rpartition(":")
    try:
        family = socket.AF_INET6 if "[" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except (OSError, OverflowError, ValueError) as error:
        raise StorageError(f"cannot listen on {host_port}: {error}") from error
