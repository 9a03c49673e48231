"""The documents of one target, as of the last moment at which Firestore has told all of them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from repositories.listening.changes import Entry, Event, check_shown
from repositories.listening.departures import Departures
from repositories.listening.targets import AnyTarget
from repositories.listening.versions import Version, digest_path, to_micros
from repositories.stored import StoredDocument

if TYPE_CHECKING:
    from repositories.listening.audiences import Audience


class Feed:
    """What a stream is told of one target, until it makes a state; then `events` has what has changed since the last.

    The documents and the token stay when a stream breaks, so that the next one tells only what came meanwhile.
    """

    def __init__(self, target: AnyTarget) -> None:
        self.target = target
        self.documents: dict[str, Entry] = {}
        self.departures = Departures()
        self.events: Sequence[Event] = ()
        self.read_micros: int | None = None
        self.audiences: set[Audience] = set()
        self.is_current = False
        self.token = b""
        self._next_token = b""
        # Since the state: a protobuf Document, or when it was told that the document is gone.
        self._pending: dict[str, Any] = {}
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
        """The document is so, or was when it was told."""
        self._pending[_to_id(document.name)] = document

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

    def advance(self, read_micros: int) -> None:
        """What was told is the state as of this time; `events` is how it differs from the last one, in order."""
        if self.read_micros is not None and read_micros < self.read_micros:
            return  # a new stream that is not as far yet
        if self._pending or self._is_reset:
            self.events = self._take(read_micros)
            for event in self.events:
                self.departures.add(event)
        if self._is_gap and self.read_micros is not None:
            self.departures.add_gap(self.read_micros, read_micros)
        self._is_gap = False
        self.read_micros = read_micros
        self.departures.begin(read_micros)
        self.token = self._next_token or self.token

    def digest(self, document_id: str) -> int:
        """The digest of a document of the target, which stands in its versions."""
        return digest_path(f"{self.target.folder}/{document_id}")

    def _take(self, read_micros: int) -> list[Event]:
        told, self._pending = self._pending, {}
        if self._is_reset:
            told |= dict.fromkeys(self.documents.keys() - told.keys(), read_micros)
            self._is_reset = False
        entries = [self._read(document) for document in told.values() if not isinstance(document, int)]
        changed = [entry for entry in entries if entry is not None]
        gone = {document_id: micros or read_micros for document_id, micros in told.items() if isinstance(micros, int)}
        times = {entry.version.micros for entry in changed} | set(gone.values())
        self._is_gap |= len(times) > 1 or not gone.keys() <= self.documents.keys()
        events = [self._put(entry) for entry in changed]
        events += self._remove(gone, min((entry.version.micros for entry in changed), default=None))
        shown = (event for event in events if check_shown(event.before, None) or check_shown(event.after, None))
        return sorted(shown, key=lambda event: event.version)

    def _read(self, document: Any) -> Entry | None:
        """The entry of the document; None where it is what is known already."""
        document_id, micros = _to_id(document.name), to_micros(document.update_time)
        known = self.documents.get(document_id)
        if known is not None and known.version.micros == micros:
            return None
        digest = self.digest(document_id) if known is None else known.version.digest
        born = Version(to_micros(document.create_time), digest)
        return Entry(
            document_id, Version(micros, digest), born, self.target.read(StoredDocument.from_message(document))
        )

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
