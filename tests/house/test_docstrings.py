"""Docstrings have one mood: a value's names the value, an action's states in the third person what it does."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import Documented, Function, list_docstrings, list_functions, list_modules, name_place

# The standard noun stands first: these say that one is still to come.
PRONOUN = re.compile(
    r"""what | whatever | whoever | who | whose | whom | those | nobody | somebody | everybody | someone |
    everyone | something | nothing | so""",
    re.VERBOSE,
)
# "The clip" and "Writes the clip", never "Return the clip", "Returns the clip" or "Write the clip".
ORDER = re.compile(
    r"""return | returns | add | answer | append | apply | ask | assert | await | begin | break | bring | build
    | call | cancel | check | close | collect | commit | compare | compute | connect | convert | copy |
    count | create | decode | delete | do | drop | encode | end | ensure | execute | exit | fail | fetch |
    fill | find | finish | forget | format | generate | get | give | grant | handle | import | increment |
    keep | let | list | load | log | make | mark | match | measure | move | open | parse | pass | pick |
    print | put | quote | raise | read | record | refuse | register | release | remove | rename | replace |
    report | reset | resolve | restore | roll | run | save | say | send | serve | set | show | sign | skip |
    sort | split | start | step | stop | store | take | tell | test | try | update | use | validate | wait |
    write | yield""",
    re.VERBOSE,
)


def get_first_word(text: str) -> str:
    """The word that a docstring begins with, in small letters and without quotes."""
    return text.split(maxsplit=1)[0].strip(".,:;`").lower()


def check_mood(node: Documented, text: str) -> bool:
    """Whether a docstring begins as the tree's do."""
    word = get_first_word(text)
    return not PRONOUN.fullmatch(word) and not (isinstance(node, Function) and ORDER.fullmatch(word))


def list_tests(file: Path) -> list[Function]:
    """The test functions of a file."""
    return [node for node in list_functions(file) if file.name.startswith("test_") and node.name.startswith("test_")]


def test_docstrings_have_one_mood() -> None:
    """No docstring begins with a pronoun, and no function's with an order or with "Return"."""
    wrong = [
        f"{name_place(file, node)}: {text.splitlines()[0]}"
        for file in list_modules()
        for node, text in list_docstrings(file)
        if not check_mood(node, text)
    ]
    assert wrong == []


def test_each_test_has_its_sentence() -> None:
    """Every test function has a docstring, and its first line or paragraph is a sentence."""
    missing = [
        name_place(file, node)
        for file in list_modules()
        for node in list_tests(file)
        if not (ast.get_docstring(node) or "").rstrip('`")').endswith((".", "?", "!"))
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("source", "is_right"),
    [
        ('def find() -> int:\n    """The number."""', True),
        ('def find() -> int:\n    """Return the number."""', False),
        ('def find() -> int:\n    """Returns the number."""', False),
        ('def write() -> None:\n    """Write the number."""', False),
        ('def write() -> None:\n    """Writes the number."""', True),
        ('class Page:\n    """What a page is."""', False),
        ('class Page:\n    """Open pages."""', True),
    ],
)
def test_moods_are_told_apart(source: str, is_right: bool) -> None:
    """A value's noun and an action's third person pass; orders, "Return" and pronouns do not."""
    [node] = ast.parse(source).body
    assert isinstance(node, Documented)
    assert check_mood(node, ast.get_docstring(node) or "") is is_right
