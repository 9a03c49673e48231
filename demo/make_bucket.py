"""Makes the demo bucket anew from the table in `videos.py`: `python -m demo.make_bucket` (needs ffmpeg with libass).

Its output is committed, so nobody needs this but who changes the table or the pictures. The same ffmpeg makes the
same bytes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from demo import BUCKET, USER_ID
from demo.drawing import HEIGHT, WIDTH
from demo.pictures import draw_clip
from demo.videos import VIDEOS, Scene, Video

FRAMES_PER_SECOND = 24
THUMBNAIL_SECOND = 1.2
CHORD_HZ = {"jellyfish": (220, 330), "bread": (262, 392), "rocket": (196, 294)}


@dataclass(frozen=True)
class Job:
    """One clip to make, with its thumbnail."""

    video: Video
    scene: Scene
    style: str
    folder: Path

    @property
    def clip_path(self) -> Path:
        """Where the clip goes; its thumbnail is beside it."""
        return self.folder / self.scene.filename(self.style)


def main() -> None:
    """The bucket's folder holds what the table says, and nothing else."""
    if shutil.which("ffmpeg") is None:
        sys.exit("make_bucket needs ffmpeg: apt-get install ffmpeg")
    root = BUCKET / USER_ID
    shutil.rmtree(root, ignore_errors=True)
    jobs = list(plan_jobs(root))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for _ in track(pool.map(make_clip, jobs), description="Making clips", total=len(jobs)):
            pass


def plan_jobs(root: Path) -> Iterator[Job]:
    """A job for each scene in each style; highlights.json of each video is written on the way."""
    for video in VIDEOS:
        folder = root / video.video_id / "clips"
        folder.mkdir(parents=True)
        text = json.dumps(video.to_highlights(), indent=2, ensure_ascii=False)
        (folder.parent / "highlights.json").write_text(text + "\n", encoding="utf-8")
        for scene in video.scenes:
            yield from (Job(video, scene, style, folder) for style in video.styles)


def make_clip(job: Job) -> None:
    """The clip and its thumbnail are in the job's folder."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch, "clip.ass")
        script.write_text(draw_clip(job.video, job.scene, job.style), encoding="utf-8")
        subprocess.run(build_command(job, script), check=True)  # noqa: S603  # the words are all our own


def build_command(job: Job, script: Path) -> list[str]:
    """The ffmpeg command: a moving gradient, the script drawn on it, a quiet chord; one clip, one thumbnail."""
    scene, seconds = job.scene, job.scene.duration_milliseconds / 1000
    gradient = (
        f"gradients=size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_SECOND}:duration={seconds}:nb_colors=2:seed=1:speed=0.004"
        f":c0={scene.top_color}:c1={scene.bottom_color}:x0={WIDTH // 2}:y0=0:x1={WIDTH // 2}:y1={HEIGHT}"
    )
    low, high = CHORD_HZ[job.video.subject]
    chord = f"aevalsrc=exprs='0.03*(sin({low}*2*PI*t)+sin({high}*2*PI*t))':duration={seconds}:sample_rate=24000"
    fades = f"afade=d=0.2,afade=t=out:d=0.4:st={seconds - 0.4}"
    graph = f"[0:v]ass={script},format=yuv420p,split[clip][still];[1:a]{fades}[tone]"
    h264 = "-c:v libx264 -preset veryslow -tune animation -crf 28 -threads 1 -movflags +faststart"
    aac = "-c:a aac -b:a 24k"
    exact = ["-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1"]
    return [
        *("ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-filter_threads", "1"),
        *("-f", "lavfi", "-i", gradient, "-f", "lavfi", "-i", chord, "-filter_complex", graph),
        *("-map", "[clip]", "-map", "[tone]", *h264.split(), *aac.split(), *exact, str(job.clip_path)),
        *("-map", "[still]", "-ss", str(THUMBNAIL_SECOND), "-frames:v", "1", "-q:v", "4", *exact),
        str(job.clip_path.with_suffix(".jpg")),
    ]


if __name__ == "__main__":
    main()
