"""The tolerant door of timecodes: times as people and models write them, read to the millisecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.timecodes import check_canonical, format_timecode, read_timecode


@given(st.integers(0, 24 * 3600 * 1000))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    """A time that was formatted is read back to the same milliseconds."""
    text = format_timecode(milliseconds / 1000)
    assert check_canonical(text)
    assert read_timecode(text) == pytest.approx(milliseconds / 1000, abs=1e-6)


@pytest.mark.parametrize("text", ["", ":", "1:2:3:4", "-1", "1e5", "nan", "\u0660\u0661", "24:00:00.001", "1" * 5000])
def test_what_is_no_time_is_none(text: str) -> None:
    """A text that is no time, or one over 24 hours, is None."""
    assert read_timecode(text) is None


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 360_000])
def test_what_has_no_form_is_refused(seconds: float) -> None:
    """Seconds that are negative, not finite or over 24 hours are a ValueError."""
    with pytest.raises(ValueError, match="is not valid in a video"):
        format_timecode(seconds)
