"""The content of the demo bucket: the table of videos, their scenes and styles, from which all its files are made."""

import re
from dataclasses import dataclass
from typing import Any, Literal

Subject = Literal["jellyfish", "bread", "rocket"]


@dataclass(frozen=True)
class Scene:
    """One highlight of a video; each of the video's styles makes one clip of it."""

    scene_id: int
    priority: int
    title: str
    description: str
    hook_category: str
    start_milliseconds: int
    duration_milliseconds: int
    top_color: str
    bottom_color: str
    accent_color: str

    @property
    def slug(self) -> str:
        """The title as filenames hold it: lower case, words joined by underscores."""
        return "_".join(re.findall(r"[a-z0-9]+", self.title.lower().replace("'", "")))

    def filename(self, style: str) -> str:
        """The clip's filename in R2."""
        return f"clip_{self.priority:02d}_{self.scene_id:02d}_{self.slug}_{style}.mp4"

    def to_highlight(self) -> dict[str, Any]:
        """The scene as highlights.json lists it; `duration` is in seconds."""
        return {
            "id": self.scene_id,
            "title": self.title,
            "description": self.description,
            "start": format_time(self.start_milliseconds),
            "end": format_time(self.start_milliseconds + self.duration_milliseconds),
            "duration": self.duration_milliseconds / 1000,
            "priority": self.priority,
            "hook_category": self.hook_category,
        }


@dataclass(frozen=True)
class Video:
    """One long video and the scenes that were cut out of it."""

    video_id: str
    video_url: str
    title: str
    custom_prompt: str | None
    subject: Subject
    styles: tuple[str, ...]
    scenes: tuple[Scene, ...]

    def to_highlights(self) -> dict[str, Any]:
        """The content of the video's highlights.json."""
        prompt = {} if self.custom_prompt is None else {"custom_prompt": self.custom_prompt}
        return {
            "video_url": self.video_url,
            "video_title": self.title,
            **prompt,
            "highlights": [scene.to_highlight() for scene in self.scenes],
        }


def format_time(milliseconds: int) -> str:
    """The time as `HH:MM:SS.mmm`."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


VIDEOS = (
    Video(
        video_id="night_ocean",
        video_url="https://www.youtube.com/watch?v=demoOcean01",
        title="The Ocean at Night: A Diver's Diary",
        custom_prompt="Find the moments in which something in the dark begins to glow.",
        subject="jellyfish",
        styles=("split", "left_focus", "original"),
        scenes=(
            Scene(
                scene_id=1,
                priority=2,
                title="Why the Sea Glows",
                description="Half of what lives below the light makes light of its own.",
                hook_category="question",
                start_milliseconds=221_500,
                duration_milliseconds=3_000,
                top_color="#08133f",
                bottom_color="#0fa3b1",
                accent_color="#7cf5ff",
            ),
            Scene(
                scene_id=2,
                priority=1,
                title="The Jellyfish That Never Dies",
                description="When life gets hard it simply starts again, as a baby.",
                hook_category="surprise",
                start_milliseconds=754_000,
                duration_milliseconds=3_500,
                top_color="#2a0845",
                bottom_color="#c0397c",
                accent_color="#ffc2e2",
            ),
            Scene(
                scene_id=3,
                priority=4,
                title="Breathe Out, Sink Slowly",
                description="Three breaths that turn a nervous diver into a calm one.",
                hook_category="how_to",
                start_milliseconds=1_502_250,
                duration_milliseconds=2_500,
                top_color="#022b3a",
                bottom_color="#1f7a8c",
                accent_color="#c4fff9",
            ),
            Scene(
                scene_id=4,
                priority=3,
                title="Ten Thousand Eyes Looked Back",
                description="She switched on the lamp, and the whole wall blinked.",
                hook_category="story",
                start_milliseconds=2_847_000,
                duration_milliseconds=3_000,
                top_color="#041b15",
                bottom_color="#2f9e6e",
                accent_color="#d7ff9e",
            ),
        ),
    ),
    Video(
        video_id="honest_sourdough",
        video_url="https://youtu.be/demoBread02",
        title="Honest Sourdough: What Nobody Tells You",
        custom_prompt=None,
        subject="bread",
        styles=("split", "split_fast", "original"),
        scenes=(
            Scene(
                scene_id=1,
                priority=1,
                title="Your Starter Isn't Dead",
                description="It smells of paint, it looks like glue, and it is fine.",
                hook_category="surprise",
                start_milliseconds=98_000,
                duration_milliseconds=3_000,
                top_color="#5f0f40",
                bottom_color="#fb8b24",
                accent_color="#ffe0a3",
            ),
            Scene(
                scene_id=2,
                priority=3,
                title="The Two-Finger Test",
                description="Press, count to three, and the dough will tell you.",
                hook_category="how_to",
                start_milliseconds=1_130_400,
                duration_milliseconds=2_600,
                top_color="#7f2f0c",
                bottom_color="#f4b942",
                accent_color="#fff1cf",
            ),
            Scene(
                scene_id=3,
                priority=2,
                title="450 Degrees and One Ice Cube",
                description="The cheapest trick there is for a crust that sings.",
                hook_category="number",
                start_milliseconds=2_405_000,
                duration_milliseconds=3_200,
                top_color="#3d0c11",
                bottom_color="#d80032",
                accent_color="#ffd6a5",
            ),
        ),
    ),
    Video(
        video_id="how_rockets_land",
        video_url="https://www.youtube.com/live/demoOrbit03?feature=share",
        title="How Rockets Come Home",
        custom_prompt=None,
        subject="rocket",
        styles=("split", "intelligent_split", "right_focus"),
        scenes=(
            Scene(
                scene_id=1,
                priority=3,
                title="Falling Is the Easy Part",
                description="From space to the ground in eight minutes, mostly backwards.",
                hook_category="statement",
                start_milliseconds=45_250,
                duration_milliseconds=2_800,
                top_color="#0b0d26",
                bottom_color="#4a4e9e",
                accent_color="#ffd166",
            ),
            Scene(
                scene_id=2,
                priority=1,
                title="Seven Seconds to Stop",
                description="The engines light once. There is no second try.",
                hook_category="number",
                start_milliseconds=1_921_000,
                duration_milliseconds=3_400,
                top_color="#1a0b2e",
                bottom_color="#b5446e",
                accent_color="#ffd9a0",
            ),
            Scene(
                scene_id=3,
                priority=2,
                title="What Does Re-Entry Sound Like?",
                description="An engineer plays the one recording that survived.",
                hook_category="question",
                start_milliseconds=3_725_500,
                duration_milliseconds=3_000,
                top_color="#0a2342",
                bottom_color="#2ca58d",
                accent_color="#fff07c",
            ),
        ),
    ),
)
