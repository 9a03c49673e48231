"""Read sets: the documents and queries that transactions have read, and whether others have changed them since."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from embedded.firestore.index.indexes import IndexConfig
from embedded.firestore.model.paths import Path
from embedded.firestore.query.executor import Execution
from embedded.firestore.query.query import Query, without_page
from embedded.firestore.store.snapshots import Snapshot
from embedded.firestore.store.writer import Change

MAX_REMEMBERED = 1000

Wanted = Iterable[Path] | Query  # one read: documents by name, or a query


@dataclass(eq=False)
class ReadSet:
    """The documents that a transaction has read, those that were missing included, and its queries."""

    paths: set[Path] = field(default_factory=set)
    queries: list[Query] = field(default_factory=list)

    def add(self, wanted: Wanted) -> None:
        """Takes note of a read. Of a query, all results count, whatever page was asked for."""
        if isinstance(wanted, Query):
            query = without_page(wanted)
            if query not in self.queries:
                self.queries.append(query)
        else:
            self.paths.update(wanted)

    def update(self, other: "ReadSet") -> None:
        """Takes note of another set's reads."""
        self.paths |= other.paths
        self.queries += [query for query in other.queries if query not in self.queries]

    def copy(self) -> "ReadSet":
        """A new set of the same reads."""
        return ReadSet(set(self.paths), list(self.queries))

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read."""
        return not self.paths and not self.queries

    def sorted_keys(self) -> list[Hashable]:
        """The keys of the locks that stand for the reads, in the one order of all transactions."""
        queried = {key for query in self.queries for key in keys_of(query)}
        return [*sorted(self.paths), *sorted(queried, key=str)]

    def clear(self) -> None:
        """Forgets all reads."""
        self.paths.clear()
        self.queries.clear()

    def find_changed(self, changes: list[Change]) -> list[Path]:
        """The changed documents that were read by name."""
        return [change.path for change in changes if change.path in self.paths] if self.paths else []

    def check_results_change(self, changes: list[Change]) -> bool:
        """Whether one of the changed documents was or becomes a result of one of the queries."""
        return any(
            document is not None and query.matches(change.path, document)
            for query in self.queries
            for change in changes
            for document in (change.before, change.after)
        )


class LostReadSets:
    """The read sets of transactions that were overtaken, by the id that their retries name."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, ReadSet] = OrderedDict()

    def keep(self, transaction_id: bytes, reads: ReadSet) -> None:
        """Remembers a read set; the one that was kept for the longest time may be forgotten for it."""
        self._kept[transaction_id] = reads
        self._kept.move_to_end(transaction_id)
        if len(self._kept) > MAX_REMEMBERED:
            self._kept.popitem(last=False)

    def get(self, transaction_id: bytes) -> ReadSet:
        """The read set, empty where there is none."""
        return self._kept.get(transaction_id) or ReadSet()


def keys_of(wanted: Wanted) -> list[Hashable]:
    """The keys of the locks that stand for a read."""
    if isinstance(wanted, Query):
        return [(wanted.scope.parent, wanted.scope.collection_id, wanted.scope.is_group)]
    return list(wanted)


async def check_changed(snapshot: Snapshot, wanted: Wanted, indexes: IndexConfig) -> bool:
    """Whether others have changed, since the time of a snapshot of the past, what a read finds in it."""
    if snapshot.past_time is None:
        return False
    if isinstance(wanted, Query):
        execution = Execution(snapshot, without_page(wanted), indexes)
        return await snapshot.in_thread(execution.check_changed)
    return any(snapshot.check_changed(path) for path in wanted)
