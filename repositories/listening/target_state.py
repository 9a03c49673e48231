"""The state of one target: its documents as of the last snapshot, and what was sent since."""

import time
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Protocol

from repositories.exceptions import RepositoryError
from repositories.listening.changes import DocumentChange, DocumentState, InitialChanges, check_shown
from repositories.listening.decoding import DocumentDecoder
from repositories.listening.read_accounts import UNCHARGED, Bill, ReadAccount
from repositories.listening.removal_log import RemovalLog
from repositories.listening.target_phase import Signal, TargetPhase, move
from repositories.listening.targets import AnyTarget
from repositories.listening.versions import Version, digest_path, to_micros

DEFAULT_MAX_DOCUMENTS = 10_000
"""The limit of one target: a kilobyte of memory a document, in every process with a subscriber to it."""

_WHOLE = frozenset({TargetPhase.LOADING, TargetPhase.LOADED})
_CURRENT = frozenset({TargetPhase.CURRENT, TargetPhase.LOADED})


class Watcher(Protocol):
    """A reader of the snapshots of one target, or of two that belong together."""

    @property
    def is_eager(self) -> bool:
        """Whether the watcher waits for a time, and so for snapshots without changes as well."""

    @property
    def is_current(self) -> bool:
        """Whether all of its targets are current."""

    def tell(self) -> None:
        """The watcher has read the changes of its targets' last snapshots."""

    def fail(self, error: RepositoryError) -> None:
        """The watcher has ended with this error."""


