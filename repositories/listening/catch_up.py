"""The changes that lead a subscriber from a state that it knows to the present one, in the order of versions."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, overload

from repositories.listening.changes import Change, ChangeKind, DocumentState, check_shown, check_style
from repositories.listening.past_reader import KnownStyles
from repositories.listening.target_state import TargetState
from repositories.listening.versions import Version

_get_version = attrgetter("version")


class Step(NamedTuple):
    """A change without its version's text and its model."""

    version: Version
    kind: ChangeKind
    id: str
    document: DocumentState | None

    def to_change(self) -> Change:
        """The change as subscribers receive it."""
        return Change(self.kind, self.id, str(self.version), self.document)


class LazyChanges(Sequence[Change]):
    """Changes that are built on each access and not stored: a long list's models never exist all at once."""

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
        return found.to_change() if isinstance(found, Step) else LazyChanges(found)


def list_initial(state: TargetState, style: str | None) -> Sequence[Change]:
    """The changes from nothing to the present state.

    The last one's version is the time of the state: a subscriber may return with it after a long silence.
    """
    shown = [document for document in state.documents.values() if check_shown(document, style)]
    shown.sort(key=_get_version)
    steps = [Step(document.version, ChangeKind.ADDED, document.id, document) for document in shown]
    if steps:
        steps[-1] = steps[-1]._replace(version=Version.end_of(state.read_micros or 0))
    return LazyChanges(steps)


def list_differences(state: TargetState, known: KnownStyles, style: str | None, after: Version) -> Sequence[Change]:
    """The changes from the state at a version to the present one."""
    lost = {document_id for document_id, known_style in known.items() if check_style(known_style, style)}
    steps: dict[Version, Step] = {}
    for document in state.documents.values():
        if check_shown(document, style):
            if document.version > after:
                kind = ChangeKind.MODIFIED if document.id in lost else ChangeKind.ADDED
                steps[document.version] = Step(document.version, kind, document.id, document)
            lost.discard(document.id)
    for document_id, version in _date_removals(state, lost, after):
        steps[version] = Step(version, ChangeKind.REMOVED, document_id, None)
    return LazyChanges([steps[version] for version in sorted(steps)])


def list_removals_since(state: TargetState, known: KnownStyles, style: str | None, after: Version) -> Sequence[Change]:
    """The removals of all that was known at a version, after which the video was deleted."""
    ids = [document_id for document_id, known_style in known.items() if check_style(known_style, style)]
    versions = sorted((after.get_next(state.digest(document_id)), document_id) for document_id in ids)
    return [_make_removal(document_id, version) for version, document_id in versions]


def list_removals(documents: Iterable[DocumentState], micros: int) -> Sequence[Change]:
    """The removals of these documents, all at one time."""
    versions = sorted((Version(micros, document.version.digest), document.id) for document in documents)
    return [_make_removal(document_id, version) for version, document_id in versions]


def _date_removals(state: TargetState, ids: Iterable[str], after: Version) -> Iterator[tuple[str, Version]]:
    """The versions of these removals: logged ones, or else the next possible, so that nothing comes between."""
    told = {removal.id: removal.version for removal in state.removals.list_after(after)}
    for document_id in ids:
        version = told.get(document_id)
        is_later = version is not None and version > after
        yield document_id, version if version and is_later else after.get_next(state.digest(document_id))


def _make_removal(document_id: str, version: Version) -> Change:
    return Change(ChangeKind.REMOVED, document_id, str(version), None)
