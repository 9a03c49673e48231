"""What leads a subscriber from what it knows to what is there. Every list is in the order of versions."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from repositories.listening.changes import Change, ChangeKind, Entry, check_shown, check_style, make_change
from repositories.listening.feeds import Feed
from repositories.listening.histories import Known
from repositories.listening.versions import Version


def list_present(feed: Feed, style: str | None) -> Sequence[Change]:
    """From nothing to the state of the feed.

    The last version says as of when that is: whoever comes back with it may have been told nothing since, for long.
    """
    shown = [entry for entry in feed.documents.values() if check_shown(entry, style)]
    shown.sort(key=lambda entry: entry.version)
    versions = [*(entry.version for entry in shown[:-1]), Version.end_of(feed.read_micros or 0)]
    return tuple(map(partial(make_change, ChangeKind.ADDED), shown, versions))


def list_differences(feed: Feed, known: Known, style: str | None, after: Version) -> Sequence[Change]:
    """From what was known at a version to the state of the feed."""
    lost = {document_id for document_id, known_style in known.items() if check_style(known_style, style)}
    changes: dict[Version, Change] = {}
    for entry in feed.documents.values():
        if check_shown(entry, style):
            if entry.version > after:
                kind = ChangeKind.MODIFIED if entry.id in lost else ChangeKind.ADDED
                changes[entry.version] = make_change(kind, entry)
            lost.discard(entry.id)
    for document_id, version in _date_removals(feed, lost, after):
        changes[version] = _remove(document_id, version)
    return [changes[version] for version in sorted(changes)]


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
