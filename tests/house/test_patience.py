"""No test depends on how fast the machine is: a wait has the one patience of all tests, and no number of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import list_modules, read_tree

WAITS = {"timeout", "wait_for", "communicate", "result", "exception", "join"}
CLOCKS = {"monotonic", "perf_counter", "monotonic_ns", "perf_counter_ns"}
# A shorter wait is no patience: it asserts that something does not come, and a slow machine can only let it pass.
LEAST_SECONDS = 3
# Run by hand, or beside no other test: they give up on purpose, or measure.
OTHERS = ("tests/embedded/mutation.py", "tests/embedded/firestore/client_suite")


def list_numbers(node: ast.Call) -> Iterator[float]:
    """The numbers that a call gives as the seconds that it waits."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = [keyword.value for keyword in node.keywords if keyword.arg == "timeout"]
    given += node.args[-1:] if name in WAITS else []
    for value in given:
        if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
            yield value.value


def check_reads_clock(node: ast.expr) -> bool:
    """Whether the expression is a look at a clock that runs on while a machine is slow."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS


def check_measures_time(node: ast.AST) -> bool:
    """Whether it computes the seconds that went by, or ends a wait after a number of its own."""
    if not isinstance(node, ast.BinOp):
        return False
    sides = (node.left, node.right)
    has_number = any(isinstance(side, ast.Constant) for side in sides)
    return any(map(check_reads_clock, sides)) and (has_number or isinstance(node.op, ast.Sub))


def list_measuring(source: ast.AST) -> list[int]:
    """The lines that compare clocks."""
    return [node.lineno for node in ast.walk(source) if isinstance(node, ast.BinOp) and check_measures_time(node)]


def list_impatient(file: Path) -> list[str]:
    """The calls of a file that end a wait after seconds of their own."""
    calls = [node for node in ast.walk(read_tree(file)) if isinstance(node, ast.Call)]
    return [f"{file}:{call.lineno}" for call in calls if any(n >= LEAST_SECONDS for n in list_numbers(call))]


def list_held() -> list[Path]:
    """The files of tests that the rules hold."""
    files = [file for file in list_modules() if file.parts[0] == "tests"]
    return [file for file in files if not any(file.is_relative_to(place) for place in OTHERS)]


def test_waits_of_tests_have_the_one_patience() -> None:
    """`PATIENCE_SECONDS` is in tests/patience.py, with the reason."""
    assert [place for file in list_held() for place in list_impatient(file)] == []


def test_tests_do_not_measure_the_time_that_goes_by() -> None:
    """Tests compare counts, processor time of a process's own, or a clock that they hold."""
    assert [f"{file}:{line}" for file in list_held() for line in list_measuring(read_tree(file))] == []


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("time.perf_counter() - began_at", True),
        ("ends_at - time.monotonic()", True),
        ("time.monotonic() + 30", True),
        ("time.monotonic() + PATIENCE_SECONDS", False),
        ("time.thread_time() - before", False),
    ],
)
def test_measures_of_time_are_told_apart(source: str, is_found: bool) -> None:
    """A difference of clocks and a wait of its own are found, and processor time is not."""
    assert bool(list_measuring(ast.parse(source))) is is_found
