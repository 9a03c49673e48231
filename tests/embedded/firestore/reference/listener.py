"""A listener in the model's terms: a mirror of one query's results, kept by what the server tells of them."""

import queue
from collections.abc import Iterator
from typing import Any, Self

from tests.embedded.firestore.raw import SERVICE, message
from tests.embedded.firestore.reference.queries import Found, Query, to_message
from tests.embedded.firestore.reference.subject import Subject
from tests.embedded.firestore.reference.values import sort_key, to_micros

NO_CHANGE, ADD, REMOVE, CURRENT, RESET = range(5)
TARGET_ID = 7


class Listener:
    """One stream with one target. `read_time` is that of the last consistent snapshot."""

    def __init__(self, subject: Subject, query: Query, token: bytes = b"", known: "Listener | None" = None) -> None:
        self.query = query
        self.token = token
        self.read_time = 0
        self._subject = subject
        self._mirror: dict[str, Found] = dict(known._mirror) if known else {}
        self._is_current = False
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._requests.put(self._request())
        self._call = subject.raw.open_stream(f"/{SERVICE}/Listen", iter(self._requests.get, None))

    def resume(self) -> Self:
        """A new listener that goes on where this one, now closed, has stopped."""
        self.close()
        return type(self)(self._subject, self.query, self.token, self)

    def close(self) -> None:
        """Ends the stream."""
        self._requests.put(None)
        self._call.cancel()

    def snapshots(self) -> Iterator[list[Found]]:
        """Each consistent snapshot as it comes: documents by name. RpcError where none comes for long."""
        for data in self._call:
            if self._learn(message("ListenResponse").FromString(data)):
                yield self.documents

    @property
    def documents(self) -> list[Found]:
        """The query's results by name, as far as this listener has been told."""
        return sorted(self._mirror.values(), key=lambda found: sort_key(found.path))

    def _request(self) -> bytes:
        structured_query = to_message(self.query)
        target = {
            "query": {"parent": self._subject.name(self.query.parent), "structured_query": structured_query},
            "target_id": TARGET_ID,
            **({"resume_token": self.token} if self.token else {}),
        }
        request: bytes = message("ListenRequest")(
            database=self._subject.database, add_target=target
        ).SerializeToString()
        return request

    def _learn(self, answer: Any) -> bool:
        """Takes note of a message, and tells whether all that was told is now consistent."""
        match answer.WhichOneof("response_type"):
            case "document_change":
                found = self._subject.found(answer.document_change.document)
                self._mirror.pop(found.path, None)
                if TARGET_ID in answer.document_change.target_ids:
                    self._mirror[found.path] = found
            case "document_delete":
                self._mirror.pop(self._subject.path(answer.document_delete.document), None)
            case "document_remove":
                self._mirror.pop(self._subject.path(answer.document_remove.document), None)
            case "filter":
                assert answer.filter.count == len(self._mirror), "the server counts other documents than it has told"
            case _:
                return self._learn_target(answer.target_change)
        return False

    def _learn_target(self, change: Any) -> bool:
        kind = change.target_change_type
        assert kind != REMOVE, change.cause
        if kind == RESET:
            self._mirror.clear()
            self._is_current = False
        if kind == CURRENT:
            self._is_current = True
        self.token = change.resume_token or self.token
        if kind != NO_CHANGE or change.target_ids or not self._is_current:
            return False
        assert to_micros(change.read_time) >= self.read_time, "read times of a stream go forward"
        self.read_time = to_micros(change.read_time)
        return True
