"""What has left a target lately: with it, and the documents that are there, an earlier state is known.

But for states amid commits that were told as one, such as after a break: a document may have come and gone there. Where
Firestore tells them as they come, one commit may be told with the next, but a document is not expected to be written
twice in that time.
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
    """A document has gone, or has got another style than this one."""

    id: str
    version: Version
    latest_micros: int
    born: Version
    style: str | None

    def check_follows(self, version: Version) -> bool:
        """Whether somebody who was told all up to this version may not have been told of it."""
        return self.version > version or self.latest_micros > version.micros


class RemovalLog:
    """The latest departures, in order; after `since`, none is missing, but for what came and went within a gap."""

    def __init__(self, max_removals: int = MAX_REMOVALS) -> None:
        self.since: Version | None = None
        self._max_removals = max_removals
        self._removals: deque[Removal] = deque()
        self._gaps: deque[tuple[int, int]] = deque()

    def begin(self, micros: int) -> None:
        """From this time on, all are added."""
        if self.since is None:
            self.since = Version.end_of(micros)

    def check_covers(self, version: Version) -> bool:
        """Whether all that was there at this version and has left is known."""
        if self.since is None or version < self.since:
            return False
        return not any(Version.end_of(after) < version < Version.end_of(until) for after, until in self._gaps)

    def add_gap(self, after_micros: int, until_micros: int) -> None:
        """Only the outcome is known of what was committed after the one time, up to the other."""
        self._gaps.append((after_micros, until_micros))
        if len(self._gaps) > MAX_GAPS:
            self._forget_until(self._gaps.popleft()[1])

    def add(self, change: DocumentChange) -> None:
        """The departure that the event is, if it is one."""
        before = change.before
        if before is None or not before.is_shown:
            return
        if check_shown(change.after, before.style):
            return
        self._removals.append(Removal(change.id, change.version, change.latest_micros, before.born, before.style))
        if len(self._removals) > self._max_removals:
            self._forget_until(self._removals.popleft().latest_micros)

    def list_after(self, version: Version) -> Iterator[Removal]:
        """What may have left after this version, in order."""
        return (removal for removal in self._removals if removal.check_follows(version))

    def recall(self, documents: Iterable[DocumentState], version: Version) -> dict[str, str | None]:
        """The documents that were shown at this version, with their styles; `documents` are those that are now."""
        known = {
            document.id: document.style for document in documents if document.is_shown and document.born <= version
        }
        first = {removal.id: removal for removal in reversed([*self.list_after(version)])}
        return known | {removal.id: removal.style for removal in first.values() if removal.born <= version}

    def _forget_until(self, micros: int) -> None:
        forgotten = Version.end_of(micros)
        self.since = forgotten if self.since is None else max(self.since, forgotten)
