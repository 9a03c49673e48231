"""The table of docs/architecture.md is what the code does: each folder imports what its row lets it import."""

import re
from pathlib import Path

import pytest

from tests.house.test_circles import find_imports
from tests.house.tree import read

ROW = re.compile(r"^\| `(\w+)(?:/|\.py)` \| .+ \| (.*) \|$", re.MULTILINE)
NOTHING, EVERYTHING = "nothing of ours", "all"


def read_table() -> dict[str, str]:
    """The folders with what they may import, as docs/architecture.md says it."""
    table = read_section("Folders")
    return {folder: allowed.strip() for folder, allowed in ROW.findall(table)}


def read_section(heading: str) -> str:
    """The text of one section of docs/architecture.md."""
    return read(Path("docs/architecture.md")).partition(f"## {heading}\n")[2].partition("\n## ")[0]


def find_rooms(room: str) -> set[str]:
    """The other top-level folders that the modules of this one import."""
    arrows = find_imports().items()
    found = {other.split(".")[0] for name, others in arrows if name.split(".")[0] == room for other in others}
    return found - {room}


@pytest.mark.parametrize(("room", "allowed"), read_table().items())
def test_folder_imports_what_its_row_allows(room: str, allowed: str) -> None:
    """A folder imports no other than those that its row names, and a row of "all" any."""
    rooms = {name.split(".")[0] for name in find_imports()}
    named = rooms if allowed == EVERYTHING else rooms & set(re.findall(r"\w+", allowed))
    assert find_rooms(room) <= named


def test_every_folder_has_a_row() -> None:
    """Each top-level folder with Python modules has a row, which is not empty."""
    rooms = {name.split(".")[0] for name in find_imports()}
    assert {room for room, allowed in read_table().items() if allowed} >= rooms


def test_row_that_allows_nothing_names_nothing() -> None:
    """The words of an empty row are no folder's name."""
    rooms = {name.split(".")[0] for name in find_imports()}
    assert not rooms & set(NOTHING.split())
