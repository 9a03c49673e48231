"""Merging scans in order of names, against the intersection of plain sets."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.firestore.query.index_merge import merge_by_name
from embedded.firestore.store.sqlite_schema import migrate

_VALUE = b"\x16value\0\x01"
_NAMES = st.sampled_from([b"", b"\0", *(bytes([first, last]) for first in b"\0\x01a\xff" for last in b"\0b\xff")])
_HELD = st.lists(st.sets(_NAMES, max_size=13), min_size=2, max_size=5)


def merge(held: list[set[bytes]], low: bytes, high: bytes, *, is_reversed: bool) -> list[int]:
    """The names found in an index for each set of names; a name's document is numbered by its bytes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    for index, names in enumerate(held):
        rows = [(index, _VALUE, name, number(name)) for name in names]
        connection.executemany("INSERT INTO entries VALUES (1, ?, ?, ?, ?)", rows)
    # Neighbours that must not be found: another value, another scope.
    connection.execute("INSERT INTO entries VALUES (1, 0, ?, x'61', 0), (2, 0, ?, x'61', 0)", (_VALUE + b"\0", _VALUE))
    scans = [(index, _VALUE) for index in range(len(held))]
    try:
        return list(merge_by_name(connection, 1, scans, (low, high), is_reversed=is_reversed))
    finally:
        connection.close()


def number(name: bytes) -> int:
    """A number for a name that tells it from all others."""
    return int.from_bytes(b"\x01" + name, "big")


@given(held=_HELD, low=_NAMES, high=_NAMES, is_reversed=st.booleans())
def test_finds_what_all_scans_hold(held: list[set[bytes]], low: bytes, high: bytes, is_reversed: bool) -> None:
    """For any scans and any range, exactly their common names within it come, in order."""
    common = sorted((name for name in set.intersection(*held) if low <= name < high), reverse=is_reversed)
    assert merge(held, low, high, is_reversed=is_reversed) == [number(name) for name in common]


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("count", [31, 32, 33, 64, 100])
def test_reads_on_after_each_chunk(count: int, is_reversed: bool) -> None:
    """A read in several chunks has neither gaps nor repetitions."""
    names = [b"%03d" % at for at in range(count)]
    found = merge([set(names), {*names, b"x"}], b"", b"\xff", is_reversed=is_reversed)
    assert found == [number(name) for name in sorted(names, reverse=is_reversed)]


def test_merges_a_hundred_scans() -> None:
    """As many scans as a filter can have equalities are within SQLite's limits."""
    assert merge([{b"a", bytes([at])} for at in range(100)], b"", b"\xff", is_reversed=False) == [number(b"a")]
