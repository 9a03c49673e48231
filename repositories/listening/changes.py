"""What subscribers are told: that a document is there, has changed, or is gone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Protocol, overload

from repositories.listening.versions import Version
from repositories.models import ClipMetadata, VideoMetadata

Model = VideoMetadata | ClipMetadata


class Decoder(Protocol):
    """Decodes the stored bytes of a target's documents."""

    def decode(self, document_id: str, data: bytes) -> Model | None:
        """The document's model; None where it is being deleted or cannot be read."""
        ...


class ChangeKind(StrEnum):
    """What has become of a document, as a subscriber sees it."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as it was at a version, as bytes: a model takes five times the memory, and few are asked for again.

    `born` is the version with which it was created, `style` a clip's. Nobody sees a document that is not `is_shown`:
    it is being deleted, or cannot be read.
    """

    id: str
    version: Version
    born: Version
    style: str | None
    is_shown: bool
    data: bytes
    decoder: Decoder

    def decode(self) -> Model | None:
        """The model, made anew by each call."""
        return self.decoder.decode(self.id, self.data) if self.is_shown else None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one document; shared by all subscribers that are told it.

    `id` is the video's or the clip's; `version` orders changes as text; `entry` is None where it is REMOVED.
    """

    kind: ChangeKind
    id: str
    version: str
    entry: Entry | None
    _models: list[Model | None] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def model(self) -> Model | None:
        """The document as it is by this change, decoded when it is first asked for; None where it is REMOVED."""
        if not self._models:
            self._models.append(None if self.entry is None else self.entry.decode())
        return self._models[0]


@dataclass(frozen=True, slots=True)
class Event:
    """What a commit has made of a document; None where there was none, or is none that anybody sees.

    `latest_micros` is when at the latest it happened: Firestore tells of a delete when it was seen, not when it was.
    """

    id: str
    version: Version
    latest_micros: int
    before: Entry | None
    after: Entry | None


class Arrivals(Sequence[Event]):
    """The events of a first state, in order, made when they are asked for: most often nobody is there to be told."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    @cached_property
    def _events(self) -> Sequence[Event]:
        shown = sorted((entry for entry in self._entries if entry.is_shown), key=attrgetter("version"))
        return [Event(entry.id, entry.version, entry.version.micros, None, entry) for entry in shown]

    def __len__(self) -> int:
        return len(self._events)

    def __bool__(self) -> bool:
        return bool(self._entries)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._events[index]


def check_style(style: str | None, wanted: str | None) -> bool:
    """Whether a filter by `wanted` leaves what has this style; None filters nothing."""
    return wanted is None or style == wanted


def check_shown(entry: Entry | None, wanted: str | None) -> bool:
    """Whether a subscriber that filters by this style sees the document."""
    return entry is not None and entry.is_shown and check_style(entry.style, wanted)


def to_change(event: Event, wanted: str | None) -> Change | None:
    """The event as a subscriber with this filter sees it; None where it does not."""
    was_shown = check_shown(event.before, wanted)
    if event.after is not None and check_shown(event.after, wanted):
        kind = ChangeKind.MODIFIED if was_shown else ChangeKind.ADDED
        return Change(kind, event.id, str(event.version), event.after)
    return Change(ChangeKind.REMOVED, event.id, str(event.version), None) if was_shown else None


def merge(waiting: Change, newer: Change) -> Change | None:
    """The two changes of a document as one; None where a subscriber need not hear of it at all."""
    kind = _MERGED.get((waiting.kind, newer.kind), newer.kind)
    if kind is None or kind is newer.kind:
        return None if kind is None else newer
    return Change(kind, newer.id, newer.version, newer.entry)


_MERGED: dict[tuple[ChangeKind, ChangeKind], ChangeKind | None] = {
    (ChangeKind.ADDED, ChangeKind.MODIFIED): ChangeKind.ADDED,
    (ChangeKind.ADDED, ChangeKind.REMOVED): None,
    (ChangeKind.REMOVED, ChangeKind.ADDED): ChangeKind.MODIFIED,
}
