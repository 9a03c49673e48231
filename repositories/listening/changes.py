"""What subscribers are told: that a document is there, has changed, or is gone."""

from dataclasses import dataclass
from enum import StrEnum

from repositories.listening.versions import Version
from repositories.models import ClipMetadata, VideoMetadata

Model = VideoMetadata | ClipMetadata


class ChangeKind(StrEnum):
    """What has become of a document, as a subscriber sees it."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one document; shared by all subscribers that are told it.

    `id` is the video's or the clip's; `version` orders changes as text; `model` is None where it is REMOVED.
    """

    kind: ChangeKind
    id: str
    version: str
    model: Model | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as it was at a version; `model` is None where it is being deleted or cannot be read: nobody sees it.

    `born` is the version with which it was created.
    """

    id: str
    version: Version
    born: Version
    model: Model | None

    @property
    def style(self) -> str | None:
        """The style of a clip."""
        return self.model.style if isinstance(self.model, ClipMetadata) else None


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


def check_style(style: str | None, wanted: str | None) -> bool:
    """Whether a filter by `wanted` leaves what has this style; None filters nothing."""
    return wanted is None or style == wanted


def check_shown(entry: Entry | None, wanted: str | None) -> bool:
    """Whether a subscriber that filters by this style sees the document."""
    return entry is not None and entry.model is not None and check_style(entry.style, wanted)


def make_change(kind: ChangeKind, entry: Entry, version: Version | None = None) -> Change:
    """The change that makes a subscriber see the document so; by default with the document's own version."""
    model = None if kind is ChangeKind.REMOVED else entry.model
    return Change(kind, entry.id, str(version or entry.version), model)


def to_change(event: Event, wanted: str | None) -> Change | None:
    """The event as a subscriber with this filter sees it; None where it does not."""
    was_shown = check_shown(event.before, wanted)
    if event.after is not None and check_shown(event.after, wanted):
        return make_change(ChangeKind.MODIFIED if was_shown else ChangeKind.ADDED, event.after)
    return Change(ChangeKind.REMOVED, event.id, str(event.version), None) if was_shown else None


def merge(waiting: Change, newer: Change) -> Change | None:
    """The two changes of a document as one; None where a subscriber need not hear of it at all."""
    kind = _MERGED.get((waiting.kind, newer.kind), newer.kind)
    if kind is None or kind is newer.kind:
        return None if kind is None else newer
    return Change(kind, newer.id, newer.version, newer.model)


_MERGED: dict[tuple[ChangeKind, ChangeKind], ChangeKind | None] = {
    (ChangeKind.ADDED, ChangeKind.MODIFIED): ChangeKind.ADDED,
    (ChangeKind.ADDED, ChangeKind.REMOVED): None,
    (ChangeKind.REMOVED, ChangeKind.ADDED): ChangeKind.MODIFIED,
}
