"""Listeners: one raw Listen stream with its messages, and the client's on_snapshot with its callbacks."""

import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from google.cloud.firestore_v1.types import TargetChange

from tests.embedded.firestore.conformance.place import Place
from tests.patience import PATIENCE_SECONDS

Change = TargetChange.TargetChangeType


class Stream:
    """An open Listen stream, with targets added and removed one by one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        api = place.client._firestore_api
        self._call = api.transport.listen(
            iter(self._requests.get, None), metadata=place.client._rpc_metadata, timeout=PATIENCE_SECONDS
        )

    def close(self) -> None:
        """The stream has ended."""
        self._requests.put(None)
        self._call.cancel()

    def send(self, **request: Any) -> None:
        """The server has been asked to add or to remove a target."""
        self._requests.put(self._place.fill({"database": "{database}", **request}))

    def listen_query(self, query: Mapping[str, Any] | None = None, target_id: int = 7, **options: Any) -> None:
        """A query on the row's collection is a target."""
        target = {"parent": self._place.root, "structured_query": self._place.structured(query or {})}
        self.send(add_target={"query": target, "target_id": target_id, **options})

    def listen_documents(self, *paths: str, target_id: int = 7) -> None:
        """The documents are a target."""
        names = [self._place.name(path) for path in paths]
        self.send(add_target={"documents": {"documents": names}, "target_id": target_id})

    def __iter__(self) -> Iterator[Any]:
        return iter(self._call)

    def until(self, change: int, *, since: Any = None) -> list[Any]:
        """The messages up to and with the next such change of a target, read at `since` or later.

        A NO_CHANGE counts where it has a read_time and no target ids: only then is all of it one snapshot.
        """
        messages: list[Any] = []
        for message in self:
            messages.append(message)
            target = message.target_change
            if "target_change" not in message or target.target_change_type != change:
                continue
            if change == Change.NO_CHANGE and (target.target_ids or not target.read_time):
                continue
            if since is None or target.read_time >= since:
                return messages
        raise AssertionError("the stream ended")

    def snapshot(self, *, since: Any = None) -> list[Any]:
        """The messages up to the next consistent snapshot, read at `since` or later."""
        return self.until(Change.NO_CHANGE, since=since)

    def start(self) -> list[Any]:
        """The messages up to the first snapshot of a target that was just added."""
        return [*self.until(Change.CURRENT), *self.snapshot()]


def kinds(messages: list[Any]) -> list[str]:
    """The kind of each message in a word or two: ADD, CURRENT, NO_CHANGE, change a, delete a, remove a."""
    return [kind(message) for message in messages]


def kind(message: Any) -> str:
    """The kind of the message, and its document."""
    if "document_change" in message:
        change = message.document_change
        return f"{'change' if change.target_ids else 'remove'} {id_of(change.document.name)}"
    if "document_delete" in message:
        return f"delete {id_of(message.document_delete.document)}"
    if "document_remove" in message:
        return f"remove {id_of(message.document_remove.document)}"
    if "filter" in message:
        return f"filter {message.filter.count}"
    return str(Change(message.target_change.target_change_type).name)


def id_of(name: str) -> str:
    """The document's id."""
    return name.rpartition("/")[2]


def changes(messages: list[Any]) -> list[str]:
    """The messages about documents alone, sorted: within one snapshot their order says nothing."""
    return sorted(each for each in kinds(messages) if each.split()[0] in {"change", "delete", "remove"})


@contextmanager
def listening(place: Place) -> Iterator[Stream]:
    """A stream that is closed on the way out."""
    stream = Stream(place)
    try:
        yield stream
    finally:
        stream.close()


class Snapshots:
    """The snapshots that the client's on_snapshot has called back with, in order."""

    def __init__(self, query: Any) -> None:
        self._told: queue.SimpleQueue[tuple[list[str], list[str]]] = queue.SimpleQueue()
        self._watch = query.on_snapshot(self._remember)

    def _remember(self, documents: Any, changed: Any, _read_time: Any) -> None:
        ids = [document.id for document in documents]
        self._told.put((ids, [f"{change.type.name} {change.document.id}" for change in changed]))

    def next(self) -> tuple[list[str], list[str]]:
        """The ids in the query's order, and what has changed since the snapshot before, such as "ADDED a"."""
        for _ in range(100):
            with suppress(queue.Empty):
                return self._told.get(timeout=0.1)
            assert self._watch.is_active, "the watch has ended"
        raise AssertionError("no snapshot in ten seconds")

    def close(self) -> None:
        """There are no more calls."""
        self._watch.unsubscribe()


@contextmanager
def watching(query: Any) -> Iterator[Snapshots]:
    """The client's on_snapshot, unsubscribed on the way out."""
    snapshots = Snapshots(query)
    try:
        yield snapshots
    finally:
        snapshots.close()
