"""A document as a model: nothing that is stored is shown otherwise in silence."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from repositories.model.base import Document
from repositories.models import ClipMetadata, VideoMetadata
from tests.gql.odd_documents import (
    MOMENT,
    break_fields,
    change,
    list_odd_values,
    make_clip_document,
    make_video_document,
)

VIDEO = make_video_document("u", "v")
CLIP = make_clip_document("u", "v", "a")
VALUES = [*list_odd_values(), *({"total_duration": 1.0, "categories": one} for one in (["a", "b", "a"], {"a": 2}))]


def list_silent(model: Document, document: dict[str, Any]) -> list[str]:
    """The fields whose stored values differ from the shown ones, and that the model says nothing about."""
    shown = model.to_document()
    return [
        name
        for name, value in document.items()
        if name in type(model).model_fields
        and value is not None
        and not model.check_is_mended(name)
        and not check_is_same(value, shown[name])
    ]


def check_is_same(stored: Any, shown: Any) -> bool:
    """Whether both are one value.

    A map of counts that has zeros, or counts categories, is the older shape; a summary's unknown fields count as
    missing, and so does an empty key.
    """
    if stored == "" and shown is None:
        return True
    if isinstance(stored, dict) and isinstance(shown, dict) and "total_duration" in shown:
        stored = {name: value for name, value in stored.items() if name in shown}
    if isinstance(stored, dict) and isinstance(shown, dict):
        kept = {name: value for name, value in stored.items() if value != 0 and name in shown}
        dropped = {name: value for name, value in stored.items() if value != 0 and name not in shown}
        return not dropped and all(check_is_same(value, shown[name]) for name, value in kept.items())
    if isinstance(stored, dict) and isinstance(shown, list):
        return sorted(stored) == shown
    if isinstance(shown, float) and type(stored) is int:
        stored = float(stored)  # seconds beyond 2^53 are rounded
    return bool(stored == shown) and isinstance(stored, bool) == isinstance(shown, bool)


@given(broken=break_fields(list(VIDEO), VALUES))
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_video_shows_what_is_stored_or_says_that_it_does_not(broken: dict[str, Any]) -> None:
    """A field of a video that is shown otherwise than stored is among the mended ones."""
    document = change(VIDEO, broken)
    fields = {name: value for name, value in document.items() if name not in {"user_id", "video_id"}}
    video = VideoMetadata.from_document({**fields, "user_id": "u", "video_id": "v"})
    assert list_silent(video, fields) == []


@given(broken=break_fields([name for name in CLIP if name != "file_size_mb"], VALUES))
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_clip_shows_what_is_stored_or_says_that_it_does_not(broken: dict[str, Any]) -> None:
    """A field of a clip that is shown otherwise than stored is among the mended ones."""
    document = change(CLIP, broken)
    fields = {name: value for name, value in document.items() if name not in {"user_id", "video_id", "clip_id"}}
    clip = ClipMetadata.from_document({**fields, "user_id": "u", "video_id": "v", "clip_id": "a"})
    assert list_silent(clip, fields) == []


@pytest.mark.parametrize("status", ["processing", "completed", "failed"])
@pytest.mark.parametrize("name", ["completed_at", "failed_at"])
@pytest.mark.parametrize("document", [VIDEO, CLIP])
def test_a_time_of_another_status_is_odd(document: dict[str, Any], name: str, status: str) -> None:
    """The time is not shown, the field says why, and a person judges which of both is right."""
    document = {**document, "completed_at": None, "failed_at": None, name: MOMENT, "status": status.upper()}
    cls: type[Document] = ClipMetadata if "clip_id" in document else VideoMetadata
    model = cls.from_document(document)
    is_right = name.startswith(status)
    assert model[name] == (MOMENT if is_right else None)
    assert [one.name for one in model.mended] == (["status"] if is_right else ["status", name])
    assert list(model.list_certain_values()) == ["status"]
    assert is_right or model.mended[1].reason == f"The status is not `{name.removesuffix('_at')}`."


def test_the_key_of_a_thumbnail_that_is_not_there_is_odd() -> None:
    """It is certain that a clip without a thumbnail has no key of one, unless the clip's own word on it is odd."""
    clip = ClipMetadata.from_document({**CLIP, "has_thumbnail": False})
    assert clip.list_certain_values() == {"thumbnail_r2_key": None}
    elsewhere = ClipMetadata.from_document({**CLIP, "thumbnail_r2_key": "somebody/else/a.jpg"})
    assert (elsewhere.thumbnail_r2_key, elsewhere.list_certain_values()) == (None, {})
    unknown = ClipMetadata.from_document({**CLIP, "has_thumbnail": "perhaps"})
    assert [one.name for one in unknown.mended] == ["has_thumbnail", "thumbnail_r2_key"]
    assert unknown.list_certain_values() == {}


def test_counts_below_zero_are_odd() -> None:
    """They are shown as zero, and a recount is certain to put them right."""
    video = VideoMetadata.from_document({**VIDEO, "clips_count": -1, "clips_by_style": {"split": -1, "wide": 2}})
    assert (video.clips_count, video.clips_by_style) == (0, {"wide": 2})
    assert video.list_certain_values() == {"clips_count": 0, "clips_by_style": {"wide": 2}}
