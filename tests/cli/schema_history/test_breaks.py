"""Breaking changes, and the lines of a changelog that tell of them."""

import pytest

from cli.schema_history.breaks import find_names, list_added_lines, list_breaks, list_unannounced

OLD = """
type Query { clips(first: Int): [Clip] viewer: String }
type Clip { id: ID! size: String status: Status }
enum Status { DONE FAILED }
union Result = Clip | Missing
type Missing { message: String }
input ClipInput { title: String }
"""


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("size: String", ""), ["Clip", "size"]),
        (("id: ID!", "id: ID"), ["Clip", "id"]),
        (("DONE FAILED", "DONE"), ["Status", "FAILED"]),
        (("Clip | Missing", "Clip"), ["Missing"]),
        (("(first: Int)", ""), ["clips", "first"]),
        (("viewer: String", ""), ["viewer"]),
        (("title: String", "title: String name: String!"), ["ClipInput", "name"]),
        (("input ClipInput { title: String }", ""), ["ClipInput"]),
        (("type Missing { message: String }", "interface Missing { message: String }"), ["Missing"]),
    ],
    ids=lambda given: "-".join(sorted(given)),
)
def test_each_break_is_found_by_its_names(change: tuple[str, str], names: list[str]) -> None:
    """A breaking change is told by a new line with all of its names, and by no line with some of them."""
    new = OLD.replace(*change)
    if "interface" in new:
        new = new.replace("| Missing", "")
    breaks = list_breaks(OLD, new)
    sentence = next(one for one in breaks if find_names(one) == set(names))
    told = f"- `{'.'.join(sorted(names))}` is another one now."
    assert sentence not in list_unannounced(breaks, [told])
    assert sentence in list_unannounced(breaks, ["- Something else changed.", *(names if len(names) > 1 else ())])


def test_additions_break_nothing() -> None:
    """A new field, an optional argument and a deprecation need no line."""
    new = OLD.replace("size: String", "size: String mb: Float").replace("first: Int", "first: Int, last: Int")
    assert list_breaks(OLD, new) == []


def test_only_new_lines_count() -> None:
    """A line that the changelog had before says nothing of a new change."""
    assert list_added_lines("# A\n- old\n", "# A\n- old\n- new\n") == ["- new"]
