"""The demo bucket as it is committed: what a newcomer's first start imports."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo import BUCKET, USER_ID
from demo.videos import VIDEOS, Scene, Video

CLIPS = sorted(BUCKET.glob(f"{USER_ID}/*/clips/*.mp4"))
THUMBNAILS = sorted(BUCKET.glob(f"{USER_ID}/*/clips/*.jpg"))
FILES = sorted(path for path in BUCKET.rglob("*") if path.is_file())

needs_ffprobe = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe (Debian's ffmpeg) is not installed")


def test_it_is_rich_and_small() -> None:
    """Some thirty clips of three videos, in four styles or more, in under 3 MB."""
    assert len(VIDEOS) == 3
    assert 27 <= len(CLIPS) <= 33
    assert len({style for video in VIDEOS for style in video.styles}) >= 4
    assert sum(path.stat().st_size for path in FILES) < 3_000_000
    assert max(path.stat().st_size for path in FILES) < 200_000


def test_it_holds_what_the_table_says_and_nothing_else() -> None:
    """Each video has highlights.json, and each scene a clip and a thumbnail in each style."""
    expected = {BUCKET / USER_ID / video.video_id / "highlights.json" for video in VIDEOS}
    for video in VIDEOS:
        clips = {BUCKET / USER_ID / video.video_id / "clips" / scene.filename(style) for scene, style in pairs(video)}
        expected |= clips | {clip.with_suffix(".jpg") for clip in clips}
    assert set(FILES) == expected


def pairs(video: Video) -> list[tuple[Scene, str]]:
    """Each scene with each style."""
    return [(scene, style) for scene in video.scenes for style in video.styles]


@pytest.mark.parametrize("video", VIDEOS, ids=lambda video: video.video_id)
def test_highlights_agree_with_the_table(video: Video) -> None:
    """highlights.json is the table's, and its times, ids and priorities make sense."""
    read = json.loads((BUCKET / USER_ID / video.video_id / "highlights.json").read_text(encoding="utf-8"))
    assert read == video.to_highlights()
    for number, highlight in enumerate(read["highlights"], start=1):
        assert highlight["id"] == number
        assert to_seconds(highlight["end"]) - to_seconds(highlight["start"]) == pytest.approx(highlight["duration"])
    assert sorted(highlight["priority"] for highlight in read["highlights"]) == [
        scene.scene_id for scene in video.scenes
    ]


def to_seconds(time: str) -> float:
    """`HH:MM:SS.mmm` as seconds."""
    hours, minutes, seconds = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_filenames_parse(clip: Path) -> None:
    """`clip_{priority}_{scene}_{slug}_{style}.mp4`, with one of the video's styles, the longest that fits."""
    video = next(video for video in VIDEOS if video.video_id == clip.parent.parent.name)
    styles = "|".join(sorted(video.styles, key=len, reverse=True))
    match = re.fullmatch(rf"clip_(\d\d)_(\d\d)_([a-z0-9_]+?)_({styles})", clip.stem)
    assert match is not None
    scene = video.scenes[int(match[2]) - 1]
    assert (int(match[1]), match[3]) == (scene.priority, scene.slug)


@needs_ffprobe
@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_clips_are_real_videos(clip: Path) -> None:
    """H.264 that every browser plays, upright, as long as its highlight says."""
    probed = probe(clip)
    picture = next(stream for stream in probed["streams"] if stream["codec_type"] == "video")
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert picture["width"] / picture["height"] == 9 / 16
    assert 2 <= float(probed["format"]["duration"]) <= 4.1
    scene = next(scene for video in VIDEOS for scene in video.scenes if f"_{scene.slug}_" in clip.name)
    assert float(picture["duration"]) == pytest.approx(scene.duration_milliseconds / 1000, abs=0.05)


def probe(clip: Path) -> dict[str, Any]:
    """Ffprobe's output for the file."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", str(clip)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_clips_start_before_they_are_loaded_whole(clip: Path) -> None:
    """The index (moov) stands before the pictures (mdat)."""
    data = clip.read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("thumbnail", THUMBNAILS, ids=lambda path: path.stem)
def test_thumbnails_are_whole_jpegs(thumbnail: Path) -> None:
    """They start and end as a JPEG does, and are more than a flat color."""
    data = thumbnail.read_bytes()
    assert data.startswith(b"\xff\xd8\xff")
    assert data.endswith(b"\xff\xd9")
    assert len(data) > 5_000
