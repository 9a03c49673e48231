"""The documents as models."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pydantic
import pytest

from repositories.exceptions import ValidationError
from repositories.model.validation import validate_model
from repositories.models import ClipMetadata, ClipStatus, HighlightsSummary, VideoMetadata, VideoStatus

VIDEO: dict[str, Any] = {
    "user_id": "u",
    "video_id": "v",
    "video_url": "https://youtu.be/dQw4w9WgXcQ",
    "video_title": "T",
}
CLIP: dict[str, Any] = {
    "user_id": "u",
    "video_id": "v",
    "filename": "clip_01_03_a_split.mp4",
    "scene_id": 3,
    "scene_title": "A",
    "style": "split",
    "priority": 1,
    "start_time": "00:00:01",
    "end_time": "00:00:03.500",
}


def test_a_videos_fields_follow_from_what_is_given() -> None:
    """A video's YouTube id, status, creator, key and times follow from its address and ids."""
    video = VideoMetadata(**VIDEO)
    assert (video.youtube_id, video.status, video.created_by) == ("dQw4w9WgXcQ", VideoStatus.PROCESSING, "u")
    assert video.highlights_json_key == "u/v/highlights.json"
    assert video.updated_at == video.created_at
    assert video.completed_at is None


def test_a_clips_fields_follow_from_what_is_given() -> None:
    """A clip's id, keys, duration and size in MB follow from its filename, times and size."""
    clip = ClipMetadata(**CLIP, has_thumbnail=True, file_size_bytes=12_345_678)
    assert clip.clip_id == "clip_01_03_a_split"
    assert clip.r2_key == "u/v/clips/clip_01_03_a_split.mp4"
    assert clip.thumbnail_r2_key == "u/v/clips/clip_01_03_a_split.jpg"
    assert (clip.duration_seconds, clip.file_size_mb) == (2.5, 11.77)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "a/b"),
        ("user_id", "a" * 129),
        ("video_id", ".."),
        ("filename", "../a.mp4"),
        ("filename", "a" * 251 + ".mp4 "),
        ("clip_id", "another"),
        ("scene_id", -1),
        ("scene_title", " "),
        ("scene_title", "a\x07b"),
        ("scene_title", "a" * 1501),
        ("style", "__x__"),
        ("priority", -1),
        ("priority", 2**31),
        ("priority", "first"),
        ("start_time", "1:00"),
        ("end_time", "00:00:01"),
        ("end_time", "00:00:00.999"),
        ("end_time", "25:00:00"),
        ("duration_seconds", 9.0),
        ("file_size_bytes", -1),
        ("file_size_bytes", 2**53 + 1),
        ("r2_key", "u/w/clips/a.mp4"),
        ("status", "done"),
        ("created_at", "yesterday"),
        ("no_such_field", 1),
    ],
)
def test_a_clips_bad_values_are_named(field: str, value: object) -> None:
    """A clip's invalid value raises `ValidationError` at its field."""
    with pytest.raises(ValidationError) as caught:
        validate_model(ClipMetadata, {**CLIP, field: value}, path=("clips", 3))
    assert caught.value.path == ("clips", 3, field)
    assert "Value error" not in caught.value.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("video_url", "javascript:alert(1)"),
        ("video_url", "youtube"),
        ("video_url", "https://" + "a" * 2100),
        ("youtube_id", "short"),
        ("youtube_id", "aaaaaaaaaaa"),
        ("video_title", None),
        ("highlights_count", -1),
        ("crop_mode", None),
        ("highlights_json_key", "u/v/../w/highlights.json"),
        ("custom_prompt", "a\0b"),
    ],
)
def test_a_videos_bad_values_are_named(field: str, value: object) -> None:
    """A video's invalid value raises `ValidationError` at its field."""
    with pytest.raises(ValidationError) as caught:
        validate_model(VideoMetadata, {**VIDEO, field: value})
    assert caught.value.path == (field,)


def test_values_inside_lists_and_maps_are_named() -> None:
    """An invalid value within a list or map is named with its index or key."""
    with pytest.raises(ValidationError) as caught:
        validate_model(VideoMetadata, {**VIDEO, "styles_processed": ["a", "__b__"]})
    assert caught.value.path == ("styles_processed", 1)
    with pytest.raises(ValidationError) as caught:
        validate_model(VideoMetadata, {**VIDEO, "highlights_summary": {"categories": ["a", "b\n"]}})
    assert caught.value.path == ("highlights_summary", "categories", 1)


