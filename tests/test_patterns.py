r"""Every regular expression of the house takes time in proportion to its text, whatever the text.

`patterns.txt` lists them; one that is not in it fails here until it is, and each that is listed is tried: its own
beginnings, repeated, in 256 bytes, 4 KB, 64 KB and 1 MB: searched through, unless its module only ever matches it at a
text's start. What is held is not a time but a growth: sixteen times the text may take
at most 64 times the thread's own CPU, which is halfway (on a logarithmic scale) between 16 for linear and 256 for
quadratic. So a machine would have to be four times as slow for one measurement as for the other, the best of several,
before a test fails or passes by chance. The real engine is measured, and not a model of its steps: what counts most,
such as a run of `[\w-]*`, is a single step of it.
"""

import ast
import collections
import functools
import importlib
import itertools
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from re import _constants as sre
from re import _parser as sre_parser
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"])
LIST = Path(__file__).with_name("patterns.txt")
FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
SIZES = (1 << 8, 1 << 12, 1 << 16)
LARGEST = 1 << 20
# The geometric mean of 16 and 256.
MAX_GROWTH = 64
# Below this a measurement says nothing about growth.
LEAST_NANOSECONDS = 20_000
MAX_BEGINNINGS = 12


def find_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `re` in the tree, with its module's name."""
    files = [ROOT / "settings.py", *(file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))]
    for file in files:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "re" and node.func.attr in FUNCTIONS:
                    yield module, node


def name_call(module: str, call: ast.Call) -> str:
    """The line of the list: the module, and the pattern as its source has it."""
    flags = [ast.unparse(argument) for argument in call.args[1:] if "re." in ast.unparse(argument)]
    return " ".join((module, ast.unparse(call.args[0]), *flags))


@functools.cache
def list_calls() -> dict[str, tuple[str, ast.Call]]:
    """Every call of `re` by its line of the list; the tree is parsed once, and not at import."""
    return {name_call(module, call): (module, call) for module, call in find_calls()}


LISTED = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
# Of secrets that the settings hold, each a text without any repetition: `Redactor.hide`.
MADE_AT_RUN_TIME = "'|'.join("


def test_every_pattern_is_listed() -> None:
    """Before a line is added, two questions: whether the pattern is linear, and whether its text is cut first."""
    assert sorted(list_calls()) == sorted(LISTED)


def test_patterns_are_made_by_the_module_re_alone() -> None:
    """By its full name, so that all are found here."""
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        assert "from re import" not in file.read_text(), file


def check_anchored(name: str) -> bool:
    """Whether the pattern's module does nothing with it but match it at the start of a text."""
    module, call = list_calls()[name]
    if isinstance(call.func, ast.Attribute) and call.func.attr in {"match", "fullmatch"}:
        return True
    tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text())
    nodes = list(ast.walk(tree))
    targets = [node.targets[0] for node in nodes if isinstance(node, ast.Assign) and _is_same(node.value, call)]
    if len(targets) != 1 or not isinstance(targets[0], ast.Name):
        return False
    used = [node.attr for node in nodes if isinstance(node, ast.Attribute) and _names(node.value, targets[0].id)]
    loads = [node for node in nodes if _names(node, targets[0].id) and isinstance(getattr(node, "ctx", None), ast.Load)]
    return len(used) == len(loads) and set(used) <= {"match", "fullmatch"}


def _names(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_same(node: ast.AST, call: ast.Call) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node) == ast.unparse(call)


def evaluate(name: str) -> re.Pattern[Any]:
    """The pattern itself, with its flags."""
    module, call = list_calls()[name]
    names = vars(importlib.import_module(module)) | {"re": re}
    pattern = eval(ast.unparse(call.args[0]), names)  # noqa: S307  our own source
    given = [ast.unparse(argument) for argument in (*call.args[1:], *(keyword.value for keyword in call.keywords))]
    flags = [eval(text, names) for text in given if text.startswith("re.")]  # noqa: S307  as above
    return re.compile(pattern, *flags)


