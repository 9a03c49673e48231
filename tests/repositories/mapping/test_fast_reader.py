"""Models read without validation equal those that validation makes."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.mapping.fast_reader import CLIP_FIELDS, read_clip_fast
from repositories.model.fields import utc_now
from repositories.models import ClipMetadata

STORED = ClipMetadata(
    user_id="u",
    video_id="v",
    filename="clip_01_01_title_split.mp4",
    scene_id=1,
    scene_title="Title: “one” — naïve…",
    scene_description="What is said.",
    style="split",
    priority=1,
    start_time="00:00:01",
    end_time="00:00:03.500",
    status="completed",
    has_thumbnail=True,
    file_size_bytes=3_000_000_000,
).to_document()

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)),
    *(-0.0, 0.5, -0.5, 1.0, 2.0**31, 1e300, float("inf"), float("nan"), b"", b"a", [], [1], {}, {"a": 1}),
    *(
        "",
        " ",
        "a",
        " a",
        "a ",
        "a\n",
        "a\nb",
        "\u1680a",
        "\u2028",
        "\u200ea",
        "\x7f",
        "\ud800",
        "\ufffe",
        "\ufeff",
        "\u00a0a",
    ),
    *("\u2013", "\u2026", "🎬", "🎬" * 200, "a" * 100, "a" * 101, "a" * 129, "a" * 2000, "a" * 20_001, "é" * 300),
    *("processing", "completed", "failed", "deleting", "__a__", "_a", "-a", ".", "..", "a..", "u/v", "a/b", "a\\b"),
    *("23:59:59.999", "24:00:00", "24:00:01", "00:00:60", "\u0660\u0660:00:00", "00:00:00\n", "00:00:00.1"),
    *("a.mp4", "a.MP4", "a.mov", "a.jpg", ".mp4", "..mp4", "a.b.mp4", "__a__.mp4", "a.mp4\n", "u/v/clips/a.mp4"),
    *("u/v/clips/clip_01_01_title_split.mp4", "u/v/clips/clip_01_01_title_split.jpg", "w/v/clips/a.mp4", "u/v/../a"),
    *(MOMENT, MOMENT.replace(tzinfo=None), MOMENT.astimezone(timezone(timedelta(hours=1)))),
    DatetimeWithNanoseconds(2026, 1, 1, nanosecond=1, tzinfo=UTC),
]


def compare_with_validated(data: dict[str, Any]) -> bool:
    """Asserts that the plain clip, if there is one, is the validated one to the last bit; answers whether there is."""
    fast = read_clip_fast({name: data.get(name) for name in CLIP_FIELDS})
    if fast is None:
        return False
    validated = ClipMetadata.from_document(data)
    assert fast == validated
    assert fast.mended == validated.mended == ()
    assert fast.model_fields_set == validated.model_fields_set
    assert list(fast.__dict__) == list(validated.__dict__)
    assert {name: type(value) for name, value in fast} == {name: type(value) for name, value in validated}
    assert fast.to_document() == validated.to_document()
    assert fast.model_copy(update={"priority": 9}) == validated.model_copy(update={"priority": 9})
    return True


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "failed", "completed_at": None, "failed_at": utc_now()},
        {"status": "processing", "completed_at": None},
        {"has_thumbnail": False, "thumbnail_r2_key": None},
        {"scene_description": None},
        {"unknown": {"field": 1}},
    ],
)
def test_what_this_version_writes_takes_the_fast_path(changes: dict[str, Any]) -> None:
    """Documents as this version writes them take the fast path."""
    assert compare_with_validated(STORED | changes)


@pytest.mark.parametrize("name", sorted(STORED))
@pytest.mark.parametrize("status", ["processing", "completed", "failed"])
def test_any_value_is_the_same_or_left_to_validation(name: str, status: str) -> None:
    """With any value in a field, the fast path agrees with pydantic or gives way to it."""
    for value in VALUES:
        compare_with_validated(STORED | {"status": status, "completed_at": None} | {name: value})


@pytest.mark.parametrize("name", sorted(STORED))
def test_a_field_that_is_missing_is_the_same_or_left_to_validation(name: str) -> None:
    """Without a field, the fast path agrees with pydantic or gives way to it."""
    compare_with_validated({key: value for key, value in STORED.items() if key != name})


@given(st.text(max_size=20), st.sampled_from(["scene_title", "scene_description", "style", "created_by", "filename"]))
@settings(max_examples=600, deadline=None)
def test_any_text_is_the_same_or_left_to_validation(text: str, name: str) -> None:
    """With any text in a field, the fast path agrees with pydantic or gives way to it."""
    compare_with_validated(STORED | {name: text})
