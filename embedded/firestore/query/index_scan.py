"""Reading index entries from the file: one index in order, or several merged by what they have in common."""

from collections.abc import Iterator
from itertools import starmap

from embedded.firestore.model.paths import encode_segment
from embedded.firestore.model.value_order import AFTER_ALL, END
from embedded.firestore.query.index_merge import RANGE_SQL, Scan, Stream, merge_by_name, merge_by_position
from embedded.firestore.query.planner import IndexScan, Plan
from embedded.firestore.query.query import Query
from embedded.firestore.query.ranges import Range
from embedded.firestore.store.snapshots import Snapshot, StoredDocument

_COLUMNS = "d.number, d.path, d.created, d.updated, d.data"


class Scanner:
    """Reads a query's entries within one snapshot."""

    def __init__(self, snapshot: Snapshot, query: Query) -> None:
        self._snapshot = snapshot
        self._database = snapshot.database_number(query.scope.parent.database)
        self._is_kindless = query.scope.collection_id is None
        self._scope = None if self._is_kindless else _find_scope(snapshot, query)

    def documents(self, plan: Plan) -> Iterator[StoredDocument]:
        """The documents that a plan finds, in its order."""
        if self._is_kindless:
            return self._scan_paths(plan)
        if len(plan.scans) == 1:
            return self._scan_documents(plan)
        return map(self.document, self.numbers(plan))

    def numbers(self, plan: Plan) -> Iterator[int]:
        """The numbers of the documents that a plan finds, without reading them."""
        if self._is_kindless:
            return (document.number for document in self._scan_paths(plan))
        return self._merge_by_name(plan) if _is_by_name(plan) else self._merge_by_position(plan)

    def document(self, number: int) -> StoredDocument:
        """A document by its number."""
        sql = f"SELECT {_COLUMNS} FROM documents AS d WHERE d.number = ?"  # noqa: S608 - constants only
        return StoredDocument(*self._snapshot.connection.execute(sql, (number,)).fetchone())

    def count(self, plan: Plan, limit: int | None) -> int:
        """How many documents a plan finds, as far as a limit; safe to be run in a thread."""
        if self._is_kindless or len(plan.scans) > 1:
            total = 0
            for total, _ in enumerate(self.numbers(plan), start=1):
                if total == limit:
                    break
            return total
        total = 0
        for found in plan.ranges:
            parameters = self._parameters(plan.scans[0], found)
            if parameters is None:
                break
            sql = f"SELECT 1 FROM entries AS e WHERE {RANGE_SQL} LIMIT ?"  # noqa: S608 - constants only
            rest = -1 if limit is None else limit - total
            total += self._snapshot.connection.execute(
                f"SELECT count(*) FROM ({sql})",  # noqa: S608 - constants only
                (*parameters, rest),
            ).fetchone()[0]
        return total

    def _parameters(self, scan: IndexScan, found: Range) -> tuple[object, ...] | None:
        index = self._snapshot.index(scan.definition)
        if self._scope is None or index is None:
            return None
        (low, low_name), (high, high_name) = found
        return self._scope, index, scan.prefix + low, low_name, scan.prefix + high, high_name

    def _scan_documents(self, plan: Plan) -> Iterator[StoredDocument]:
        order = "e.value DESC, e.name DESC" if plan.is_reversed else "e.value, e.name"
        sql = (
            f"SELECT {_COLUMNS} FROM entries AS e CROSS JOIN documents AS d ON d.number = e.document"  # noqa: S608
            f" WHERE {RANGE_SQL} ORDER BY {order}"
        )
        for found in plan.ranges:
            parameters = self._parameters(plan.scans[0], found)
            if parameters is not None:
                yield from starmap(StoredDocument, self._snapshot.connection.execute(sql, parameters))

    def _merge_by_name(self, plan: Plan) -> Iterator[int]:
        """The documents that all scans of a plan in order of names have in common."""
        connection, scope = self._snapshot.connection, self._scope
        if scope is None:
            return
        scans: list[Scan] = []
        for scan in plan.scans:
            index = self._snapshot.index(scan.definition)
            if index is None:
                return
            scans.append((index, scan.prefix))
        for (_, low), (_, high) in plan.ranges:
            yield from merge_by_name(connection, scope, scans, (low, high), is_reversed=plan.is_reversed)

    def _scan_paths(self, plan: Plan) -> Iterator[StoredDocument]:
        """The documents of all collections by path; here positions are names alone."""
        order = "path DESC" if plan.is_reversed else "path"
        sql = (
            "SELECT number, path, created, updated, data FROM documents"  # noqa: S608 - constants only
            f" WHERE database = ? AND path >= ? AND path < ? ORDER BY {order}"
        )
        for (_, low), (high_value, high) in plan.ranges:
            upper = AFTER_ALL if high_value else _path_bound(high)
            for row in self._snapshot.connection.execute(sql, (self._database, _path_bound(low), upper)):
                yield StoredDocument(*row)

    def _merge_by_position(self, plan: Plan) -> Iterator[int]:
        """The documents that every scan of a plan holds at the same position."""
        for found in plan.ranges:
            streams = []
            for scan in plan.scans:
                index = self._snapshot.index(scan.definition)
                if self._scope is None or index is None:
                    return
                connection = self._snapshot.connection
                streams.append(
                    Stream(connection, (self._scope, index), scan.prefix, found, is_reversed=plan.is_reversed)
                )
            yield from merge_by_position(streams, is_reversed=plan.is_reversed)


def _is_by_name(plan: Plan) -> bool:
    """Whether several scans are merged whose entries are in order of names, their values being all the same."""
    return len(plan.scans) > 1 and all(not low and not high for (low, _), (high, _) in plan.ranges)


def _find_scope(snapshot: Snapshot, query: Query) -> int | None:
    scope = query.scope
    path = encode_segment(scope.collection_id or "") if scope.is_group else scope.prefix
    return snapshot.scope(scope.parent.database, is_group=scope.is_group, path=path)


def _path_bound(name: bytes) -> bytes:
    """The path that a bound on names, which end in END, stands for."""
    return name[:-1] if name.endswith(END) else name
