"""Names keep their promises: `check_` answers, `assert_` raises, `parse_` returns, and modules are nouns."""

import ast
from pathlib import Path

from tests.house.tree import Function, list_functions, list_modules, name_place

# Standard nouns of the field that end like a gerund.
NOUNS = {
    "listening",
    "mapping",
    "paging",
    "encoding",
    "decoding",
    "metering",
    "framing",
    "listing",
    "signing",
    "drawing",
    "hopping",
    "smuggling",
    "missing",
}


def list_promises(*names: str) -> list[tuple[Path, Function, str]]:
    """Functions whose names begin with one of these verbs, with what their annotation says they return."""
    return [
        (file, node, ast.unparse(node.returns) if node.returns else "")
        for file in list_modules()
        for node in list_functions(file)
        if node.name.strip("_").split("_")[0] in names and not check_fixture(node)
    ]


def check_fixture(node: Function) -> bool:
    """Whether pytest calls the function: its value has the name, not what it does."""
    return any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)


def list_gerunds(file: Path) -> list[str]:
    """The parts of a module's path that end in a verb's `-ing` form."""
    stems = [part.removesuffix(".py").removeprefix("test_") for part in file.parts]
    return [stem for stem in stems if stem.endswith("ing") and stem.rsplit("_", maxsplit=1)[-1] not in NOUNS]


def test_check_functions_answer_a_bool() -> None:
    """A function named `check` or `check_…` is annotated to return bool."""
    wrong = [name_place(file, node) for file, node, returns in list_promises("check") if returns != "bool"]
    assert wrong == []


def test_assert_functions_return_nothing() -> None:
    """A function named `assert_…` is annotated to return None: what it holds, it holds by raising."""
    wrong = [name_place(file, node) for file, node, returns in list_promises("assert") if returns != "None"]
    assert wrong == []


def test_parse_functions_return_the_value() -> None:
    """A function named `parse_…` returns the parsed value, never a bool and never only None."""
    empty = {"", "bool", "None"}
    wrong = [name_place(file, node) for file, node, returns in list_promises("parse") if returns in empty]
    assert wrong == []


def test_modules_and_folders_are_nouns() -> None:
    """No module or folder is named by a gerund, save the nouns that the field writes so."""
    assert [str(file) for file in list_modules() if list_gerunds(file)] == []
