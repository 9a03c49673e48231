"""The changes that subscribers receive: a document was added, modified or removed."""

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
    """The kind of a change, as a subscriber sees it."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class DocumentState:
    """A document at a version, as bytes: a model takes five times the memory, and few are used again.

    `born` is the version of its creation, `style` a clip's. A document that is not `is_shown` is being deleted, or
    cannot be read: no subscriber sees it.
    """

    id: str
    version: Version
    born: Version
    style: str | None
    is_shown: bool
    data: bytes
    decoder: Decoder

    def decode(self) -> Model | None:
        """The model, built by each call; None where the document is not shown."""
        return self.decoder.decode(self.id, self.data) if self.is_shown else None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one document, shared by all subscribers that receive it.

    `id` is the video's or the clip's; `version` orders changes as text; `document` is None where it is REMOVED.
    """

    kind: ChangeKind
    id: str
    version: str
    document: DocumentState | None
    _models: list[Model | None] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def is_removal(self) -> bool:
        """Whether the subscriber no longer sees the document."""
        return self.kind is ChangeKind.REMOVED

    @property
    def model(self) -> Model | None:
        """The document as it is by this change, decoded when it is first asked for; None where it is REMOVED."""
        if not self._models:
            self._models.append(None if self.document is None else self.document.decode())
        return self._models[0]


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """The states of a document before and after a commit; None where it did not exist.

    `latest_micros` is the latest possible time of the change: Firestore dates a delete by when it was seen.
    """

    id: str
    version: Version
    latest_micros: int
    before: DocumentState | None
    after: DocumentState | None


class InitialChanges(Sequence[DocumentChange]):
    """The changes of a first snapshot, in order, built on first access: most often no subscriber needs them."""

    def __init__(self, documents: Sequence[DocumentState]) -> None:
        self._documents = documents

    @cached_property
    def _changes(self) -> Sequence[DocumentChange]:
        shown = sorted((document for document in self._documents if document.is_shown), key=attrgetter("version"))
        return [
            DocumentChange(document.id, document.version, document.version.micros, None, document) for document in shown
        ]

    def __len__(self) -> int:
        return len(self._changes)

    def __bool__(self) -> bool:
        return bool(self._documents)

    @overload
    def __getitem__(self, index: int) -> DocumentChange: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[DocumentChange]: ...

    def __getitem__(self, index: int | slice) -> DocumentChange | Sequence[DocumentChange]:
        return self._changes[index]


def check_style(style: str | None, wanted: str | None) -> bool:
    """Whether a filter by the style `wanted` keeps this style; None filters nothing."""
    return wanted is None or style == wanted


def check_shown(document: DocumentState | None, wanted: str | None) -> bool:
    """Whether a subscriber that filters by this style sees the document."""
    return document is not None and document.is_shown and check_style(document.style, wanted)


def to_change(change: DocumentChange, wanted: str | None) -> Change | None:
    """The change as a subscriber with this filter sees it; None where it does not."""
    was_shown = check_shown(change.before, wanted)
    if change.after is not None and check_shown(change.after, wanted):
        kind = ChangeKind.MODIFIED if was_shown else ChangeKind.ADDED
        return Change(kind, change.id, str(change.version), change.after)
    return Change(ChangeKind.REMOVED, change.id, str(change.version), None) if was_shown else None


def merge(waiting: Change, newer: Change) -> Change | None:
    """The two changes of a document as one; None where they cancel each other out."""
    kind = _MERGED.get((waiting.kind, newer.kind), newer.kind)
    if kind is None or kind is newer.kind:
        return None if kind is None else newer
    return Change(kind, newer.id, newer.version, newer.document)


_MERGED: dict[tuple[ChangeKind, ChangeKind], ChangeKind | None] = {
    (ChangeKind.ADDED, ChangeKind.MODIFIED): ChangeKind.ADDED,
    (ChangeKind.ADDED, ChangeKind.REMOVED): None,
    (ChangeKind.REMOVED, ChangeKind.ADDED): ChangeKind.MODIFIED,
}
