"""Merging index scans: the documents that all of them hold, found in leaps instead of step by step."""

import sqlite3
from collections.abc import Iterator

from embedded.firestore.query.ranges import Position, Range

RANGE_SQL = "e.scope = ? AND e.idx = ? AND (e.value, e.name) >= (?, ?) AND (e.value, e.name) < (?, ?)"
_FETCH_ROWS = 128

Row = tuple[bytes, bytes, int]  # the value after the equal part, the name, the document


class Stream:
    """One scan that can be moved on to any position; read in small chunks, so that a leap is one seek."""

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
        """Return the first entry at or beyond a position, in reading order, or None at the end."""
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
        """Step over the present entry."""
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


def leapfrog(streams: list[Stream], *, is_reversed: bool) -> Iterator[int]:
    """Yield the documents that all streams hold, moving each to the farthest position of the others."""
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


def _just_after(position: Position) -> Position:
    return position[0], position[1] + b"\0"
