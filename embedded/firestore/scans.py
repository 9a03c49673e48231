"""Reading index entries from the file: one index in order, or several merged by what they have in common."""

from collections.abc import Iterator

from embedded.firestore.paths import encode_segment
from embedded.firestore.planner import IndexScan, Plan, Position, Range
from embedded.firestore.queries import Query
from embedded.firestore.snapshots import Snapshot, StoredDocument
from embedded.firestore.values import AFTER_ALL, END

_FETCH_ROWS = 128
_COLUMNS = "d.number, d.path, d.created, d.updated, d.data"
_RANGE = "e.scope = ? AND e.idx = ? AND (e.value, e.name) >= (?, ?) AND (e.value, e.name) < (?, ?)"


class Scanner:
    """Reads a query's entries within one snapshot."""

    def __init__(self, snapshot: Snapshot, query: Query) -> None:
        self._snapshot = snapshot
        self._database = snapshot.database_number(query.scope.parent.database)
        self._is_kindless = query.scope.collection_id is None
        self._scope = None if self._is_kindless else _find_scope(snapshot, query)

    def documents(self, plan: Plan) -> Iterator[StoredDocument]:
        """Yield the documents that a plan finds, in its order."""
        if self._is_kindless:
            return self._scan_paths(plan)
        if len(plan.scans) == 1:
            return self._scan_documents(plan)
        return map(self.document, self._merge(plan))

    def numbers(self, plan: Plan) -> Iterator[int]:
        """Yield the numbers of the documents that a plan finds, without reading them."""
        if self._is_kindless:
            return (document.number for document in self._scan_paths(plan))
        return self._merge(plan)

    def document(self, number: int) -> StoredDocument:
        """Return a document by its number."""
        sql = f"SELECT {_COLUMNS} FROM documents AS d WHERE d.number = ?"  # noqa: S608 - constants only
        return StoredDocument(*self._snapshot.connection.execute(sql, (number,)).fetchone())

    def count(self, plan: Plan, limit: int | None) -> int:
        """Return how many documents a plan finds, as far as a limit; safe to be run in a thread."""
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
            sql = f"SELECT 1 FROM entries AS e WHERE {_RANGE} LIMIT ?"  # noqa: S608 - constants only
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
            f" WHERE {_RANGE} ORDER BY {order}"
        )
        for found in plan.ranges:
            parameters = self._parameters(plan.scans[0], found)
            if parameters is not None:
                for row in self._snapshot.connection.execute(sql, parameters):
                    yield StoredDocument(*row)

    def _scan_paths(self, plan: Plan) -> Iterator[StoredDocument]:
        """Yield documents of all collections by path; here positions are names alone."""
        order = "path DESC" if plan.is_reversed else "path"
        sql = (
            "SELECT number, path, created, updated, data FROM documents"  # noqa: S608 - constants only
            f" WHERE database = ? AND path >= ? AND path < ? ORDER BY {order}"
        )
        for (_, low), (high_value, high) in plan.ranges:
            upper = AFTER_ALL if high_value else _path_bound(high)
            for row in self._snapshot.connection.execute(sql, (self._database, _path_bound(low), upper)):
                yield StoredDocument(*row)

    def _merge(self, plan: Plan) -> Iterator[int]:
        """Yield the documents that every scan of a plan holds at the same position."""
        for found in plan.ranges:
            streams = [self._stream(scan, found, is_reversed=plan.is_reversed) for scan in plan.scans]
            if any(stream is None for stream in streams):
                return
            yield from _leapfrog([stream for stream in streams if stream is not None], is_reversed=plan.is_reversed)

    def _stream(self, scan: IndexScan, found: Range, *, is_reversed: bool) -> "_Stream | None":
        parameters = self._parameters(scan, found)
        if parameters is None:
            return None
        return _Stream(self._snapshot, parameters, len(scan.prefix), is_reversed=is_reversed)


class _Stream:
    """One scan that can be moved forward to any position; read in small chunks, so that a leap is one seek."""

    def __init__(
        self, snapshot: Snapshot, parameters: tuple[object, ...], prefix_size: int, *, is_reversed: bool
    ) -> None:
        order = "e.value DESC, e.name DESC" if is_reversed else "e.value, e.name"
        edge = "(e.value, e.name) <= (?, ?)" if is_reversed else "(e.value, e.name) >= (?, ?)"
        # Of an empty value, as in the index of names, SQLite's substr is NULL.
        columns = f"coalesce(substr(e.value, {prefix_size + 1}), x''), e.name, e.document"
        where = f"SELECT {columns} FROM entries AS e WHERE {_RANGE}"  # noqa: S608 - constants only
        self._sql = f"{where} ORDER BY {order} LIMIT {_FETCH_ROWS}"
        self._seek_sql = f"{where} AND {edge} ORDER BY {order} LIMIT {_FETCH_ROWS}"
        self._snapshot = snapshot
        self._parameters = parameters
        self._prefix = bytes(parameters[2])[:prefix_size] if isinstance(parameters[2], bytes) else b""
        self._is_reversed = is_reversed
        self._rows: list[tuple[bytes, bytes, int]] = []
        self._at = 0
        self._is_last = False
        self._fill(None)

    def seek(self, target: Position | None) -> tuple[bytes, bytes, int] | None:
        """Return the first entry at or beyond a position, in reading order, or None at the end."""
        while True:
            while self._at < len(self._rows):
                row = self._rows[self._at]
                if target is None or (row[:2] <= target if self._is_reversed else row[:2] >= target):
                    return row
                last = self._rows[-1][:2]
                if last > target if self._is_reversed else last < target:
                    break
                self._at += 1
            if self._is_last:
                return None
            self._fill(target)

    def advance(self) -> None:
        """Step over the present entry."""
        last = self._rows[self._at]
        self._at += 1
        if self._at == len(self._rows) and not self._is_last:
            self._fill(last[:2])
            self._at = 1

    def _fill(self, target: Position | None) -> None:
        connection = self._snapshot.connection
        if target is None:
            self._rows = connection.execute(self._sql, self._parameters).fetchall()
        else:
            edge = (self._prefix + target[0], target[1])
            self._rows = connection.execute(self._seek_sql, (*self._parameters, *edge)).fetchall()
        self._at = 0
        self._is_last = len(self._rows) < _FETCH_ROWS


def _leapfrog(streams: list[_Stream], *, is_reversed: bool) -> Iterator[int]:
    """Yield what all streams hold, moving each to the farthest position of the others."""
    target: Position | None = None
    while True:
        rows = []
        for stream in streams:
            row = stream.seek(target)
            if row is None:
                return
            rows.append(row)
            target = row[:2] if target is None else min(target, row[:2]) if is_reversed else max(target, row[:2])
        if all(row[:2] == target for row in rows):
            yield rows[0][2]
            for stream in streams:
                stream.advance()
            target = None


def _find_scope(snapshot: Snapshot, query: Query) -> int | None:
    scope = query.scope
    path = encode_segment(scope.collection_id or "") if scope.is_group else scope.prefix
    return snapshot.scope(scope.parent.database, is_group=scope.is_group, path=path)


def _path_bound(name: bytes) -> bytes:
    """Return the path that a bound on names, which end in END, stands for."""
    return name[:-1] if name.endswith(END) else name
