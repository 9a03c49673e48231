"""Names of databases, documents and fields."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.firestore.model.errors import InvalidArgumentError
from embedded.firestore.model.field_paths import format_field_path, parse_field_path
from embedded.firestore.model.paths import (
    Path,
    decode_segments,
    encode_segments,
    parse_database,
    parse_document,
    parse_parent,
)

DATABASE = "projects/p/databases/(default)"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "c/d",
        DATABASE,
        f"{DATABASE}/documents",
        f"{DATABASE}/documents/c",
        f"{DATABASE}/documents/c/d/e",
        f"{DATABASE}/documents/c//",
        f"{DATABASE}/documents/c/d/",
        f"{DATABASE}/documents/c/..",
        f"{DATABASE}/documents/c/__x__",
        f"{DATABASE}/documents/c/{'é' * 751}",
        f"{DATABASE}/documents/" + "/".join(["c"] * 202),
        f"{DATABASE}/documents/" + "/".join(["c" * 1400] * 6),
    ],
)
def test_a_malformed_document_name_is_refused(name: str) -> None:
    """A malformed document name raises InvalidArgumentError."""
    with pytest.raises(InvalidArgumentError):
        parse_document(name)


@pytest.mark.parametrize("last", ["d", "é" * 750, "__id7__", "a.b", " ", "..."])
def test_any_other_id_is_accepted(last: str) -> None:
    """An id that no rule forbids is parsed as it is."""
    assert parse_document(f"{DATABASE}/documents/c/{last}") == Path(DATABASE, ("c", last))


def test_a_parent_is_the_root_or_a_document() -> None:
    """A parent is the root or a document; a collection is refused."""
    assert parse_parent(f"{DATABASE}/documents").segments == ()
    assert parse_parent(f"{DATABASE}/documents/c/d").segments == ("c", "d")
    with pytest.raises(InvalidArgumentError):
        parse_parent(f"{DATABASE}/documents/c")


@pytest.mark.parametrize("name", ["", "projects/p", f"{DATABASE}/documents", f"{DATABASE}/documents/c/d", "x" * 9])
def test_a_malformed_database_name_is_refused(name: str) -> None:
    """A malformed database name raises InvalidArgumentError."""
    with pytest.raises(InvalidArgumentError):
        parse_database(name)


def test_keys_sort_numeric_ids_first_and_children_after_their_parent() -> None:
    """Keys of paths sort as Firestore sorts the paths."""
    ascending = [
        ("c", "__id-5__"),
        ("c", "__id7__"),
        ("c", "__id10__"),
        ("c", "A"),
        ("c", "a"),
        ("c", "a", "s", "x"),
        ("c", "a\0"),
        ("c", "b"),
        ("d", "a"),
    ]
    keys = [encode_segments(segments) for segments in ascending]
    assert all(left < right for left, right in pairwise(keys))


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_key_gives_its_segments_back(segments: list[str]) -> None:
    """A path's key decodes to the same segments, for any text."""
    assert decode_segments(encode_segments(tuple(segments))) == tuple(segments)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b_1", ("a", "b_1")),
        ("`a.b`.c", ("a.b", "c")),
        (r"`\``", ("`",)),
        (r"`\\`", ("\\",)),
        ("`é 🎬`", ("é 🎬",)),
        ("__name__", ("__name__",)),
    ],
)
def test_a_field_path_is_split_and_unescaped(text: str, path: tuple[str, ...]) -> None:
    """A field path is split at its dots, and quoted segments lose their quotes."""
    assert parse_field_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "1a", "a b", "`a", "a`", "``", "__x__", "a.__x__"])
def test_a_malformed_field_path_is_refused(text: str) -> None:
    """A malformed field path raises InvalidArgumentError."""
    with pytest.raises(InvalidArgumentError):
        parse_field_path(text)


@given(st.lists(st.text(min_size=1, max_size=20).filter(lambda name: not name.startswith("__")), min_size=1))
def test_a_formatted_path_is_parsed_back(names: list[str]) -> None:
    """A formatted field path is parsed to the same segments, for any names."""
    assert parse_field_path(format_field_path(tuple(names))) == tuple(names)
