"""Folders are layers or domains, tests mirror the tree, and every path that a text names exists."""

import ast
import collections
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SIDE, list_docstrings, list_files, list_modules, read, read_tree

MAX_MODULES = 17
# Below this, a reason is out of date.
LEAST_MODULES = 15
ARCHITECTURE = Path("docs/architecture.md")
# Users' topics rather than modules; docs/architecture.md describes each.
TOPICS = (
    "tests/e2e",
    "tests/abuse",
    "tests/house",
    "tests/embedded/firestore/conformance",
    "tests/embedded/s3/conformance",
)
FILE_NAME = re.compile(r"[\w./{}*-]+\.py\b")
# A text with this sign in it counts as a comment too: it is not worth a tokenizer's time.
COMMENT = re.compile(r"#.*")
FOLDER = re.compile(r"`((?:gql|domain|repositories|storage|embedded|cli|web|demo|examples|benchmarks|tests)/[\w./-]*)`")
# Files of other projects that texts cite, what `make explorer` brings, and a file's name as such.
FOREIGN = {"tests/system", "web/dist/graphiql/", "module.py"}


def count_modules() -> collections.Counter[Path]:
    """How many modules lie in each folder, packages' own files left out."""
    return collections.Counter(file.parent for file in list_modules() if file.name != "__init__.py")


def list_reasons() -> set[str]:
    """The folders that docs/architecture.md lets hold more modules, each with its reason."""
    section = read(ARCHITECTURE).partition("for a reason:\n")[2].partition("\n## ")[0]
    return {folder.rstrip("/") for folder in re.findall(r"^- `([^`]+)` (?:is|has) \w+", section, re.MULTILINE)}


def test_folders_hold_few_modules_or_have_a_reason() -> None:
    """Folders of more than seventeen modules are among those that docs/architecture.md gives reasons for."""
    large = {str(folder) for folder, count in count_modules().items() if count > MAX_MODULES}
    assert large <= list_reasons()


def test_reasons_are_for_folders_that_need_them() -> None:
    """A folder that docs/architecture.md gives a reason for has fifteen modules or more."""
    counts = count_modules()
    assert [folder for folder in list_reasons() if counts[Path(folder)] < LEAST_MODULES] == []


def find_mirrored(test: Path) -> list[Path]:
    """The places of which a test file is the mirror: a module, or a package."""
    place = Path(*test.parts[1:-1], test.stem.removeprefix("test_"))
    return [file for file in (place.with_suffix(".py"), place) if (ROOT / file).exists()]


def find_deeper(test: Path) -> list[Path]:
    """Modules that have the test's name and lie deeper than the folder which the test mirrors."""
    folder, name = Path(*test.parts[1:-1]), test.name.removeprefix("test_")
    return [file for file in list_modules() if file.name == name and file.is_relative_to(folder) and folder.name]


def list_tests() -> list[Path]:
    """The test files that stand outside the folders of users' topics."""
    tests = [file for file in list_modules() if file.name.startswith("test_")]
    return [file for file in tests if not any(file.is_relative_to(place) for place in TOPICS)]


def test_tests_mirror_the_tree() -> None:
    """Each test file lies in its module's mirrored folder, and otherwise its own docstring says what it is about."""
    unlike = [file for file in list_tests() if not find_mirrored(file)]
    assert [str(file) for file in unlike if find_deeper(file)] == []
    assert [str(file) for file in unlike if not ast.get_docstring(read_tree(file))] == []


def check_mirrors(place: Path) -> bool:
    """Whether there is such a folder, or a module whose tests are so many that they have a folder."""
    return place.is_dir() or place.with_suffix(".py").exists()


def test_folders_of_tests_mirror_folders() -> None:
    """Each folder with tests is named after a folder or a module, save the folders of users' topics."""
    folders = {Path(*file.parts[1:-1]) for file in list_tests()}
    assert [str(folder) for folder in folders if not check_mirrors(ROOT / folder)] == []


def test_topics_are_documented() -> None:
    """Each folder of tests by topic is described in docs/architecture.md."""
    assert [topic for topic in TOPICS if f"`{topic}/`" not in read(ARCHITECTURE)] == []


def list_texts(file: Path) -> Iterator[str]:
    """A page's text, or the comments and docstrings of a module."""
    if file.suffix != ".py":
        yield read(file)
        return
    yield from COMMENT.findall(read(file))
    yield from (text for _, text in list_docstrings(file))


@functools.cache
def list_tails() -> frozenset[str]:
    """Every file and folder of the tree, in full and from each of its folders on."""
    places = {place.parts for file in list_files() for place in (file, *file.parents)}
    return frozenset("/".join(parts[start:]) for parts in places for start in range(len(parts)))


def check_known(name: str) -> bool:
    """Whether a name is that of a file or folder of the tree, in full, from its last folders on, or relative."""
    return re.sub(r"^(\.{1,2}/)+", "", name).strip("/") in list_tails()


def find_strange(file: Path) -> list[str]:
    """The paths and module names in a file's texts that nothing in the tree has."""
    names = [name for text in list_texts(file) for name in (*FILE_NAME.findall(text), *FOLDER.findall(text))]
    return [name for name in names if name not in FOREIGN and not re.search(r"[*{]", name) and not check_known(name)]


SETUPS = {"Makefile", "Dockerfile", "pyproject.toml"}
PAGES = [file for file in list_files() if file.suffix == ".md" or file.name in SETUPS]


@pytest.mark.parametrize("room", sorted({file.parts[0] for file in (*PAGES, *list_modules())}))
def test_named_paths_exist(room: str) -> None:
    """Every path and `module.py` that a comment, a docstring or a page names is a file of the tree."""
    files = [file for file in (*PAGES, *list_modules()) if file.parts[0] == room]
    strange = [f"{file}: {name}" for file in files for name in find_strange(file)]
    assert strange == []


def test_side_rooms_exist() -> None:
    """The rooms that the tests over the tree look into are there: a renamed one would pass unread."""
    assert [room for room in SIDE if not (ROOT / room).is_dir()] == []
