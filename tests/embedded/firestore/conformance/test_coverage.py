"""The tables as a whole: every rule has a row, every row has one id, and what is pending is still a row."""

from collections import Counter
from importlib import import_module
from pathlib import Path

from tests.embedded.firestore.conformance.pending_rows import PENDING
from tests.embedded.firestore.conformance.rows import ROWS

RULES = range(1, 45)
UNSEEN = {
    44: "what a message costs in CPU is measured in benchmarks/, and a client sees only the time",
}

for file in Path(__file__).parent.glob("test_*.py"):
    import_module(f"{__name__.rpartition('.')[0]}.{file.stem}")


def test_every_rule_has_a_row() -> None:
    """Or a reason why no client can see it."""
    assert {row.rule for row in ROWS} | set(UNSEEN) == set(RULES)
    assert not {row.rule for row in ROWS} & set(UNSEEN)


def test_ids_are_unique() -> None:
    """Else a pending row could hide another."""
    assert [row_id for row_id, count in Counter(row.id for row in ROWS).items() if count > 1] == []


def test_pending_rows_exist() -> None:
    """A row that was renamed takes its entry along."""
    assert set(PENDING) <= {row.id for row in ROWS} | {f"node-{row.id}" for row in ROWS}


def test_rows_are_complete() -> None:
    """Each names a source of firestore.md, and each difference of Google's emulator is told as one."""
    assert {row.source for row in ROWS} <= {"P", "D", "C", "M"}
    assert all(not row.emulator or row.emulator.startswith("differs: ") for row in ROWS)
