"""No circle among modules: each can be read after what it imports, and before what imports it."""

import ast
import functools
import graphlib
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import list_modules, name_module, read_tree

# The graph is cyclic: a clip has a video, and a video has clips. `strawberry.lazy` is the known answer.
ALLOWED = {("gql.clips.types", "gql.videos.types")}


def find_base(node: ast.ImportFrom, package: list[str]) -> str:
    """The dotted name that a `from` import starts at, its leading dots resolved."""
    parts = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*parts, *([node.module] if node.module else [])])


def list_names(file: Path) -> Iterator[str]:
    """Every name that a file may import as a module, those under TYPE_CHECKING and in functions included."""
    package = name_module(file).split(".") if file.name == "__init__.py" else list(file.parent.parts)
    for node in ast.walk(read_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = find_base(node, package)
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from (name if name in find_modules() else base for name in names)


@functools.cache
def find_modules() -> dict[str, Path]:
    """The tree's modules by their dotted names."""
    return {name_module(file): file for file in list_modules()}


@functools.cache
def find_imports() -> dict[str, frozenset[str]]:
    """The modules of the tree that each of them imports."""
    modules = find_modules()
    return {name: frozenset(set(list_names(file)) & modules.keys() - {name}) for name, file in modules.items()}


def find_circle(arrows: set[tuple[str, str]]) -> list[str]:
    """One circle among the modules once these arrows are left out; none is an empty list."""
    imports = find_imports().items()
    graph = {name: {other for other in others if (name, other) not in arrows} for name, others in imports}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_modules_import_each_other_in_no_circle() -> None:
    """Without the graph's own arrow, the modules of the whole tree have an order."""
    assert find_circle(ALLOWED) == []


def test_the_allowed_arrow_closes_the_graphs_own_circle() -> None:
    """The exception is still needed: with its arrow, the types of clips and videos are in a circle."""
    assert {"gql.clips.types", "gql.videos.types"} <= set(find_circle(set()))


def test_imports_are_found_in_every_form() -> None:
    """A relative import, one under TYPE_CHECKING and one inside a function each count as an arrow."""
    imports = find_imports()
    assert "gql.videos.types" in imports["gql.clips.types"]
    assert "domain.identifiers" in imports["domain.keys"]
    assert sum(map(len, imports.values())) > len(imports)
