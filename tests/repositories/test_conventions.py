"""The names and docstrings that docs/architecture.md promises, in repositories, storage and domain."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("repositories", "storage", "domain")
Function = ast.FunctionDef | ast.AsyncFunctionDef
# A docstring begins with the standard noun, or with a verb.
VAGUE = ("What", "Whoever", "Those", "Nobody", "Who", "Everybody", "Somebody", "How")


def list_functions(folder: str) -> Iterator[tuple[str, Function]]:
    """Each function of the folder's modules, with its place."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def list_docstrings(folder: str) -> Iterator[tuple[str, str]]:
    """Each docstring of the folder's modules, also those of constants, with its place."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            body = getattr(node, "body", None)
            for statement in body if isinstance(body, list) else ():
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield f"{path.relative_to(ROOT)}:{statement.lineno}", text


def describe_returned(function: Function) -> str:
    """The annotation of what the function returns."""
    return "None" if function.returns is None else ast.unparse(function.returns)


def check_keeps_names(function: Function) -> bool:
    """Whether the function's name and its return type agree."""
    name, returned = function.name.lstrip("_"), describe_returned(function)
    match name.partition("_")[0]:
        case "check":
            return returned == "bool"
        case "assert":
            return returned in {"None", "list[str]"}
        case "parse":
            return returned not in {"None", "bool"}
    return True


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_say_what_functions_do(folder: str) -> None:
    """A `check_` function answers a bool, an `assert_` function raises, and a `parse_` function returns a value."""
    functions = [(place, function) for place, function in list_functions(folder) if "_" in function.name.lstrip("_")]
    assert functions
    assert [place for place, function in functions if not check_keeps_names(function)] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_begin_with_a_noun_or_a_verb(folder: str) -> None:
    """No docstring begins with a pronoun in the place of a noun."""
    docstrings = list(list_docstrings(folder))
    assert docstrings
    assert [place for place, text in docstrings if text.split(maxsplit=1)[0].rstrip(",:") in VAGUE] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_test_says_what_it_proves(folder: str) -> None:
    """Each test of these folders has a docstring."""
    tests = [(place, one) for place, one in list_functions(f"tests/{folder}") if one.name.startswith("test_")]
    assert tests
    assert [place for place, one in tests if ast.get_docstring(one) is None] == []
