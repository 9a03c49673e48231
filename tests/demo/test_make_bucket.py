"""The script that makes the demo bucket still makes what is committed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from demo.make_bucket import make_clip, plan_jobs
from demo.pictures import draw_clip
from demo.videos import VIDEOS, format_time

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def test_each_clip_has_a_picture_of_its_own() -> None:
    """No two clips are drawn alike."""
    drawn = [draw_clip(v, scene, style) for v in VIDEOS for scene in v.scenes for style in v.styles]
    assert len(set(drawn)) == len(drawn)


def test_times_are_written_in_full() -> None:
    """Hours, minutes, seconds and milliseconds, all padded."""
    assert format_time(3_725_500) == "01:02:05.500"


@needs_ffmpeg
def test_a_clip_is_made_anew_the_same_each_time(tmp_path: Path) -> None:
    """The same ffmpeg makes the same bytes, so a change of the table changes only its own clips."""
    jobs = [next(plan_jobs(tmp_path / name)) for name in ("once", "again")]
    for job in jobs:
        make_clip(job)
    for suffix in (".mp4", ".jpg"):
        first, second = (job.clip_path.with_suffix(suffix).read_bytes() for job in jobs)
        assert first == second


@needs_ffmpeg
def test_a_failing_ffmpeg_is_an_error(tmp_path: Path) -> None:
    """Here ffmpeg has no folder to write to: that is never just a missing clip."""
    job = next(plan_jobs(tmp_path))
    shutil.rmtree(job.folder)
    with pytest.raises(subprocess.CalledProcessError):
        make_clip(job)
