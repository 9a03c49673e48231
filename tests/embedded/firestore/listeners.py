"""The shared parts of Listen's tests: a script of writes, listeners that are held to it, and a wire that can be cut."""

import json
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, FieldFilter

from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
State = dict[str, dict[str, Any]]
View = Callable[[State], list[str]]


class Script:
    """Numbered writes of forty documents: sets, changes and deletions; `states[i]` is what the first i have made."""

    def __init__(self, length: int) -> None:
        self.writes: list[tuple[str, dict[str, Any] | None]] = []
        self.states: list[State] = [{}]
        for number in range(length):
            path = f"d{number * 7 % 40:02}"
            fields = None if number % 5 == 4 else {"n": number, "even": number % 2 == 0}
            self.writes.append((path, fields))
            state = {**self.states[-1], path: fields or {}}
            self.states.append(state if fields is not None else {key: state[key] for key in state if key != path})

    def play(self, collection: Any, start: int = 0, end: int | None = None) -> None:
        """Commits the writes, one by one."""
        for path, fields in self.writes[start:end]:
            document = collection.document(path)
            document.delete() if fields is None else document.set(fields)


def brief(numbers: Iterable[tuple[str, int]]) -> list[str]:
    """The documents as they are compared: each with its number, and by id: Python's client has its own order."""
    return sorted(f"{path}={number}" for path, number in numbers)


def everything(state: State) -> list[str]:
    """The collection."""
    return brief((path, state[path]["n"]) for path in state)


def even(state: State) -> list[str]:
    """The documents whose number is even."""
    return everything({path: state[path] for path in state if state[path]["even"]})


def latest(state: State) -> list[str]:
    """The ten documents with the highest numbers."""
    return brief(sorted(((path, state[path]["n"]) for path in state), key=lambda item: -item[1])[:10])


def one(state: State) -> list[str]:
    """The document d07."""
    return everything({path: state[path] for path in state if path == "d07"})


def make_targets(collection: Any) -> dict[View, Any]:
    """The targets to listen to, each with the part of a state that it shows."""
    return {
        everything: collection,
        even: collection.where(filter=FieldFilter("even", "==", True)),
        latest: collection.order_by("n", direction="DESCENDING").limit(10),
        one: collection.document("d07"),
    }


def assert_follows(snapshots: Iterable[list[str]], states: list[list[str]]) -> None:
    """Every snapshot is a state of the script, in the script's order, and the last one is the last of them."""
    at = 0
    snapshot: list[str] | None = None
    for snapshot in snapshots:
        while at < len(states) and states[at] != snapshot:
            at += 1
        assert at < len(states), f"never or no longer a state: {snapshot}"
    assert snapshot == states[-1]


class Follower:
    """An on_snapshot of the Python client, and all that it has called back with."""

    def __init__(self, target: Any) -> None:
        self.snapshots: list[list[str]] = []
        self.read_times: list[Any] = []
        self._changed = threading.Condition()
        self._watch = target.on_snapshot(self._remember)

    def _remember(self, documents: Any, _changes: Any, read_time: Any) -> None:
        with self._changed:
            self.snapshots.append(brief((document.id, document.get("n")) for document in documents))
            self.read_times.append(read_time)
            self._changed.notify_all()

    def wait_for(self, snapshot: list[str]) -> None:
        """The last snapshot is this one."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: self.snapshots[-1:] == [snapshot], PATIENCE_SECONDS)
        assert arrived, f"expected {snapshot}, and the last of {len(self.snapshots)} is {self.snapshots[-1:]}"

    def close(self) -> None:
        """There are no more calls."""
        self._watch.unsubscribe()


@contextmanager
def following(targets: Mapping[View, Any]) -> Iterator[dict[View, Follower]]:
    """A follower of each target, from its first snapshot on; unsubscribed on the way out."""
    followers = {view: Follower(target) for view, target in targets.items()}
    try:
        yield followers
    finally:
        for follower in followers.values():
            follower.close()


def make_project() -> str:
    """A project that nobody else uses."""
    return f"test-{secrets.token_hex(6)}"


@contextmanager
def connect(address: str, project: str) -> Iterator[Client]:
    """A client of the server at an address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", address)
        client = Client(project=project, credentials=AnonymousCredentials())
    yield client
    client.close()


@contextmanager
def serving(data_dir: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A server as a process, and its address; killed on the way out."""
    command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), "--exit-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["host_port"], process
        finally:
            process.kill()


class Wire:
    """A TCP proxy in front of a server, which may move; `cut` breaks all that goes through it."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """Breaks every connection, with whatever is under way in it; returns how many there were."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def close(self) -> None:
        """Takes no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                host, _, port = self.backend.rpartition(":")
                try:
                    far = socket.create_connection((host, int(port)))
                except OSError:
                    near.close()
                    continue
                self._pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


@contextmanager
def wired(backend: str) -> Iterator[Wire]:
    """A wire to a server, closed on the way out."""
    wire = Wire(backend)
    try:
        yield wire
    finally:
        wire.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()
