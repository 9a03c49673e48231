"""What leads a subscriber from what it knows to what is there. Every list is in the order of versions."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, overload

from repositories.listening.changes import Change, ChangeKind, Entry, check_shown, check_style
from repositories.listening.past_reader import Known
from repositories.listening.target_state import Feed
from repositories.listening.versions import Version

_get_version = attrgetter("version")


class Step(NamedTuple):
    """A change without its text and its model."""

    version: Version
    kind: ChangeKind
    id: str
    entry: Entry | None

    def to_change(self) -> Change:
        """The change as it is told."""
        return Change(self.kind, self.id, str(self.version), self.entry)


class Steps(Sequence[Change]):
    """Changes that are made when they are asked for, and not kept: a long list's models are never there all at once."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Change: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Change]: ...

    def __getitem__(self, index: int | slice) -> Change | Sequence[Change]:
        found = self._steps[index]
        return found.to_change() if isinstance(found, Step) else Steps(found)


def list_present(feed: Feed, style: str | None) -> Sequence[Change]:
    """From nothing to the state of the feed.

    The last version says as of when that is: whoever comes back with it may have been told nothing since, for long.
    """
    shown = [entry for entry in feed.documents.values() if check_shown(entry, style)]
    shown.sort(key=_get_version)
    steps = [Step(entry.version, ChangeKind.ADDED, entry.id, entry) for entry in shown]
    if steps:
        steps[-1] = steps[-1]._replace(version=Version.end_of(feed.read_micros or 0))
    return Steps(steps)


def list_differences(feed: Feed, known: Known, style: str | None, after: Version) -> Sequence[Change]:
    """From what was known at a version to the state of the feed."""
    lost = {document_id for document_id, known_style in known.items() if check_style(known_style, style)}
    steps: dict[Version, Step] = {}
    for entry in feed.documents.values():
        if check_shown(entry, style):
            if entry.version > after:
                kind = ChangeKind.MODIFIED if entry.id in lost else ChangeKind.ADDED
                steps[entry.version] = Step(entry.version, kind, entry.id, entry)
            lost.discard(entry.id)
    for document_id, version in _date_removals(feed, lost, after):
        steps[version] = Step(version, ChangeKind.REMOVED, document_id, None)
    return Steps([steps[version] for version in sorted(steps)])


def list_farewell(feed: Feed, known: Known, style: str | None, after: Version) -> Sequence[Change]:
    """From what was known at a version to nothing: the video has gone meanwhile."""
    ids = [document_id for document_id, known_style in known.items() if check_style(known_style, style)]
    versions = sorted((after.find_next(feed.digest(document_id)), document_id) for document_id in ids)
    return [_remove(document_id, version) for version, document_id in versions]


def list_removals(entries: Iterable[Entry], micros: int) -> Sequence[Change]:
    """From these documents to nothing, all at one time."""
    versions = sorted((Version(micros, entry.version.digest), entry.id) for entry in entries)
    return [_remove(document_id, version) for version, document_id in versions]


def _date_removals(feed: Feed, ids: Iterable[str], after: Version) -> Iterator[tuple[str, Version]]:
    """When these left: as it was told here, or else at once, so that nothing can come between."""
    told = {departure.id: departure.version for departure in feed.departures.find_after(after)}
    for document_id in ids:
        version = told.get(document_id)
        is_later = version is not None and version > after
        yield document_id, version if version and is_later else after.find_next(feed.digest(document_id))


def _remove(document_id: str, version: Version) -> Change:
    return Change(ChangeKind.REMOVED, document_id, str(version), None)
