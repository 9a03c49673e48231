"""Repairs of texts."""

import pytest

from domain.texts import mend_text


@pytest.mark.parametrize(
    "text", ["", "a title", "\u200f\u05e9\u05dc\u05d5\u05dd\u200e!", "👩\u200d👩\u200d👧", "two\nlines"]
)
def test_sound_text_stays(text: str) -> None:
    """Marks of Hebrew and Arabic titles turn nothing beside them, and are no fault."""
    assert mend_text(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "mended", "faults"),
    [
        ("\u202eevil\u202c", "evil", 1),
        ("a\u2066b\u2069", "ab", 1),
        ("half \ud83d", "half \ufffd", 1),
        ("\ude00 other half", "\ufffd other half", 1),
        ("\ud83d\ude00", "😀", 1),
        ("\u202ea\ud800", "a\ufffd", 2),
    ],
)
def test_what_is_mended_is_told(text: str, mended: str, faults: int) -> None:
    """Each kind of fault has a remark, and the text is valid Unicode that shows as it reads."""
    found, remarks = mend_text(text)
    assert (found, len(remarks)) == (mended, faults)
    assert found.encode()