def test_a_key_that_r2_cannot_hold_is_the_filenames_error() -> None:
    """A file's key over R2's limit is an error of the filename."""
    long = {"user_id": "\N{GRINNING FACE}" * 128, "video_id": "v" * 255, "filename": "f" * 250 + ".mp4"}
    with pytest.raises(ValidationError, match="1,024") as caught:
        validate_model(ClipMetadata, {**CLIP, **long})
    assert caught.value.path == ("filename",)


@pytest.mark.parametrize("video_id", ["v" * 256, "back\\slash"])
def test_a_folder_that_no_file_can_lie_in_is_the_videos_error(video_id: str) -> None:
    """A video id whose folder can hold no file is an error of the video id."""
    with pytest.raises(ValidationError) as caught:
        validate_model(ClipMetadata, {**CLIP, "video_id": video_id})
    assert caught.value.path == ("video_id",)


@pytest.mark.parametrize("name", ["user_id", "video_id"])
@pytest.mark.parametrize("segment", [".hidden", "__MACOSX"])
def test_no_folder_is_hidden(name: str, segment: str) -> None:
    """A folder in which no import sees a file is refused for what is new, and read of what is stored."""
    for model, fields in ((ClipMetadata, CLIP), (VideoMetadata, VIDEO)):
        with pytest.raises(ValidationError) as caught:
            validate_model(model, {**fields, name: segment})
        assert caught.value.path == (name,)
        assert model.from_document({**fields, name: segment})[name] == segment


def test_times_are_in_utc() -> None:
    """Times are converted to UTC, and those without a zone are taken to be in it."""
    naive, eastern = datetime(2026, 1, 1, 12), datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))  # noqa: DTZ001  naive on purpose
    assert VideoMetadata(**VIDEO, created_at=naive).created_at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert VideoMetadata(**VIDEO, created_at=eastern).created_at == datetime(2026, 1, 1, 7, tzinfo=UTC)


def test_times_follow_the_status() -> None:
    """A completed clip has a completion time, and a clip of another status has none."""
    completed = ClipMetadata(**CLIP, status=ClipStatus.COMPLETED)
    assert completed.completed_at == completed.created_at
    assert ClipMetadata(**CLIP, completed_at=datetime.now(UTC)).completed_at is None


def test_error_messages_are_cut_and_never_refused() -> None:
    """An error message of any text is stored as at most 1,000 valid characters."""
    video = VideoMetadata(**VIDEO, status="failed", error_message="\0\ud800" + "x" * 2000)
    assert video.error_message is not None
    assert len(video.error_message) == 1000
    assert video.error_message.encode()


@pytest.mark.parametrize(("model", "values"), [(VideoMetadata, VIDEO), (ClipMetadata, CLIP)])
def test_documents_come_back_as_they_were(model: Callable[..., Any], values: dict[str, Any]) -> None:
    """A model is read from its own document unchanged."""
    made = model(**values, status="completed")
    assert type(made).from_document(made.to_document()) == made
    assert type(made.to_document()["status"]) is str


def test_documents_of_older_versions_are_read() -> None:
    """Documents that lack fields, or have unknown ones, are read with defaults."""
    video = VideoMetadata.from_document(
        {"user_id": "u", "video_id": "v", "status": "completed", "crop_mode": None, "x": 1}
    )
    assert (video.video_title, video.crop_mode, video.completed_at, video.clips_count) == ("v", "auto", None, 0)
    clip = ClipMetadata.from_document({"user_id": "u", "video_id": "v", "clip_id": "c", "legacy": True})
    assert (clip.filename, clip.scene_title, clip.duration_seconds) == ("c.mp4", "c", 0)


def test_documents_under_looser_rules_are_read_but_never_lead_elsewhere() -> None:
    """A stored duration of another version is kept, and a key outside of the folder is emptied."""
    document = ClipMetadata(**CLIP).to_document()
    assert ClipMetadata.from_document({**document, "end_time": "00:00:00", "duration_seconds": 7}).duration_seconds == 7
    assert ClipMetadata.from_document({**document, "r2_key": "other/v/clips/a.mp4"}).r2_key == ""


def test_styles_without_clips_are_not_shown() -> None:
    """Counts of zero in a stored document are left out."""
    video = VideoMetadata.from_document({**VIDEO, "clips_by_style": {"a": 0, "b.c": 2}})
    assert video.clips_by_style == {"b.c": 2}


def test_models_are_frozen() -> None:
    """A model's field cannot be assigned."""
    with pytest.raises(pydantic.ValidationError):
        ClipMetadata(**CLIP).priority = 2  # type: ignore[misc]  # that it is read-only is the point


def test_a_clip_with_its_file() -> None:
    """A clip takes size and thumbnail of its file, and has no thumbnail's key without one."""
    clip = ClipMetadata(**CLIP).with_file(file_size_bytes=1_048_576, has_thumbnail=True)
    assert (clip.file_size_mb, clip.thumbnail_r2_key) == (1.0, "u/v/clips/clip_01_03_a_split.jpg")
    assert clip.with_file(file_size_bytes=1, has_thumbnail=False).thumbnail_r2_key is None


