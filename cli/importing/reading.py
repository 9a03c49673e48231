"""What a video's files say, as models: tolerant of what is missing, and telling of what was mended."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from cli.importing.sources import Source, SourceFile, VideoFiles
from repositories.exceptions import ValidationError
from repositories.models import (
    UNKNOWN_VIDEO_URL,
    ClipMetadata,
    ClipStatus,
    HighlightsSummary,
    VideoMetadata,
    VideoStatus,
)
from repositories.validation import validate_model
from storage.highlights import Highlight, Highlights, HighlightsError, parse_highlights
from storage.keys import SEEN_STYLES, ClipName, parse_clip_filename, thumbnail_filename

IMPORTER = "import"
UNKNOWN_STYLE = "unknown"
UNKNOWN_START, UNKNOWN_END = "00:00:00", "00:00:01"
NO_HIGHLIGHTS = Highlights(video_url=None, video_title=None, custom_prompt=None, highlights=())


@dataclass(frozen=True)
class Problem:
    """Something about a file that was mended, guessed or left out."""

    key: str
    text: str


@dataclass
class VideoReading:
    """A video and its clips as their files describe them; `video` is None where they name no video at all."""

    files: VideoFiles
    video: VideoMetadata | None = None
    clips: list[ClipMetadata] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


async def read_video(source: Source, files: VideoFiles, known: VideoMetadata | None) -> VideoReading:
    """Everything the files of one video say; what is wrong with them stands in `problems`.

    A video that is `known` keeps its status: its workers know better than its files how far they are.
    """
    reading = VideoReading(files)
    highlights = await _read_highlights(source, reading)
    styles = [*(known.styles_processed if known else ()), *SEEN_STYLES]
    named = [(file, filename, _name_clip(reading, file, filename, styles)) for filename, file in files.clips.items()]
    try:
        progress = {} if known else _to_progress(files)
        styles_found = sorted({name.style for _, _, name in named})
        reading.video = _to_video(files, highlights, styles_found, progress)
    except ValidationError as error:
        reading.problems.append(Problem(f"{files.user_id}/{files.video_id}/", f"is left out: {error.message}"))
        return reading
    by_id = {highlight.id: highlight for highlight in highlights.highlights}
    for file, filename, name in named:
        _add_clip(reading, file, filename, name, by_id.get(name.scene_id))
    return reading


async def _read_highlights(source: Source, reading: VideoReading) -> Highlights:
    file = reading.files.highlights
    if file is None:
        key = f"{reading.files.user_id}/{reading.files.video_id}/"
        reading.problems.append(Problem(key, "has no highlights.json: titles come from filenames."))
        return NO_HIGHLIGHTS
    try:
        highlights, mended = parse_highlights(await source.read(file))
    except HighlightsError as error:
        reading.problems.append(Problem(file.key, f"cannot be read: {error} Titles come from filenames."))
        return NO_HIGHLIGHTS
    reading.problems.extend(Problem(file.key, text) for text in mended)
    return highlights


def _name_clip(reading: VideoReading, file: SourceFile, filename: str, styles: list[str]) -> ClipName:
    name = parse_clip_filename(filename, styles)
    if name is not None:
        return name
    guess = _guess_style(filename)
    name = parse_clip_filename(filename, [guess]) if guess else None
    if name is not None:
        reading.problems.append(Problem(file.key, f"ends in no style known of this video: taken to be {guess!r}."))
        return name
    reading.problems.append(
        Problem(file.key, f"is not named like a clip: style {UNKNOWN_STYLE!r}, scene 0, priority last.")
    )
    return ClipName(
        priority=len(reading.files.clips), scene_id=0, title_slug=PurePosixPath(filename).stem, style=UNKNOWN_STYLE
    )


def _guess_style(filename: str) -> str:
    """The last word of the filename: a new style is most often one word."""
    return PurePosixPath(filename).stem.rpartition("_")[2]


def _to_progress(files: VideoFiles) -> dict[str, Any]:
    moments = [file.modified_at for file in files.all]
    return {"status": VideoStatus.COMPLETED, "created_at": min(moments), "completed_at": max(moments)}


def _to_video(files: VideoFiles, highlights: Highlights, styles: list[str], progress: dict[str, Any]) -> VideoMetadata:
    durations = [highlight.duration_seconds or 0 for highlight in highlights.highlights]
    categories = Counter(highlight.hook_category for highlight in highlights.highlights if highlight.hook_category)
    return validate_model(
        VideoMetadata,
        {
            "user_id": files.user_id,
            "video_id": files.video_id,
            "video_url": highlights.video_url or UNKNOWN_VIDEO_URL,
            "video_title": highlights.video_title or files.video_id,
            "custom_prompt": highlights.custom_prompt,
            "highlights_count": len(highlights.highlights),
            "highlights_summary": HighlightsSummary(
                total_duration=round(sum(durations), 3), categories=dict(categories)
            )
            if highlights.highlights
            else None,
            "styles_processed": styles,
            "created_by": IMPORTER,
            **progress,
        },
    )


def _add_clip(
    reading: VideoReading, file: SourceFile, filename: str, name: ClipName, highlight: Highlight | None
) -> None:
    start_time = highlight.start_time if highlight else None
    end_time = highlight.end_time if highlight else None
    if start_time is None or end_time is None:
        start_time, end_time = UNKNOWN_START, UNKNOWN_END
        text = f"has no times in highlights.json: taken to be {UNKNOWN_START} to {UNKNOWN_END}."
        reading.problems.append(Problem(file.key, text))
    values = {
        "user_id": reading.files.user_id,
        "video_id": reading.files.video_id,
        "filename": filename,
        "scene_id": name.scene_id,
        "scene_title": highlight.title if highlight else _to_title(name.title_slug),
        "scene_description": highlight.description if highlight else None,
        "style": name.style,
        "priority": name.priority,
        "start_time": start_time,
        "end_time": end_time,
        "file_size_bytes": file.size_bytes,
        "has_thumbnail": thumbnail_filename(filename) in reading.files.thumbnails,
        "status": ClipStatus.COMPLETED,
        "created_at": file.modified_at,
        "completed_at": file.modified_at,
        "created_by": IMPORTER,
    }
    try:
        reading.clips.append(validate_model(ClipMetadata, values))
    except ValidationError as error:
        reading.problems.append(Problem(file.key, f"is left out: {error.message}"))


def _to_title(slug: str) -> str:
    """`a-long_title` as `A long title`."""
    return slug.replace("-", " ").replace("_", " ").strip().capitalize() or "Untitled"