class TargetState:
    """The documents of a target, as of its last snapshot; `changes` are those of that snapshot.

    The documents and the token outlive a stream, so that the next one sends only later changes. `account` pays for the
    first snapshot: each document that is sent before it, and at least one read.
    """

    def __init__(
        self, target: AnyTarget, account: ReadAccount = UNCHARGED, max_documents: int = DEFAULT_MAX_DOCUMENTS
    ) -> None:
        self.target = target
        self.account = account
        self.max_documents = max_documents
        self.documents: dict[str, DocumentState] = {}
        self.removals = RemovalLog()
        self.changes: Sequence[DocumentChange] = ()
        self.read_micros: int | None = None
        self.watchers: set[Watcher] = set()
        self.token = b""
        self._next_token = b""
        self._advanced_at = 0.0
        self._decoder = DocumentDecoder(target)
        self._bill = Bill(account)
        self._phase = TargetPhase.IDLE
        # Since the last snapshot: a document's state, or the time at which its delete was seen; None if unchanged.
        self._pending: dict[str, DocumentState | int | None] = {}
        # Whether the next snapshot may be of several commits, and hide what came and went in them.
        self._is_gap = False

    @property
    def is_current(self) -> bool:
        """Whether Firestore has sent everything up to now."""
        return self._phase in _CURRENT

    def ask(self) -> None:
        """The target is requested: documents since the last snapshot are sent again; without a token, all documents."""
        self._next_token = b""
        self._restart(Signal.REQUESTED_WITH_TOKEN if self.token else Signal.REQUESTED_WITHOUT_TOKEN)

    def reset(self) -> None:
        """All documents are sent again; documents that are not are removed with the next snapshot."""
        self._restart(Signal.RESET)

    def mark_current(self) -> None:
        """Firestore has sent everything up to now."""
        self._phase = move(self._phase, Signal.CURRENT)

    def mark_removed(self) -> None:
        """Firestore sends nothing more, until the target is requested again."""
        self._phase = move(self._phase, Signal.REMOVED)

    def forget_token(self) -> None:
        """The next request loads the target whole."""
        self.token = b""

    def clear_changes(self) -> None:
        """The changes of the last snapshot are dropped: all watchers have received them."""
        self.changes = ()

    def change(self, document: Any) -> None:
        """The document has this state. It is decoded here: each message is a turn of the event loop."""
        self.count_read()
        document_id = _to_id(document.name)
        self._pending[document_id] = self._read(document_id, document)

    def remove(self, name: str, micros: int) -> None:
        """The document is deleted, and was seen to be at this time."""
        self._pending[_to_id(name)] = micros

    def keep_token(self, token: bytes) -> None:
        """The token of the next snapshot: a request with it receives later changes only."""
        if token:
            self._next_token = token

    def count(self) -> int:
        """The number of documents of the target, with those sent since the last snapshot."""
        known = set[str]() if self._phase in _WHOLE else set(self.documents)
        for document_id, told in self._pending.items():
            (known.discard if isinstance(told, int) else known.add)(document_id)
        return len(known)

    @property
    def is_too_large(self) -> bool:
        """Whether the target has more documents than `max_documents`."""
        if len(self.documents) > self.max_documents:
            return True
        if len(self._pending) <= self.max_documents:
            return False
        return sum(not isinstance(told, int) for told in self._pending.values()) > self.max_documents

    def count_read(self) -> None:
        """One document more was sent, which the account is charged for before the first snapshot."""
        if self.read_micros is None:
            self._bill.add_read()

    def settle(self) -> None:
        """The account is charged for all documents that were read up to now."""
        self._bill.settle()

    def close(self) -> None:
        """The account is charged for everything, and nothing more is read."""
        self._bill.close()

    def advance(self, read_micros: int) -> None:
        """The documents that were sent are the snapshot of this time.

        `changes` leads to it from the last one, in order.
        """
        if self.read_micros is None:
            self._bill.finish()
        elif read_micros < self.read_micros:
            return  # a new stream that is not as far yet
        if self._pending or self._phase in _WHOLE:
            self.changes = self._take_first() if self.read_micros is None else self._take(read_micros)
            self._log_removals()
        if self._is_gap and self.read_micros is not None:
            self.removals.add_gap(self.read_micros, read_micros)
        self._is_gap = False
        self._phase = move(self._phase, Signal.SNAPSHOT)
        self.read_micros = read_micros
        self._advanced_at = time.monotonic()
        self.removals.begin(read_micros)
        self.token = self._next_token or self.token

    def estimate_now_micros(self) -> int:
        """The earliest present time of Firestore's clock: the last snapshot's, and the time passed here since."""
        passed_seconds = time.monotonic() - self._advanced_at
        return (self.read_micros or 0) + int(passed_seconds * 1_000_000)

    def digest(self, document_id: str) -> int:
        """The digest of a document of the target, as in its versions."""
        return digest_path(f"{self.target.folder}/{document_id}")

    def _log_removals(self) -> None:
        if self.read_micros is not None:  # nothing has left a first state
            for change in self.changes:
                self.removals.add(change)

    def _take_first(self) -> Sequence[DocumentChange]:
        """The changes of the first snapshot.

        Thousands of documents take no time here: each was decoded when it was sent.
        """
        self.documents = {
            document.id: document for document in self._pending.values() if isinstance(document, DocumentState)
        }
        self._pending = {}
        return InitialChanges([*self.documents.values()])

    def _take(self, read_micros: int) -> Sequence[DocumentChange]:
        told, self._pending = self._pending, {}
        if self._phase in _WHOLE:
            told |= dict.fromkeys(self.documents.keys() - told.keys(), read_micros)
        changed = [document for document in told.values() if isinstance(document, DocumentState)]
        gone = {document_id: micros or read_micros for document_id, micros in told.items() if isinstance(micros, int)}
        times = {document.version.micros for document in changed} | set(gone.values())
        self._is_gap |= len(times) > 1 or not gone.keys() <= self.documents.keys()
        changes = [self._put(document) for document in changed]
        changes += self._drop(gone, min((document.version.micros for document in changed), default=None))
        shown = (change for change in changes if check_shown(change.before, None) or check_shown(change.after, None))
        return sorted(shown, key=attrgetter("version"))

    def _read(self, document_id: str, document: Any) -> DocumentState | None:
        """The document's state; None where this version is known."""
        micros = to_micros(document.update_time)
        known = self.documents.get(document_id)
        if known is not None and known.version.micros == micros:
            return None
        digest = self.digest(document_id) if known is None else known.version.digest
        version, born_micros = Version(micros, digest), to_micros(document.create_time)
        born = version if born_micros == micros else Version(born_micros, digest)
        return self._decoder.read_state(document_id, document, version, born)

    def _restart(self, signal: Signal) -> None:
        self._phase = move(self._phase, signal)
        self._pending.clear()
        self._is_gap = True

    def _put(self, document: DocumentState) -> DocumentChange:
        before = self.documents.get(document.id)
        self.documents[document.id] = document
        return DocumentChange(document.id, document.version, document.version.micros, before, document)

    def _drop(self, gone: dict[str, int], first_change: int | None) -> Iterable[DocumentChange]:
        """The changes of deleted documents: before all changes that may have come after them."""
        for document_id, latest_micros in gone.items():
            before = self.documents.pop(document_id, None)
            if before is None:
                continue
            micros = latest_micros if first_change is None else min(latest_micros, first_change - 1)
            if latest_micros == first_change:
                micros = first_change  # of the same commit
            version = Version(max(micros, (self.read_micros or 0) + 1), before.version.digest)
            yield DocumentChange(document_id, version, latest_micros, before, None)


def _to_id(name: str) -> str:
    return name.rpartition("/")[2]
