"""Documents of the guide's schema, and every kind of value that Firestore can hold in the place of theirs."""

from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import strategies as st

from repositories.firestore.decoding import Reference

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def make_video_document(user_id: str, video_id: str) -> dict[str, Any]:
    """A completed video with one clip, as the guide writes it."""
    return {
        "video_id": video_id,
        "user_id": user_id,
        "video_url": "https://youtu.be/dQw4w9WgXcQ",
        "video_title": "A title",
        "youtube_id": "dQw4w9WgXcQ",
        "status": "completed",
        "created_at": MOMENT,
        "completed_at": MOMENT,
        "failed_at": None,
        "error_message": None,
        "highlights_count": 1,
        "highlights_summary": {"total_duration": 2.5, "categories": ["question"]},
        "custom_prompt": "Short ones.",
        "styles_processed": ["split"],
        "crop_mode": "none",
        "target_aspect": "9:16",
        "clips_count": 1,
        "clips_by_style": {"split": 1},
        "highlights_json_key": f"{user_id}/{video_id}/highlights.json",
        "created_by": user_id,
        "updated_at": MOMENT,
    }


def make_clip_document(user_id: str, video_id: str, clip_id: str) -> dict[str, Any]:
    """A completed clip, as the guide writes it."""
    folder = f"{user_id}/{video_id}/clips"
    return {
        "clip_id": clip_id,
        "video_id": video_id,
        "user_id": user_id,
        "scene_id": 1,
        "scene_title": "A scene",
        "scene_description": "What is said.",
        "filename": f"{clip_id}.mp4",
        "style": "split",
        "priority": 1,
        "start_time": "00:00:01",
        "end_time": "00:00:03.500",
        "duration_seconds": 2.5,
        "file_size_bytes": 1_048_576,
        "file_size_mb": 1.0,
        "has_thumbnail": True,
        "r2_key": f"{folder}/{clip_id}.mp4",
        "thumbnail_r2_key": f"{folder}/{clip_id}.jpg",
        "status": "completed",
        "created_at": MOMENT,
        "completed_at": MOMENT,
        "created_by": user_id,
    }


def list_odd_values() -> list[Any]:
    """A value of each of Firestore's types, at their ends, and texts that other programs write."""
    texts = ["", " ", "two\nlines", "x" * 1_501, "é" * 2_000, "\x01" * 1_500, "a\u202eb", "__x__", "deleting"]
    texts += ["COMPLETED", " Failed ", "0:01", "00:00:01,500", "25:00:00", "75", "-3", "12", "nan", "true", "yesterday"]
    texts += ["2026-01-02T03:04:05+01:00", "somebody/else/clips/a.mp4", "../a.mp4", "javascript:alert(1)", "u/v//a"]
    numbers = [0, -1, 3, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 0.5, 3.0, -0.0, 1e300]
    numbers += [float("nan"), float("inf"), float("-inf")]
    lists = [[], ["split"], [1, "a", None, "", "a"], [{"a": [1]}], [float("nan")], ["x" * 1_600] * 2]
    maps = [{}, {"split": 1}, {"split": "2", "y__": 1, "b.c": -1, "d": []}, {"total_duration": "1.5"}]
    maps += [{"total_duration": float("inf"), "categories": {"question": 2}}, {"categories": ["a", 3]}]
    references = [
        Reference(f"projects/demo-clipgraph/databases/(default)/documents/a/{name}") for name in ("b", "__id7__")
    ]
    moments = [MOMENT, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    others = [None, True, False, *moments, b"", b"\xff"]
    return [*others, *texts, *numbers, *lists, *maps, GeoPoint(1.5, -2), Vector([1.0, 2.0]), *references]


def break_fields(fields: list[str], values: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One to three of the fields with any of the values; `...` takes the field out."""
    return st.dictionaries(st.sampled_from(fields), st.sampled_from([*values, ...]), min_size=1, max_size=3)


def change(document: dict[str, Any], broken: dict[str, Any]) -> dict[str, Any]:
    """The document with its broken fields."""
    return {name: value for name, value in {**document, **broken}.items() if value is not ...}
