"""The tables as a whole."""

from importlib import import_module

from tests.embedded.s3.conformance.rows import ROWS, SOURCES

CHAPTERS = ("buckets", "checksums", "clients", "lists", "objects", "ranges", "signatures", "uploads")
for chapter in CHAPTERS:
    import_module(f"{__name__.rpartition('.')[0]}.test_{chapter}")

LEAST_ROWS = 200


def test_every_row_has_a_source_and_a_name_of_its_own() -> None:
    """Every row cites a known source, and no two rows have the same name."""
    assert {row.source for row in ROWS} <= set(SOURCES)
    ids = [row.id for row in ROWS]
    assert [each for each in set(ids) if ids.count(each) > 1] == []


def test_there_are_rows_enough() -> None:
    """Two hundred, of which most are what R2's own pages say."""
    assert len(ROWS) >= LEAST_ROWS
