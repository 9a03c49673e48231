"""What a video's files say, as models: tolerant of what is missing, and telling of what was mended."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, TypeVar

import pydantic

from cli.bucket_import.sources import Source, SourceFile, VideoFiles
from domain.keys import SEEN_STYLES, ClipName, parse_clip_filename, thumbnail_filename
from repositories.exceptions import ValidationError
from repositories.models import (
    UNKNOWN_VIDEO_URL,
    ClipMetadata,
    ClipStatus,
    VideoMetadata,
    VideoStatus,
)
from repositories.validation import validate_model
from storage.exceptions import ObjectTooLargeError
from storage.highlights import Highlight, Highlights, HighlightsError, parse_highlights

Model = TypeVar("Model", bound=pydantic.BaseModel)
Values = dict[str, Any]

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
        reading.video = _to_video(reading, highlights, styles_found, progress)
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
    except (HighlightsError, ObjectTooLargeError) as error:
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


def _to_progress(files: VideoFiles) -> Values:
    moments = [file.modified_at for file in files.all]
    return {"status": VideoStatus.COMPLETED, "created_at": min(moments), "completed_at": max(moments)}


def _to_video(reading: VideoReading, highlights: Highlights, styles: list[str], progress: Values) -> VideoMetadata:
    files = reading.files
    categories = dict.fromkeys(one.hook_category for one in highlights.highlights if one.hook_category)
    total_duration = round(sum(highlight.duration_seconds or 0 for highlight in highlights.highlights), 3)
    values = {
        "user_id": files.user_id,
        "video_id": files.video_id,
        "video_url": _complete_url(highlights.video_url),
        "video_title": highlights.video_title or files.video_id,
        "custom_prompt": highlights.custom_prompt,
        "highlights_count": len(highlights.highlights),
        "highlights_summary": {"total_duration": total_duration, "categories": list(categories)},
        "styles_processed": styles,
        "created_by": IMPORTER,
        **progress,
    }
    unknown: Values = {
        "video_url": UNKNOWN_VIDEO_URL,
        "video_title": "Untitled",
        "custom_prompt": None,
        "highlights_summary": {"total_duration": total_duration},
        "styles_processed": [],
    }
    return _validate(reading, f"{files.user_id}/{files.video_id}/highlights.json", VideoMetadata, values, unknown)


def _add_clip(
    reading: VideoReading, file: SourceFile, filename: str, name: ClipName, highlight: Highlight | None
) -> None:
    times = highlight.start_time if highlight else None, highlight.end_time if highlight else None
    if None in times:
        times = UNKNOWN_START, UNKNOWN_END
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
        "start_time": times[0],
        "end_time": times[1],
        "file_size_bytes": file.size_bytes,
        "has_thumbnail": thumbnail_filename(filename) in reading.files.thumbnails,
        "status": ClipStatus.COMPLETED,
        "created_at": file.modified_at,
        "completed_at": file.modified_at,
        "created_by": IMPORTER,
    }
    unknown: Values = {
        "scene_title": "Untitled",
        "scene_description": None,
        "style": UNKNOWN_STYLE,
        "scene_id": 0,
        "priority": 0,
    }
    try:
        reading.clips.append(_validate(reading, file.key, ClipMetadata, values, unknown))
    except ValidationError as error:
        reading.problems.append(Problem(file.key, f"is left out: {error.message}"))


def _validate(reading: VideoReading, key: str, model: type[Model], values: Values, unknown: Values) -> Model:
    """The model; a value that cannot be gives way to what stands in `unknown` for it, and is told."""
    try:
        return validate_model(model, values)
    except ValidationError as error:
        name = str(error.path[0]) if error.path else ""
        if name not in unknown or values[name] == unknown[name]:
            raise
        text = f"has a {name} that cannot be, and is imported without it: {error.message}"
        reading.problems.append(Problem(key, text))
        return _validate(reading, key, model, {**values, name: unknown[name]}, unknown)


def _complete_url(url: str | None) -> str:
    """An address as people write it, `youtube.com/watch?v=…`, with its scheme."""
    if url is None:
        return UNKNOWN_VIDEO_URL
    return url if "://" in url or "." not in url else f"https://{url}"


def _to_title(slug: str) -> str:
    """`a-long_title` as `A long title`."""
    return slug.replace("-", " ").replace("_", " ").strip().capitalize() or "Untitled"
