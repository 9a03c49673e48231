"""The documents of one target, as of the last moment at which Firestore has told all of them."""

import time
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from repositories.listening.changes import Arrivals, Entry, Event, check_shown
from repositories.listening.decoding import DocumentDecoder
from repositories.listening.payers import NOBODY, Payer
from repositories.listening.removal_log import Departures
from repositories.listening.targets import AnyTarget
from repositories.listening.versions import Version, digest_path, to_micros

if TYPE_CHECKING:
    from repositories.listening.fan_out import Audience

DEFAULT_MAX_DOCUMENTS = 10_000
"""Of one target: a kilobyte of memory each, in every process in which somebody follows it."""

READS_PER_PAYMENT = 100
"""How many documents are read before their payer is told: whoever leaves meanwhile still pays for what was read."""


class Feed:
    """What a stream is told of one target, until it makes a state; then `events` has what has changed since the last.

    The documents and the token stay when a stream breaks, so that the next one tells only what came meanwhile.
    `payer` pays for the first state: each document that is told before it, and at least one read.
    """

    def __init__(self, target: AnyTarget, payer: Payer = NOBODY, max_documents: int = DEFAULT_MAX_DOCUMENTS) -> None:
        self.target = target
        self.payer = payer
        self.max_documents = max_documents
        self.documents: dict[str, Entry] = {}
        self.departures = Departures()
        self.events: Sequence[Event] = ()
        self.read_micros: int | None = None
        self.audiences: set[Audience] = set()
        self.is_current = False
        self.token = b""
        self._next_token = b""
        self._advanced_at = 0.0
        self._decoder = DocumentDecoder(target)
        self._unpaid = 0
        self._has_paid = False
        self._is_paid_for = False
        payer.begin_read()
        # Since the state: the entry, or when it was told that the document is gone; None where nothing has changed.
        self._pending: dict[str, Entry | int | None] = {}
        self._is_reset = False
        self._is_gap = False  # whether what comes next may be of several commits, and hide what came and went in them

    def ask(self) -> None:
        """The target is asked for: what was told and made no state will be told again; without a token, everything."""
        self._pending.clear()
        self._next_token = b""
        self.is_current = False
        self._is_reset = not self.token
        self._is_gap = True

    def reset(self) -> None:
        """All documents follow; those that do not are gone."""
        self._pending.clear()
        self.is_current = False
        self._is_reset = True
        self._is_gap = True

    def change(self, document: Any) -> None:
        """The document is so, or was when it was told. Decoded here: each message is a turn of the event loop."""
        self.count_read()
        document_id = _to_id(document.name)
        self._pending[document_id] = self._read(document_id, document)

    def lose(self, name: str, micros: int) -> None:
        """The document is gone; it was seen at this time."""
        self._pending[_to_id(name)] = micros

    def keep_token(self, token: bytes) -> None:
        """With this token, all that was told up to here need not be told again."""
        if token:
            self._next_token = token

    def count(self) -> int:
        """How many documents the target has by what was told."""
        known = set[str]() if self._is_reset else set(self.documents)
        for document_id, told in self._pending.items():
            (known.discard if isinstance(told, int) else known.add)(document_id)
        return len(known)

    @property
    def is_too_large(self) -> bool:
        """Whether the target has more documents than one may have here."""
        if len(self.documents) > self.max_documents:
            return True
        if len(self._pending) <= self.max_documents:
            return False
        return sum(not isinstance(told, int) for told in self._pending.values()) > self.max_documents

    def count_read(self) -> None:
        """One document more was told: the payer's, where that was for the first state."""
        if self.read_micros is None:
            self._unpaid += 1
            if self._unpaid == READS_PER_PAYMENT:
                self.settle()

    def settle(self) -> None:
        """The payer has been told of all documents that were read up to now."""
        if self._unpaid:
            self.payer.pay(self._unpaid)
            self._has_paid = True
        self._unpaid = 0

    def close(self) -> None:
        """Nothing is read any more that the payer has not paid for."""
        self.settle()
        if not self._is_paid_for:
            self._is_paid_for = True
            self.payer.end_read()

    def advance(self, read_micros: int) -> None:
        """What was told is the state as of this time; `events` is how it differs from the last one, in order."""
        if self.read_micros is None:
            self._finish_paying()
        elif read_micros < self.read_micros:
            return  # a new stream that is not as far yet
        if self._pending or self._is_reset:
            self.events = self._take_first() if self.read_micros is None else self._take(read_micros)
            self._log_departures()
        if self._is_gap and self.read_micros is not None:
            self.departures.add_gap(self.read_micros, read_micros)
        self._is_gap = False
        self.read_micros = read_micros
        self._advanced_at = time.monotonic()
        self.departures.begin(read_micros)
        self.token = self._next_token or self.token

    def estimate_now_micros(self) -> int:
        """The least that Firestore's clock shows now: the last state's time, and what has passed here since."""
        passed_seconds = time.monotonic() - self._advanced_at
        return (self.read_micros or 0) + int(passed_seconds * 1_000_000)

    def digest(self, document_id: str) -> int:
        """The digest of a document of the target, which stands in its versions."""
        return digest_path(f"{self.target.folder}/{document_id}")

    def _log_departures(self) -> None:
        if self.read_micros is not None:  # nothing has left a first state
            for event in self.events:
                self.departures.add(event)

    def _take_first(self) -> Sequence[Event]:
        """The first state. Thousands of documents take no time here: each was decoded when it was told."""
        self.documents = {entry.id: entry for entry in self._pending.values() if isinstance(entry, Entry)}
        self._pending, self._is_reset = {}, False
        return Arrivals([*self.documents.values()])

    def _take(self, read_micros: int) -> Sequence[Event]:
        told, self._pending = self._pending, {}
        if self._is_reset:
            told |= dict.fromkeys(self.documents.keys() - told.keys(), read_micros)
            self._is_reset = False
        changed = [entry for entry in told.values() if isinstance(entry, Entry)]
        gone = {document_id: micros or read_micros for document_id, micros in told.items() if isinstance(micros, int)}
        times = {entry.version.micros for entry in changed} | set(gone.values())
        self._is_gap |= len(times) > 1 or not gone.keys() <= self.documents.keys()
        events = [self._put(entry) for entry in changed]
        events += self._remove(gone, min((entry.version.micros for entry in changed), default=None))
        shown = (event for event in events if check_shown(event.before, None) or check_shown(event.after, None))
        return sorted(shown, key=attrgetter("version"))

    def _read(self, document_id: str, document: Any) -> Entry | None:
        """The entry of the document; None where it is what is known already."""
        micros = to_micros(document.update_time)
        known = self.documents.get(document_id)
        if known is not None and known.version.micros == micros:
            return None
        digest = self.digest(document_id) if known is None else known.version.digest
        version, born_micros = Version(micros, digest), to_micros(document.create_time)
        born = version if born_micros == micros else Version(born_micros, digest)
        return self._decoder.read_entry(document_id, document, version, born)

    def _finish_paying(self) -> None:
        """The first state is whole. Firestore bills one read where there is nothing."""
        if not self._has_paid:
            self._unpaid = max(1, self._unpaid)
        self.close()

    def _put(self, entry: Entry) -> Event:
        before = self.documents.get(entry.id)
        self.documents[entry.id] = entry
        return Event(entry.id, entry.version, entry.version.micros, before, entry)

    def _remove(self, gone: dict[str, int], first_change: int | None) -> Iterable[Event]:
        """The events of documents that are gone: before all changes that may have come after them."""
        for document_id, latest_micros in gone.items():
            before = self.documents.pop(document_id, None)
            if before is None:
                continue
            micros = latest_micros if first_change is None else min(latest_micros, first_change - 1)
            if latest_micros == first_change:
                micros = first_change  # of the same commit
            version = Version(max(micros, (self.read_micros or 0) + 1), before.version.digest)
            yield Event(document_id, version, latest_micros, before, None)


def _to_id(name: str) -> str:
    return name.rpartition("/")[2]
