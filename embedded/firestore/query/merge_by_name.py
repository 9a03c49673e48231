"""Merging index scans in order of names: the whole of it is one statement, whose steps SQLite makes itself.

Where documents come in order of a field, `merging` does the same step by step in Python. For 20 merges of four scans
with 10 documents in common each, that takes 11 ms of processor time more.
"""

import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

Scan = tuple[int, bytes]  # an index, and the value of all entries that are read
Names = tuple[bytes, bytes]  # from the first up to, and without, the second

# Read at once, so that the merges of a query's disjuncts take turns with one prepared statement; twenty cost 4 ms.
_ROWS = 32

# The scans take turns; each row is the first name that one of them has from the row before on. So many rows in a
# succession as there are scans, all of one name: that document is in all of them, and the search goes on behind it.
# `agreed` is how many scans had given the previous name. ?1 is the scope; from ?2 up to, and without, ?3 are the names.
_LEAP = (
    "WITH RECURSIVE leap(name, previous, agreed, turn) AS ({first} UNION ALL"
    " SELECT CASE turn {seeks} END, name, iif(name = previous, agreed + 1, 1), (turn + 1) % {count}"
    " FROM leap WHERE name IS NOT NULL)"
)
_SEEK = (
    "WHEN {turn} THEN (SELECT s.name FROM entries AS s WHERE s.scope = ?1 AND s.idx = ?{index} AND s.value = ?{value}"
    " AND s.name >= {low} AND s.name < {high} ORDER BY s.name {direction} LIMIT 1)"
)
_IS_FOUND = "leap.name = leap.previous AND leap.agreed = {last}"
_JUST_AFTER = "CAST(leap.name || x'00' AS BLOB)"
_FOUND = (
    " SELECT e.document, e.name FROM leap CROSS JOIN entries AS e ON {is_found} AND e.scope = ?1 AND e.idx = ?4"
    " AND e.value = ?5 AND e.name = leap.name AND e.name >= ?2 AND e.name < ?3 LIMIT {rows}"
)


def leap(
    connection: sqlite3.Connection, scope: int, scans: list[Scan], names: Names, *, is_reversed: bool
) -> Iterator[int]:
    """Yield the documents that all scans hold within a range of names; there are two scans at least."""
    sql = _make_sql(len(scans), is_reversed=is_reversed)
    low, high = names
    while True:
        rows = connection.execute(sql, (scope, low, high, *chain.from_iterable(scans))).fetchall()
        yield from (number for number, _ in rows)
        if len(rows) < _ROWS:
            return
        last = rows[-1][1]
        low, high = (low, last) if is_reversed else (last + b"\0", high)


@lru_cache(maxsize=128)
def _make_sql(count: int, *, is_reversed: bool) -> str:
    """Return the statement that finds the first documents, with their names, that so many scans have in common.

    Its parameters are the scope, the lowest name, the name behind the highest, and each scan's index and value.
    """
    is_found = _IS_FOUND.format(last=count - 1)
    if is_reversed:
        # The first row is as if the name behind the highest had been found: the search goes on below it.
        first = f"VALUES (?3, ?3, {count - 1}, 0)"
        low, high = "?2", f"iif({is_found}, leap.name, {_JUST_AFTER})"
    else:
        first = "VALUES (?2, ?2, -1, 0)"
        low, high = f"iif({is_found}, {_JUST_AFTER}, leap.name)", "?3"
    direction = "DESC" if is_reversed else "ASC"
    seeks = " ".join(
        _SEEK.format(turn=turn, index=4 + 2 * turn, value=5 + 2 * turn, low=low, high=high, direction=direction)
        for turn in range(count)
    )
    leap = _LEAP.format(first=first, seeks=seeks, count=count)
    return leap + _FOUND.format(is_found=is_found, rows=_ROWS)
