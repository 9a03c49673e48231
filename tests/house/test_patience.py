"""No test depends on how fast the machine is: a wait has the one patience of all tests, and no number of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import list_modules, read_tree

WAITS = {"timeout", "wait_for", "communicate", "result", "exception", "join"}
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


def list_impatient(file: Path) -> list[str]:
    """The calls of a file that end a wait after seconds of their own."""
    calls = [node for node in ast.walk(read_tree(file)) if isinstance(node, ast.Call)]
    return [f"{file}:{call.lineno}" for call in calls if any(n >= LEAST_SECONDS for n in list_numbers(call))]


def test_waits_of_tests_have_the_one_patience() -> None:
    """`PATIENCE_SECONDS` is in tests/patience.py, with the reason."""
    files = [file for file in list_modules() if file.parts[0] == "tests"]
    held = [file for file in files if not any(file.is_relative_to(place) for place in OTHERS)]
    assert [place for file in held for place in list_impatient(file)] == []
