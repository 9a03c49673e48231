"""A log of recent removals. With the present documents it reconstructs earlier states, except inside gaps.

A gap lies amid commits that arrived as one, such as after a break: a document may have come and gone there. On a live
stream two commits may arrive together as well, but one document is not expected to be written twice in that time.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from repositories.listening.changes import DocumentChange, DocumentState, check_shown
from repositories.listening.versions import Version

MAX_REMOVALS = 10_000
MAX_GAPS = 1_000


@dataclass(frozen=True, slots=True)
class Removal:
    """A document was deleted, or left this style."""

    id: str
    version: Version
    latest_micros: int
    born: Version
    style: str | None

    def check_follows(self, version: Version) -> bool:
        """Whether a subscriber that received all changes up to this version may lack the removal."""
        return self.version > version or self.latest_micros > version.micros


class RemovalLog:
    """The latest removals, in order; complete after `since`, but for documents that came and went within a gap."""

    def __init__(self, max_removals: int = MAX_REMOVALS) -> None:
        self.since: Version | None = None
        self._max_removals = max_removals
        self._removals: deque[Removal] = deque()
        self._gaps: deque[tuple[int, int]] = deque()

    def begin(self, micros: int) -> None:
        """All removals after this time are logged."""
        if self.since is None:
            self.since = Version.end_of(micros)

    def check_covers(self, version: Version) -> bool:
        """Whether every document that existed at this version, and was removed since, is known."""
        if self.since is None or version < self.since:
            return False
        return not any(Version.end_of(after) < version < Version.end_of(until) for after, until in self._gaps)

    def add_gap(self, after_micros: int, until_micros: int) -> None:
        """Commits after the one time, up to the other, are known by their outcome only."""
        self._gaps.append((after_micros, until_micros))
        if len(self._gaps) > MAX_GAPS:
            self._forget_until(self._gaps.popleft()[1])

    def add(self, change: DocumentChange) -> None:
        """The removal is logged, if the change is one."""
        before = change.before
        if before is None or not before.is_shown:
            return
        if check_shown(change.after, before.style):
            return
        self._removals.append(Removal(change.id, change.version, change.latest_micros, before.born, before.style))
        if len(self._removals) > self._max_removals:
            self._forget_until(self._removals.popleft().latest_micros)

    def list_after(self, version: Version) -> Iterator[Removal]:
        """The removals that may have come after this version, in order."""
        return (removal for removal in self._removals if removal.check_follows(version))

    def recall(self, documents: Iterable[DocumentState], version: Version) -> dict[str, str | None]:
        """The documents that were shown at this version, with their styles, where `documents` are the present ones."""
        known = {
            document.id: document.style for document in documents if document.is_shown and document.born <= version
        }
        first = {removal.id: removal for removal in reversed([*self.list_after(version)])}
        return known | {removal.id: removal.style for removal in first.values() if removal.born <= version}

    def _forget_until(self, micros: int) -> None:
        forgotten = Version.end_of(micros)
        self.since = forgotten if self.since is None else max(self.since, forgotten)
