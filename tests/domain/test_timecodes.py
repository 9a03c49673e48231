"""Times within a video."""

import pytest

from domain.timecodes import compute_duration_seconds, parse_timecode


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:00", 0), ("01:02:03", 3723), ("00:00:01.250", 1.25), ("23:59:59.999", 86399.999), ("24:00:00", 86400)],
)
def test_times_are_read(text: str, seconds: float) -> None:
    """A time in either form is parsed to its seconds."""
    assert parse_timecode(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1:02:03",
        "00:60:00",
        "00:00:60",
        "00:00:01.5",
        "00:00",
        "-0:00:01",
        "24:00:01",
        "99:00:00",
        "00:00:01\n",
        "\u0660\u0660:00:01",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    """A time in another form, or over 24 hours, is a ValueError."""
    with pytest.raises(ValueError, match="time"):
        parse_timecode(text)


def test_durations_are_exact_to_the_millisecond() -> None:
    """A duration is exact to the millisecond, and negative where the end comes first."""
    assert compute_duration_seconds("00:00:00.100", "00:00:00.400") == 0.3
    assert compute_duration_seconds("00:00:02", "00:00:01") == -1