def spell(parsed: Any) -> Iterator[str]:
    """Short texts that parts of a pattern match, one after the other."""
    for code, value in parsed:
        if code in {sre.LITERAL, sre.NOT_LITERAL}:
            yield chr(value) if code is sre.LITERAL else "~"
        elif code is sre.IN:
            yield spell_class(value)
        elif code is sre.ANY:
            yield "x"
        elif code is sre.BRANCH:
            yield "".join(spell(max(value[1], key=len)))
        elif code is sre.SUBPATTERN:
            yield "".join(spell(value[3]))
        elif code == sre.ATOMIC_GROUP:
            yield "".join(spell(value))
        elif code in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            yield "".join(spell(value[2])) * max(1, min(value[0], 40))


def spell_class(members: Any) -> str:
    """A character of a class; for one that is negated, mostly one."""
    for code, value in members:
        if code is sre.LITERAL:
            return chr(value)
        if code is sre.RANGE:
            return chr(value[0])
        if code is sre.CATEGORY:
            return {sre.CATEGORY_DIGIT: "1", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a"}.get(value, "-")
    return "x"


def find_beginnings(pattern: re.Pattern[Any]) -> list[str]:
    """The beginnings of the pattern's matches, each also followed by a character that lets the match fail."""
    parts = list(spell(sre_parser.parse(pattern.pattern, pattern.flags)))
    begun = [text for text in itertools.accumulate(parts) if text]
    begun = list(dict.fromkeys([*begun[-4:], *begun[:2]]))
    failing = [f"{text}{end}" for text in (begun[0], begun[-1]) for end in ("\0", "-")] if begun else []
    singles = [part[0] for part in parts if part][:2]
    return list(dict.fromkeys([*begun, *failing, *singles, '\\"', " "]))[:MAX_BEGINNINGS]


def measure(pattern: re.Pattern[Any], text: Any, times: int, *, is_anchored: bool = False) -> int:
    """The thread's nanoseconds for a look through the whole text, or for one from its start; the least of several."""
    took = []
    for _ in range(times):
        began = time.thread_time_ns()
        pattern.match(text)
        pattern.fullmatch(text)
        if not is_anchored:
            collections.deque(pattern.finditer(text), maxlen=0)
        took.append(time.thread_time_ns() - began)
    return max(min(took), LEAST_NANOSECONDS)


def find_growth(pattern: re.Pattern[Any], text: Any, sizes: tuple[int, ...], *, is_anchored: bool = False) -> float:
    """By how much the cost grows at most from one size to the next; it stops where that is too much."""
    before = None
    for size in sizes:
        repeated = (text * (size // len(text) + 1))[:size]
        took = measure(pattern, repeated, 1, is_anchored=is_anchored)
        if before is not None and took > MAX_GROWTH * before:
            took = min(took, measure(pattern, repeated, 2, is_anchored=is_anchored))
            if took > MAX_GROWTH * before:
                return took / before
        before = took
    return 0.0


@pytest.mark.parametrize("name", [name for name in LISTED if MADE_AT_RUN_TIME not in name])
def test_pattern_is_linear_in_its_own_beginnings(name: str) -> None:
    """No pattern's cost grows faster than its text, up to a megabyte of its own repeated beginnings."""
    pattern, is_anchored = evaluate(name), check_anchored(name)
    beginnings: list[Any] = find_beginnings(re.compile(pattern.pattern, pattern.flags))
    if isinstance(pattern.pattern, bytes):
        beginnings = [beginning.encode("utf-8", "replace") for beginning in beginnings]
    for beginning in beginnings:
        assert find_growth(pattern, beginning, SIZES, is_anchored=is_anchored) <= MAX_GROWTH, beginning
    # A megabyte of each would take minutes of all patterns together: of the one that 64 KB cost most.
    dearest = max(
        beginnings, key=lambda text: measure(pattern, text * (SIZES[-1] // len(text)), 1, is_anchored=is_anchored)
    )
    assert find_growth(pattern, dearest, (SIZES[-1], LARGEST), is_anchored=is_anchored) <= MAX_GROWTH, dearest


@pytest.mark.parametrize(
    "pattern",
    [r"\s*Did you mean[^?]*\?", r"\beyJ[\w-]{5,}\.[\w-]+", "input_value=.*?(?=, input_type=)"],
)
def test_patterns_that_are_not_linear_are_found_out(pattern: str) -> None:
    """They stood in this tree."""
    compiled = re.compile(pattern, re.DOTALL)
    assert max(find_growth(compiled, text, SIZES) for text in find_beginnings(compiled)) > MAX_GROWTH
