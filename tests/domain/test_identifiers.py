"""Ids, filenames, styles and keys."""

import pytest

from domain import identifiers


@pytest.mark.parametrize("value", ["v", "dQw4w9WgXcQ", "..a", "_x_", "__x", "é" * 750, "a b", "😀", "a" * 1500])
def test_document_ids_that_firestore_takes(value: str) -> None:
    """An id that Firestore takes is returned as it is."""
    assert identifiers.parse_document_id(value) == value


@pytest.mark.parametrize(
    "value",
    ["", " ", ".", "..", "a/b", "/", "__x__", "____", "a\0b", "a\nb", "a" * 1501, "é" * 751, "\ud800", "a\u202eb"],
)
def test_document_ids_that_are_refused(value: str) -> None:
    """An id that Firestore refuses, or that reads as another, is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        identifiers.parse_document_id(value)


def test_user_ids_have_at_most_128_characters() -> None:
    """A user id has at most 128 characters."""
    assert identifiers.parse_user_id("é" * 128)
    with pytest.raises(ValueError, match="128"):
        identifiers.parse_user_id("a" * 129)


@pytest.mark.parametrize("value", ["split", "a.b", "a/b", "a b", "`", "\\", "😀", "~*[]", "é" * 700])
def test_styles_are_open_strings(value: str) -> None:
    """A style may hold any visible characters."""
    assert identifiers.parse_style(value) == value


@pytest.mark.parametrize("value", ["", " ", "__x__", "a\0", "a\n", "\udfff", "a" * 1500])
def test_styles_that_no_field_path_can_name_are_refused(value: str) -> None:
    """A style that is empty, reserved, unprintable or too long for a field path is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        identifiers.parse_style(value)