def test_differences_are_those_of_what_was_given() -> None:
    """Fields that were given and differ are listed, but for those that later calls change."""
    given = ClipMetadata(**CLIP, status="completed", file_size_bytes=1)
    stored = given.model_copy(update={"file_size_bytes": 2, "scene_description": "More", "created_by": "else"})
    assert given.list_differing_fields(stored) == ()
    other = stored.model_copy(update={"scene_title": "B", "status": ClipStatus.PROCESSING, "priority": 2})
    assert given.list_differing_fields(other) == ("scene_title", "priority", "status")


def test_a_video_that_was_given_its_defaults_claims_nothing() -> None:
    """A field that was given its default differs from no stored value."""
    given = VideoMetadata(**VIDEO, custom_prompt=None, crop_mode="auto", highlights_count=0, styles_processed=[])
    stored = given.model_copy(update={"custom_prompt": "p", "crop_mode": "smart", "highlights_count": 4})
    assert given.list_differing_fields(stored) == ()
    assert given.list_differing_fields(stored.model_copy(update={"video_title": "B"})) == ("video_title",)


def test_a_summary_needs_no_fields() -> None:
    """A summary without fields has a duration of zero and no categories."""
    assert HighlightsSummary() == HighlightsSummary(total_duration=0, categories=[])


def test_a_category_is_in_the_summary_once() -> None:
    """A list with a category twice is refused where it is given, and odd where it is stored."""
    summary = {"total_duration": 1.0, "categories": ["question", "surprise", "question"]}
    with pytest.raises(ValidationError) as caught:
        validate_model(VideoMetadata, {**VIDEO, "highlights_summary": summary})
    assert caught.value.path == ("highlights_summary", "categories")
    stored = VideoMetadata.from_document({**VIDEO, "highlights_summary": summary})
    assert stored.highlights_summary == HighlightsSummary(total_duration=1.0, categories=["question", "surprise"])
    assert stored.list_certain_values() == {"highlights_summary": stored.highlights_summary}


def test_counts_of_categories_are_read_as_the_categories() -> None:
    """A document of an older version has a map of counts; what is given anew is a list."""
    summary = {"total_duration": 1.0, "categories": {"question": 2, "surprise": 1}}
    stored = VideoMetadata.from_document({**VIDEO, "highlights_summary": summary})
    assert stored.highlights_summary == HighlightsSummary(total_duration=1.0, categories=["question", "surprise"])
    assert stored.to_document()["highlights_summary"] == {
        "total_duration": 1.0,
        "categories": ["question", "surprise"],
    }
    with pytest.raises(ValidationError):
        validate_model(VideoMetadata, {**VIDEO, "highlights_summary": summary})


@pytest.mark.parametrize(
    ("name", "stored", "shown", "is_certain"),
    [
        ("video_title", "\u202eA talk", "A talk", True),
        ("video_title", " A talk ", "A talk", True),
        ("video_title", "A \u2066talk" + "!" * 1_500, "A talk" + "!" * 1_494, False),
        ("video_title", "\u202e", VIDEO["video_id"], False),
        ("created_by", "\u202ban importer", "an importer", True),
        ("custom_prompt", "\u202eshort\nones", "short\nones", True),
        ("error_message", "x" * 1_001, "x" * 1_000, False),
    ],
)
def test_text_that_is_shown_otherwise_than_stored_is_told(name: str, stored: str, shown: str, is_certain: bool) -> None:
    """A value that is mended in silence in a new document is odd in a stored one."""
    video = VideoMetadata.from_document({**VIDEO, name: stored})
    assert video[name] == shown
    assert [(one.name, one.is_certain) for one in video.mended] == [(name, is_certain)]
    assert all(one.reason for one in video.mended)
    assert video.list_certain_values() == ({name: shown} if is_certain else {})
    given = validate_model(VideoMetadata, {**VIDEO, name: stored[:1_000]}) if stored != "\u202e" else video
    assert "\u202e" not in given[name]


def test_marks_that_turn_nothing_but_themselves_are_text() -> None:
    """Arabic and Hebrew titles have them."""
    assert VideoMetadata.from_document({**VIDEO, "video_title": "\u200f\u05e9\u200e!"}).mended == ()


def test_an_id_that_turns_text_has_a_title_that_does_not() -> None:
    """The id of another program's document stands for its missing title."""
    video = VideoMetadata.from_document({"user_id": "u", "video_id": "a\u202eb"})
    assert (video.video_title, video.mended) == ("ab", ())
