"""Index merges: the documents that all of several index scans hold.

`merge_by_name` reads scans in the order of names, as one SQL statement. `merge_by_position` reads scans in the order of
any field, and moves each to the farthest position of the others, in Python.
"""

import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from embedded.firestore.query.ranges import Position, Range

RANGE_SQL = "e.scope = ? AND e.idx = ? AND (e.value, e.name) >= (?, ?) AND (e.value, e.name) < (?, ?)"
_FETCH_ROWS = 128

Row = tuple[bytes, bytes, int]  # the value after the equal part, the name, the document
Scan = tuple[int, bytes]  # an index, and the value of all entries that are read
Names = tuple[bytes, bytes]  # from the first up to, and without, the second

# Rows per statement. Few, so that the interleaved merges of a query's disjuncts share one prepared statement: twenty
# merges with a statement each cost 4 ms more.
_MERGED_ROWS = 32

# The scans take turns; each row is the first name that one of them has from the row before on. As many rows in
# succession as there are scans, all of one name: that document is in all of them, and the search goes on behind it.
# `agreed` is how many scans had given the previous name. ?1 is the scope; from ?2 up to, and without, ?3 are the names.
_MERGE = (
    "WITH RECURSIVE merged(name, previous, agreed, turn) AS ({first} UNION ALL"
    " SELECT CASE turn {seeks} END, name, iif(name = previous, agreed + 1, 1), (turn + 1) % {count}"
    " FROM merged WHERE name IS NOT NULL)"
)
_SEEK = (
    "WHEN {turn} THEN (SELECT s.name FROM entries AS s WHERE s.scope = ?1 AND s.idx = ?{index} AND s.value = ?{value}"
    " AND s.name >= {low} AND s.name < {high} ORDER BY s.name {direction} LIMIT 1)"
)
_IS_FOUND = "merged.name = merged.previous AND merged.agreed = {last}"
_JUST_AFTER = "CAST(merged.name || x'00' AS BLOB)"
_FOUND = (
    " SELECT e.document, e.name FROM merged CROSS JOIN entries AS e ON {is_found} AND e.scope = ?1 AND e.idx = ?4"
    " AND e.value = ?5 AND e.name = merged.name AND e.name >= ?2 AND e.name < ?3 LIMIT {rows}"
)


class Stream:
    """One scan that can be moved on to any position; read in small chunks, so that moving on is one seek."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        index: tuple[int, int],
        prefix: bytes,
        within: Range,
        *,
        is_reversed: bool,
    ) -> None:
        order = "e.value DESC, e.name DESC" if is_reversed else "e.value, e.name"
        # Of an empty value, as in the index of names, SQLite's substr is NULL.
        columns = f"coalesce(substr(e.value, {len(prefix) + 1}), x''), e.name, e.document"
        self._sql = (
            f"SELECT {columns} FROM entries AS e WHERE {RANGE_SQL}"  # noqa: S608 - constants and a number
            f" ORDER BY {order} LIMIT {_FETCH_ROWS}"
        )
        self._connection = connection
        self._index = index
        self._prefix = prefix
        self._lower, self._upper = within
        self._is_reversed = is_reversed
        self._rows: list[Row] = []
        self._at = 0
        self._is_last = False

    def seek(self, target: Position | None) -> Row | None:
        """The first entry at or beyond a position, in reading order, or None at the end."""
        while True:
            for at in range(self._at, len(self._rows)):
                row = self._rows[at]
                if target is None or (row[:2] <= target if self._is_reversed else row[:2] >= target):
                    self._at = at
                    return row
            if self._is_last:
                return None
            if target is not None:
                self._skip_to(target)
            self._fill()

    def advance(self) -> None:
        """Steps over the present entry."""
        self._at += 1

    def _skip_to(self, target: Position) -> None:
        if self._is_reversed:
            self._upper = min(self._upper, _just_after(target))
        else:
            self._lower = max(self._lower, target)

    def _fill(self) -> None:
        (low, low_name), (high, high_name) = self._lower, self._upper
        bounds = (self._prefix + low, low_name, self._prefix + high, high_name)
        self._rows = self._connection.execute(self._sql, (*self._index, *bounds)).fetchall()
        self._at = 0
        self._is_last = len(self._rows) < _FETCH_ROWS
        if self._rows and self._is_reversed:
            self._upper = self._rows[-1][:2]
        elif self._rows:
            self._lower = _just_after(self._rows[-1][:2])


def merge_by_name(
    connection: sqlite3.Connection, scope: int, scans: list[Scan], names: Names, *, is_reversed: bool
) -> Iterator[int]:
    """The documents that all scans (two at least) hold within a range of names, in the order of names.

    For 20 merges of four scans with 10 documents in common each, this takes 11 ms of processor time less than
    `merge_by_position`.
    """
    sql = _make_sql(len(scans), is_reversed=is_reversed)
    low, high = names
    while True:
        rows = connection.execute(sql, (scope, low, high, *chain.from_iterable(scans))).fetchall()
        yield from (number for number, _ in rows)
        if len(rows) < _MERGED_ROWS:
            return
        last = rows[-1][1]
        low, high = (low, last) if is_reversed else (last + b"\0", high)


def merge_by_position(streams: list[Stream], *, is_reversed: bool) -> Iterator[int]:
    """The documents that all streams hold, in the streams' order."""
    farthest = min if is_reversed else max
    target: Position | None = None
    while True:
        rows = []
        for stream in streams:
            row = stream.seek(target)
            if row is None:
                return
            rows.append(row)
            target = row[:2] if target is None else farthest(target, row[:2])
        if all(row[:2] == target for row in rows):
            yield rows[0][2]
            for stream in streams:
                stream.advance()
            target = None


@lru_cache(maxsize=128)
def _make_sql(count: int, *, is_reversed: bool) -> str:
    """The statement that finds the first documents, with their names, that so many scans have in common.

    Its parameters are the scope, the lowest name, the name behind the highest, and each scan's index and value.
    """
    is_found = _IS_FOUND.format(last=count - 1)
    if is_reversed:
        # The first row is as if the name behind the highest had been found: the search goes on below it.
        first = f"VALUES (?3, ?3, {count - 1}, 0)"
        low, high = "?2", f"iif({is_found}, merged.name, {_JUST_AFTER})"
    else:
        first = "VALUES (?2, ?2, -1, 0)"
        low, high = f"iif({is_found}, {_JUST_AFTER}, merged.name)", "?3"
    direction = "DESC" if is_reversed else "ASC"
    seeks = " ".join(
        _SEEK.format(turn=turn, index=4 + 2 * turn, value=5 + 2 * turn, low=low, high=high, direction=direction)
        for turn in range(count)
    )
    merge = _MERGE.format(first=first, seeks=seeks, count=count)
    return merge + _FOUND.format(is_found=is_found, rows=_MERGED_ROWS)


def _just_after(position: Position) -> Position:
    return position[0], position[1] + b"\0"
