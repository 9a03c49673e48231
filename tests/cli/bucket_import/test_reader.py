"""With any content of highlights.json, the clips are imported with all values that are known."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.bucket_import.listing import list_videos
from cli.bucket_import.reader import VideoReading, read_video
from cli.bucket_import.sources import FolderSource

CLIP = "clip_01_03_a_title_split.mp4"
HIGHLIGHT = {"id": 3, "title": "Title", "start": "00:00:01", "end": "00:00:03", "duration": 2, "priority": 1}
WHOLE = {"video_url": "https://youtu.be/dQw4w9WgXcQ", "video_title": "A video", "highlights": [HIGHLIGHT]}


async def read(folder: Path, content: bytes) -> VideoReading:
    video = folder / "alice" / "talk"
    (video / "clips").mkdir(parents=True)
    (video / "clips" / CLIP).write_bytes(b"x")
    (video / "highlights.json").write_bytes(content)
    source = FolderSource(folder)
    (files,), _ = await list_videos(source, None)
    return await read_video(source, files, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"video_url": "youtube.com/watch?v=dQw4w9WgXcQ"},
        {"video_url": 7},
        {"video_url": "file:///etc/passwd"},
        {"video_title": "two\nlines"},
        {"video_title": "x" * 5000},
        {"video_title": None},
        {"custom_prompt": "bell\a"},
        {"custom_prompt": "x" * 100_000},
        {"highlights": "none"},
        {"highlights": [None, 7, []]},
    ],
    ids=lambda changes: str(changes)[:40],
)
async def test_hostile_video_is_imported_with_its_clip(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A video with hostile values in its highlights.json is read, and its clip with it."""
    reading = await read(tmp_path, json.dumps(WHOLE | changes).encode())
    assert reading.video is not None
    assert [clip.filename for clip in reading.clips] == [CLIP]


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "two\nlines\tand tabs"},
        {"title": "x" * 5000},
        {"title": "\ud800"},
        {"title": ""},
        {"title": "\u202eright to left"},
        {"description": "bell\a"},
        {"start": "30:00:00", "end": "31:00:00"},
        {"start": "00:00:09"},
        {"start": None, "end": None, "duration": None},
        {"hook_category": "a\nb"},
        {"hook_category": "__x__"},
        {"hook_category": "x" * 5000},
        {"priority": 10**30},
        {"id": "three"},
    ],
    ids=lambda changes: str(changes)[:40],
)
async def test_hostile_highlight_is_imported_with_its_clip(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A highlight with hostile values costs neither the video nor the clip."""
    reading = await read(tmp_path, json.dumps(WHOLE | {"highlights": [HIGHLIGHT | changes]}).encode())
    assert reading.video is not None
    assert [clip.filename for clip in reading.clips] == [CLIP]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
async def test_file_that_is_no_highlights_is_told(tmp_path: Path, content: bytes) -> None:
    """A highlights.json that holds no highlights is reported, and the clip's title comes from its filename."""
    reading = await read(tmp_path, content)
    assert reading.video is not None
    assert reading.clips[0].scene_title == "A title"
    assert any(problem.key.endswith("highlights.json") for problem in reading.problems)


async def test_address_without_a_scheme_is_completed(tmp_path: Path) -> None:
    """A YouTube address without a scheme gives the YouTube id, and no problem."""
    reading = await read(tmp_path, json.dumps(WHOLE | {"video_url": "youtube.com/watch?v=dQw4w9WgXcQ"}).encode())
    assert reading.video is not None
    assert (reading.video.youtube_id, reading.problems) == ("dQw4w9WgXcQ", [])


async def test_categories_are_listed_once_in_the_highlights_order(tmp_path: Path) -> None:
    """The video's summary has the guide's form: a list of unique texts; one that Firestore refuses costs no other."""
    categories = ["surprise", "__x__", "question", "surprise", None]
    listed = [HIGHLIGHT | {"id": number, "hook_category": name} for number, name in enumerate(categories)]
    reading = await read(tmp_path, json.dumps(WHOLE | {"highlights": listed}).encode())
    assert reading.video is not None
    assert reading.video.to_document()["highlights_summary"] == {
        "total_duration": 10.0,
        "categories": ["surprise", "question"],
    }
    assert any("the category '__x__', which was dropped" in problem.text for problem in reading.problems)
