"""The two servers of a data directory, Firestore and S3, as one thing: started, found, watched and stopped."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from embedded import r2
from embedded.child import Child
from embedded.data_directory import OWNER_ONLY, assert_database_is_whole
from embedded.endpoints import Endpoints, check_answering, read_endpoints, remove_endpoints, write_endpoints
from embedded.errors import DataDirectoryInUseError, EmbeddedError
from embedded.lock import DataDirectoryLock, acquire_lock
from embedded.modules import make_module_child

__all__ = ["DataDirectoryInUseError", "EmbeddedError", "Endpoints", "Stack", "connect_or_start", "start_stack"]

START_TIMEOUT_SECONDS = 120.0
"""Both listen within a second; this is for a machine or a disk that is busy, or a database that recovers.

It counts from a server's last sign of life in its log: a Firestore that indexes its documents anew takes minutes.
"""

FIRESTORE_FILE = "firestore.sqlite3"
"""As `embedded/firestore/store/storage.py` names it, whose imports are the server's alone."""

MAX_BACKOFF_SECONDS = 30.0
STEADY_AFTER_SECONDS = 60.0
"""A server that ran for this long is started again at once."""

_START_POLL_SECONDS = 0.01
_WATCH_POLL_SECONDS = 0.2

log = logging.getLogger(__name__)


def start_stack(data_dir: Path, indexes_file: Path | None = None, s3_port: r2.WantedPort = r2.ANY_FREE) -> "Stack":
    """Both servers answer, and commands on this directory find them; use it as a context manager, or `stop` it.

    With `indexes_file` (a firestore.indexes.json), queries without their index fail, as in production. The S3 server
    listens on `s3_port`, or where that is taken on any, unless it is required. Raises DataDirectoryInUseError where
    another process serves the directory, EmbeddedError for all else that fails.
    """
    data_dir = data_dir.absolute()
    lock = acquire_lock(data_dir)
    stack = Stack(data_dir, lock)
    try:
        stack.start(indexes_file, s3_port)
    except OSError as error:
        stack.stop()
        raise EmbeddedError(
            f"The data directory {data_dir} cannot be used ({error.strerror}: {error.filename})."
        ) from error
    except BaseException:
        stack.stop()
        raise
    return stack


@contextmanager
def connect_or_start(data_dir: Path, indexes_file: Path | None = None) -> Iterator[Endpoints]:
    """The endpoints of whoever serves this directory; where nobody does, we serve it until the context ends."""
    found = _find_or_start(data_dir.absolute(), indexes_file)
    if isinstance(found, Endpoints):
        yield found
        return
    with found:
        yield found.endpoints


def _find_or_start(data_dir: Path, indexes_file: Path | None) -> "Endpoints | Stack":
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            return start_stack(data_dir, indexes_file)
        except DataDirectoryInUseError:
            # Its holder may still be starting, or just be stopping: then the next turn finds it, or the lock free.
            endpoints = read_endpoints(data_dir)
            if endpoints is not None and check_answering(endpoints):
                return endpoints
            if time.monotonic() > deadline:
                raise
            time.sleep(_WATCH_POLL_SECONDS)


