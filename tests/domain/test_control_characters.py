"""No character that a terminal obeys is left as it is."""

import json
import unicodedata

import pytest

from domain.control_characters import escape_control_characters

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
MARKS = ["\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069", "\ud800", "\udfff"]


@pytest.mark.parametrize("character", CONTROLS + MARKS, ids=lambda character: f"U+{ord(character):04X}")
def test_each_is_escaped(character: str) -> None:
    """C0, DEL, C1, marks of direction, separators and halves of characters; and nothing beside them."""
    assert escape_control_characters(f"a{character}ä") == f"a\\u{ord(character):04x}ä"


@pytest.mark.parametrize("text", ["", "Ein Täßt 標題 🎬", "e\u0301", "a\u00a0b", "\u200d\ufe0f"])
def test_all_else_stays(text: str) -> None:
    """Letters of all languages, marks that belong to them, and what joins emoji."""
    assert escape_control_characters(text) == text


def test_lines_stay_where_they_are_meant() -> None:
    """No other break of lines does, such as C1's, or one that begins a line anew."""
    text = "a\nb\rc\x85d\x0be"
    assert escape_control_characters(text, keeps_lines=True) == "a\nb\\u000dc\\u0085d\\u000be"


def test_json_stays_the_same_json() -> None:
    """A line of a log is read as it was written."""
    line = json.dumps({"title": " ".join(CONTROLS + MARKS)}, ensure_ascii=False)
    escaped = escape_control_characters(line)
    assert json.loads(escaped) == json.loads(line)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in escaped)
