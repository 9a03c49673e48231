"""Models built without validation equal those that validation builds, and values that it refuses build none."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories.exceptions import ValidationError
from repositories.mapping.fast_builder import build_clip_fast, make_clip
from repositories.model.statuses import ClipStatus, VideoStatus
from repositories.model.validation import validate_model
from repositories.models import ClipMetadata

GIVEN: dict[str, Any] = {
    "user_id": "u",
    "video_id": "v",
    "created_by": "worker",
    "filename": "clip_01_01_title_split.mp4",
    "scene_id": 1,
    "scene_title": "Title: “one” — naïve…",
    "scene_description": "What is said.",
    "style": "split",
    "priority": 1,
    "start_time": "00:00:01",
    "end_time": "00:00:03.500",
    "status": ClipStatus.PROCESSING,
}
REQUIRED = GIVEN.keys() - {"created_by", "scene_description", "status"}

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        2**31 - 1,
        2**31,
        0.5,
        1.0,
        float("nan"),
        b"a",
        [],
        {},
        "1",
        " ",
        "",
        "a",
        " a",
        "a ",
    ),
    *("a\n", "a\nb", "\u200ea", "\x7f", "\ud800", "\ufffe", "🎬" * 200, "a" * 100, "a" * 101, "a" * 129, "a" * 1_501),
    *("a" * 20_001, "é" * 300, "__a__", "_a", "-a", ".", "..", "a/b", "a\\b", "processing", "completed", "gone"),
    *("23:59:59.999", "24:00:00", "24:00:01", "00:00:00", "00:00:01", "00:00:01.001", "00:00:60", "\u0660\u0660:00:01"),
    *("a.mp4", "a.MP4", "a.mov", "a.jpg", ".mp4", "a.b.mp4", "__a__.mp4", "a.mp4\n", *ClipStatus, *VideoStatus),
    type("Text", (str,), {})("00:00:00"),
]


def validate(values: dict[str, Any]) -> ClipMetadata | None:
    try:
        return validate_model(ClipMetadata, values)
    except ValidationError:
        return None


def compare_with_validated(values: dict[str, Any]) -> bool:
    """Asserts that the plain clip, if there is one, is the validated one but for its moment; tells whether there is."""
    fast = build_clip_fast(values)
    if fast is None:
        return False
    validated = validate(values)
    assert validated is not None
    for name, of_status in (("completed_at", ClipStatus.COMPLETED), ("failed_at", ClipStatus.FAILED)):
        assert getattr(fast, name) == (fast.created_at if fast.status is of_status else None)
    moments = {name: fast.__dict__[name] for name in ("created_at", "completed_at", "failed_at")}
    same = validated.model_copy(update=moments)
    assert fast == same
    assert fast.model_fields_set == validated.model_fields_set
    assert list(fast.__dict__) == list(validated.__dict__)
    assert {name: type(value) for name, value in fast} == {name: type(value) for name, value in same}
    assert fast.to_document() == same.to_document()
    assert fast.list_differing_fields(same) == ()
    return True


@pytest.mark.parametrize("status", ClipStatus)
@pytest.mark.parametrize("left_out", [set(), {"created_by"}, {"scene_description"}, {"status"}])
def test_what_workers_send_takes_the_fast_path(status: ClipStatus, left_out: set[str]) -> None:
    """Clips as workers send them take the fast path, and are those that pydantic makes."""
    values = {**GIVEN, "status": status}

    assert compare_with_validated({name: value for name, value in values.items() if name not in left_out})
    assert compare_with_validated({**values, "scene_description": None})


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_any_value_is_the_same_or_left_to_validation(name: str) -> None:
    """With any value in a field, the fast path agrees with pydantic or gives way to it."""
    for value in VALUES:
        compare_with_validated({**GIVEN, name: value})


@pytest.mark.parametrize("start_time", [value for value in VALUES if isinstance(value, str)])
def test_any_two_times_are_the_same_or_left_to_validation(start_time: str) -> None:
    """With any two times, the fast path agrees with pydantic or gives way to it."""
    for end_time in VALUES:
        compare_with_validated({**GIVEN, "start_time": start_time, "end_time": end_time})


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_what_lacks_a_field_is_left_to_validation(name: str) -> None:
    """Values that lack a required field are left to pydantic."""
    assert not compare_with_validated({key: value for key, value in GIVEN.items() if key != name})


@pytest.mark.parametrize("name", sorted({*ClipMetadata.model_fields, "file_size_mb", "unknown"} - GIVEN.keys()))
def test_what_says_more_is_left_to_validation(name: str) -> None:
    """Values with a further field are left to pydantic."""
    assert not compare_with_validated({**GIVEN, name: "a"})


@given(
    st.fixed_dictionaries({}, optional={name: st.text(max_size=8) | st.sampled_from(VALUES) for name in GIVEN}),
    st.sampled_from(ClipStatus),
)
@settings(max_examples=600, deadline=None)
def test_any_changes_are_the_same_or_left_to_validation(changes: dict[str, Any], status: ClipStatus) -> None:
    """With any changes, the fast path agrees with pydantic or gives way to it."""
    compare_with_validated(GIVEN | {"status": status} | changes)


def test_what_is_against_a_rule_is_refused_as_the_model_refuses_it() -> None:
    """A clip against a rule raises the model's error, below the given path."""
    with pytest.raises(ValidationError) as refused:
        make_clip({**GIVEN, "end_time": "00:00:01"}, path=("clips", 3))

    assert (str(refused.value), refused.value.path) == ("The end must be after the start.", ("clips", 3, "end_time"))


@pytest.mark.parametrize("status", ClipStatus)
def test_a_document_is_what_the_model_dumps(status: ClipStatus) -> None:
    """A clip's document has the fields, values and order of pydantic's dump."""
    clip = make_clip({**GIVEN, "status": status}).with_file(file_size_bytes=3_000_000, has_thumbnail=True)

    assert list(clip.to_document().items()) == list({**clip.model_dump(), "status": status.value}.items())