class Stack:
    """The running servers. One that ends on its own is started again, where it was, with a growing pause."""

    endpoints: Endpoints

    def __init__(self, data_dir: Path, lock: DataDirectoryLock) -> None:
        self._data_dir = data_dir
        self._lock: DataDirectoryLock | None = lock
        self._servers: list[_Watched] = []
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="embedded-stack", daemon=True)

    def start(self, indexes_file: Path | None, s3_port: r2.WantedPort) -> None:
        """Both servers answer, and `endpoints` is set and written down. Call it once, by `start_stack`."""
        # Whatever a killed predecessor left there leads nowhere.
        remove_endpoints(self._data_dir)
        (self._data_dir / "logs").mkdir(mode=OWNER_ONLY, exist_ok=True)
        assert_database_is_whole(
            self._data_dir, self._data_dir / "firestore" / FIRESTORE_FILE, self._data_dir / "r2" / r2.BUCKET
        )
        credentials = r2.load_credentials(self._data_dir)
        firestore = _make_firestore_child(self._data_dir, indexes_file)
        s3 = r2.make_r2_child(self._data_dir, s3_port)
        for child in (firestore, s3):
            self._start_child(child)
        self._wait_until_listening()
        self.endpoints = Endpoints(
            firestore_host_port=firestore.host_port,
            r2_endpoint_url=f"http://{s3.host_port}",
            r2_bucket=r2.BUCKET,
            r2_access_key_id=credentials.access_key_id,
            r2_secret_access_key=credentials.secret_access_key,
        )
        write_endpoints(self._data_dir, self.endpoints)
        self._watcher.start()

    @property
    def is_running(self) -> bool:
        """Whether both processes run at this moment."""
        return bool(self._servers) and all(server.child.exit_code is None for server in self._servers)

    def stop(self) -> None:
        """Both servers have ended and the directory is free; stopping twice is no error."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        if self._lock is None:
            return
        remove_endpoints(self._data_dir)
        for server in self._servers:
            server.child.request_stop()
        for server in self._servers:
            server.child.stop()
        self._servers.clear()
        self._lock.release()
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start_child(self, child: Child) -> None:
        self._servers.append(_Watched(child))
        self._start_again(self._servers[-1])

    def _start_again(self, server: "_Watched") -> None:
        if self._lock is None:
            return
        server.started_at = time.monotonic()
        server.child.start(self._lock.servers_descriptor)

    def _wait_until_listening(self) -> None:
        deadline = 0.0
        last_sign = -1
        waiting = [server.child for server in self._servers]
        while waiting:
            waiting = [child for child in waiting if not _check_ready(child)]
            sign = sum(child.log_path.stat().st_size for child in waiting)
            if sign != last_sign:
                last_sign, deadline = sign, time.monotonic() + START_TIMEOUT_SECONDS
            if waiting and time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The embedded {waiting[0].name} server does not answer: see {waiting[0].log_path}."
                )
            time.sleep(_START_POLL_SECONDS)

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_POLL_SECONDS):
            for server in self._servers:
                try:
                    self._revive(server)
                except OSError:
                    log.exception("The embedded %s server cannot be started again.", server.child.name)

    def _revive(self, server: "_Watched") -> None:
        child, now = server.child, time.monotonic()
        if server.start_at is None and child.exit_code is not None:
            pause_seconds = server.note_end(now)
            log.error(
                "The embedded %s server ended (exit code %s): %s. It is started again in %.1f s; its log is %s.",
                child.name, child.exit_code, child.last_words(), pause_seconds, child.log_path,
            )  # fmt: skip
            child.stop()
        if server.start_at is not None and now >= server.start_at:
            server.start_at = None
            self._start_again(server)


@dataclass(slots=True)
class _Watched:
    """A server, and when it was and will be started."""

    child: Child
    started_at: float = 0.0
    start_at: float | None = None
    failures: int = 0

    def note_end(self, now: float) -> float:
        """The pause in seconds until it shall be started again, twice as long each time that it ends early."""
        self.failures = 0 if now - self.started_at > STEADY_AFTER_SECONDS else self.failures + 1
        pause_seconds = min(0.1 * 2**self.failures, MAX_BACKOFF_SECONDS) if self.failures > 1 else 0.0
        self.start_at = now + pause_seconds
        return pause_seconds


def _check_ready(child: Child) -> bool:
    if child.exit_code is not None:
        raise EmbeddedError(f"The embedded {child.name} server did not start: {child.last_words()}")
    return child.check_listening()


def _make_firestore_child(data_dir: Path, indexes_file: Path | None) -> Child:
    indexes = ["--indexes", str(indexes_file.absolute())] if indexes_file else []
    options = ["--data-dir", str(data_dir / "firestore"), "--grpc-only", *indexes]
    return make_module_child("firestore", "embedded.firestore", options, data_dir / "logs" / "firestore.log")
