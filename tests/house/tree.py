"""The tree as text and syntax: the files that git knows, and what Python's parser says of each."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CODE = ("gql", "domain", "repositories", "storage", "embedded", "cli", "web", "demo", "clients", "deploy")
SIDE = ("examples", "benchmarks", "requirements")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef | ast.Module
MODULES = ("settings.py",)


@functools.cache
def list_files() -> tuple[Path, ...]:
    """The files of the work tree that git tracks or would track, relative to its root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(Path(line) for line in listed.splitlines() if (ROOT / line).is_file()))


@functools.cache
def list_modules() -> tuple[Path, ...]:
    """The Python files of the rooms, the tests' included."""
    rooms = {*CODE, *SIDE, "tests", *MODULES}
    return tuple(file for file in list_files() if file.suffix == ".py" and file.parts[0] in rooms)


@functools.cache
def read(file: Path) -> str:
    """The text of a file of the tree."""
    return (ROOT / file).read_text()


@functools.cache
def read_tree(file: Path) -> ast.Module:
    """The syntax of a Python file of the tree."""
    return ast.parse(read(file))


def name_module(file: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def list_documented(file: Path) -> tuple[Documented, ...]:
    """The module, and every class, function and method of it, those inside others included."""
    return tuple(node for node in ast.walk(read_tree(file)) if isinstance(node, Documented))


def list_functions(file: Path) -> list[Function]:
    """Every function and method of a file, those inside others included."""
    return [node for node in list_documented(file) if isinstance(node, Function)]


def list_docstrings(file: Path) -> Iterator[tuple[Documented, str]]:
    """Every docstring of a file, with the module, class or function that has it."""
    for node in list_documented(file):
        if text := ast.get_docstring(node):
            yield node, text


def name_place(file: Path, node: ast.AST) -> str:
    """`gql/app.py:12 create_app`, as an editor opens it."""
    return f"{file}:{getattr(node, 'lineno', 1)} {getattr(node, 'name', '')}".rstrip()
