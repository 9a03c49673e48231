"""A video's files as models: missing values are tolerated, and each repair and guess is reported."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Any, TypeVar

import pydantic

from cli.bucket_import.listing import Problem, VideoFiles
from cli.bucket_import.sources import Source, SourceFile
from domain.identifiers import parse_map_key
from domain.keys import (
    CLIP_SUFFIX,
    HIGHLIGHTS_FILENAME,
    SEEN_STYLES,
    ClipName,
    clip_id_of,
    read_clip_filename,
    thumbnail_filename,
)
from domain.web_addresses import complete_web_address
from repositories.exceptions import ValidationError
from repositories.model.validation import validate_model
from repositories.models import (
    UNKNOWN_VIDEO_URL,
    ClipMetadata,
    ClipStatus,
    VideoMetadata,
    VideoStatus,
)
from storage.exceptions import ObjectNotFoundError, ObjectTooLargeError
from storage.highlights import Highlight, Highlights, HighlightsError, parse_highlights, separate_ids

Model = TypeVar("Model", bound=pydantic.BaseModel)
Values = dict[str, Any]

IMPORTER = "import"
UNKNOWN_STYLE = "unknown"
UNKNOWN_START, UNKNOWN_END = "00:00:00", "00:00:01"
NO_HIGHLIGHTS = Highlights(video_url=None, video_title=None, custom_prompt=None, highlights=())
MAX_STYLES_BYTES = 250_000
"""Of all styles of a video: its document, of at most 1 MiB, names each up to three times."""

MAX_CATEGORIES_BYTES = 200_000
"""Of all categories of a video's highlights; together with the styles they leave room for the rest of its document."""

FROM_HIGHLIGHTS = ("video_url", "video_title", "custom_prompt", "highlights_count", "highlights_summary")
"""The fields of a video that its highlights.json tells."""


@dataclass
class HighlightsFile:
    """A video's highlights.json as it was read once: one version for all that an import makes of it.

    `highlights` is None where the content is none.
    """

    content: bytes | None = None
    highlights: Highlights | None = None
    problems: list[Problem] = field(default_factory=list)


@dataclass
class VideoReading:
    """A video and its clips as their files describe them; `video` is None where they name no video at all.

    `guesses` are the values that no file tells, by field: of the video under None, of its clips under their ids.
    """

    files: VideoFiles
    content: bytes | None = None
    video: VideoMetadata | None = None
    clips: list[ClipMetadata] = field(default_factory=list)
    guesses: dict[str | None, Values] = field(default_factory=dict)
    guessed_styles: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def note(self, key: str, text: str) -> None:
        """Adds a remark about the file."""
        self.problems.append(Problem(key, text))

    def guess(self, clip_id: str | None, **values: Any) -> None:
        """These values of the clip, or of the video, are guesses."""
        self.guesses.setdefault(clip_id, {}).update(values)


async def read_video(
    source: Source,
    files: VideoFiles,
    known: VideoMetadata | None,
    styles: Sequence[str] | None = None,
    filenames: Collection[str] = (),
) -> VideoReading:
    """Everything the files of one video say; what is wrong with them stands in `problems`.

    A video that is `known` keeps its status: its workers know better than its files how far they are. `styles` are
    those that filenames may end in, other than the known ones; the known video's unless given. `filenames` are those
    of its clips that are known: of files that would be one clip, they are the clip's.
    """
    return describe_video(files, await read_highlights(source, files), known, styles, filenames)


async def read_highlights(source: Source, files: VideoFiles) -> HighlightsFile:
    """The highlights.json, or why there is none to use."""
    file = files.highlights
    if file is None:
        return HighlightsFile(problems=[Problem(files.folder, "has no highlights.json: titles come from filenames.")])
    try:
        return parse_file(file.key, await source.read(file))
    except OSError as error:
        files.highlights = None
        reason = error.strerror or "it cannot be read"
    except ObjectNotFoundError:
        files.highlights = None
        reason = "it was deleted meanwhile"
    except ObjectTooLargeError as error:
        reason = str(error)
    return HighlightsFile(problems=[Problem(file.key, f"cannot be read: {reason} Titles come from filenames.")])


def parse_file(key: str, content: bytes) -> HighlightsFile:
    """The parsed content of a highlights.json."""
    try:
        highlights, mended = parse_highlights(content)
    except HighlightsError as error:
        problem = Problem(key, f"cannot be read: {error} Titles come from filenames.")
        return HighlightsFile(content, None, [problem])
    return HighlightsFile(content, highlights, [Problem(key, text) for text in mended])


def describe_video(
    files: VideoFiles,
    file: HighlightsFile,
    known: VideoMetadata | None,
    styles: Sequence[str] | None = None,
    filenames: Collection[str] = (),
) -> VideoReading:
    """The reading that these files give, with the highlights.json as it was read."""
    reading = VideoReading(files, file.content, problems=list(file.problems))
    known_styles = styles if styles is not None else known.styles_processed if known else ()
    chosen = _choose_clips(reading, filenames)
    named = _name_clips(reading, chosen, [*known_styles, *SEEN_STYLES])
    highlights = _separate(reading, file.highlights or NO_HIGHLIGHTS, {name.scene_id for _, _, name in named})
    try:
        progress = {} if known else _to_progress(files)
        reading.video = _to_video(reading, highlights, sorted({name.style for _, _, name in named}), progress)
    except ValidationError as error:
        reading.note(files.folder, f"is skipped: {error.message}")
        return reading
    _guess_video(reading, reading.video, file.highlights)
    by_id = {highlight.id: highlight for highlight in highlights.highlights}
    for one, filename, name in named:
        is_guess = "scene_id" in reading.guesses.get(clip_id_of(filename), {})
        _add_clip(reading, one, filename, name, None if is_guess else by_id.get(name.scene_id))
    return reading


def _choose_clips(reading: VideoReading, known: Collection[str]) -> dict[str, SourceFile]:
    """The clips' files by name; of those that differ in their extension only, one.

    It is the known clip's own, or else the one that is an `.mp4`, or first.
    """
    chosen: dict[str, str] = {}
    order = sorted(reading.files.clips, key=lambda name: (name not in known, not name.endswith(CLIP_SUFFIX), name))
    for filename in order:
        other = chosen.setdefault(clip_id_of(filename), filename)
        if other != filename:
            text = f"differs from {other!r} only in its extension, so both would be one clip: skipped."
            reading.note(reading.files.clips[filename].key, text)
    wanted = set(chosen.values())
    return {name: file for name, file in reading.files.clips.items() if name in wanted and _check_holds(reading, file)}


def _check_holds(reading: VideoReading, file: SourceFile) -> bool:
    """Whether the file holds anything; one that does not is left out with a remark."""
    if not file.size_bytes:
        reading.note(file.key, "is empty: skipped.")
    return file.size_bytes > 0


def _name_clips(
    reading: VideoReading, chosen: dict[str, SourceFile], styles: Sequence[str]
) -> list[tuple[SourceFile, str, ClipName]]:
    """The clips' files with their names and what these say."""
    named = []
    used: dict[str, int] = {}
    for filename, file in chosen.items():
        name = _name_clip(reading, file, filename, styles)
        if name.style not in used and sum(used.values()) + len(name.style.encode()) > MAX_STYLES_BYTES:
            reading.note(file.key, f"exceeds the number of styles of a video: {UNKNOWN_STYLE!r} is used.")
            reading.guess(clip_id_of(filename), style=UNKNOWN_STYLE)
            name = replace(name, style=UNKNOWN_STYLE)
        used[name.style] = len(name.style.encode())
        named.append((file, filename, name))
    reading.guessed_styles &= used.keys()
    return named


def _separate(reading: VideoReading, highlights: Highlights, scene_ids: set[int]) -> Highlights:
    separate, told = separate_ids(highlights, scene_ids)
    for text in told:
        reading.note(_find_key(reading.files), text)
    return separate


def _find_key(files: VideoFiles) -> str:
    return files.folder + HIGHLIGHTS_FILENAME


def _name_clip(reading: VideoReading, file: SourceFile, filename: str, styles: Sequence[str]) -> ClipName:
    name = read_clip_filename(filename, styles)
    if name is not None:
        return name
    clip_id, style = clip_id_of(filename), _guess_style(filename)
    name = read_clip_filename(filename, [style]) if style else None
    if name is not None:
        reading.note(file.key, f"ends in no known style of this video: {style!r} is used.")
        reading.guess(clip_id, style=style)
        reading.guessed_styles.add(style)
        return name
    reading.note(
        file.key, f"is not named like a clip: the style {UNKNOWN_STYLE!r}, scene 0 and the last priority are used."
    )
    priority = len(reading.files.clips)
    reading.guess(clip_id, style=UNKNOWN_STYLE, scene_id=0, priority=priority)
    return ClipName(priority, scene_id=0, title_slug=PurePosixPath(filename).stem, style=UNKNOWN_STYLE)


def _guess_style(filename: str) -> str:
    """The last word of the filename: a new style is most often one word."""
    return PurePosixPath(filename).stem.rpartition("_")[2]


def _to_progress(files: VideoFiles) -> Values:
    moments = files.moments
    return {"status": VideoStatus.COMPLETED, "created_at": min(moments), "completed_at": max(moments)}


def _to_video(reading: VideoReading, highlights: Highlights, styles: list[str], progress: Values) -> VideoMetadata:
    files = reading.files
    categories = _choose_categories(reading, highlights)
    total_duration = round(sum(highlight.duration_seconds or 0 for highlight in highlights.highlights), 3)
    values = {
        "user_id": files.user_id,
        "video_id": files.video_id,
        "video_url": _complete_url(reading, highlights.video_url),
        "video_title": highlights.video_title or files.video_id,
        "custom_prompt": highlights.custom_prompt,
        "highlights_count": len(highlights.highlights),
        "highlights_summary": {"total_duration": total_duration, "categories": categories},
        "styles_processed": styles,
        "created_by": IMPORTER,
        **progress,
    }
    unknown: Values = {
        "video_url": UNKNOWN_VIDEO_URL,
        "video_title": "Untitled",
        "custom_prompt": None,
        "styles_processed": [],
    }
    return _validate(reading, _find_key(files), VideoMetadata, values, unknown)


def _choose_categories(reading: VideoReading, highlights: Highlights) -> list[str]:
    """The categories, each once, as many as the video's document can hold; one that cannot be costs no other."""
    found = dict.fromkeys(one.hook_category for one in highlights.highlights if one.hook_category)
    for category in list(found):
        try:
            parse_map_key(category)
        except ValueError as error:
            del found[category]
            reading.note(_find_key(reading.files), f"has the category {category[:40]!r}, which was dropped: {error}")
    sizes = accumulate(len(category.encode()) for category in found)
    chosen = [category for category, size in zip(found, sizes, strict=True) if size <= MAX_CATEGORIES_BYTES]
    if len(chosen) < len(found):
        text = f"has too many categories: {len(found) - len(chosen)} were dropped."
        reading.note(_find_key(reading.files), text)
    return chosen


def _guess_video(reading: VideoReading, video: VideoMetadata, highlights: Highlights | None) -> None:
    """Marks what no highlights.json tells, and styles that were guessed from filenames."""
    if reading.guessed_styles:
        reading.guess(None, styles_processed=sorted(reading.guessed_styles))
    document = video.to_document()
    if highlights is None:
        reading.guess(None, **{name: document[name] for name in FROM_HIGHLIGHTS})
        return
    if highlights.video_title is None or document["video_title"] != highlights.video_title:
        reading.guess(None, video_title=document["video_title"])
    if document["video_url"] == UNKNOWN_VIDEO_URL:
        reading.guess(None, video_url=UNKNOWN_VIDEO_URL)


def _add_clip(
    reading: VideoReading, file: SourceFile, filename: str, name: ClipName, highlight: Highlight | None
) -> None:
    clip_id = clip_id_of(filename)
    start_time, end_time = _choose_times(reading, file, clip_id, highlight)
    title = highlight.title if highlight else _to_title(name.title_slug)
    if highlight is None:
        reading.guess(clip_id, scene_title=title, scene_description=None)
    moment = file.modified_at or datetime.now(UTC)
    values = {
        "user_id": reading.files.user_id,
        "video_id": reading.files.video_id,
        "filename": filename,
        "scene_id": name.scene_id,
        "scene_title": title,
        "scene_description": highlight.description if highlight else None,
        "style": name.style,
        "priority": name.priority,
        "start_time": start_time,
        "end_time": end_time,
        "file_size_bytes": file.size_bytes,
        "has_thumbnail": thumbnail_filename(filename) in reading.files.thumbnails,
        "status": ClipStatus.COMPLETED,
        "created_at": moment,
        "completed_at": moment,
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
        clip = _validate(reading, file.key, ClipMetadata, values, unknown)
    except ValidationError as error:
        reading.note(file.key, f"is skipped: {error.message}")
        return
    reading.clips.append(clip)
    # What could not be is a guess, too.
    document = clip.to_document()
    reading.guess(
        clip_id, **{name: value for name, value in unknown.items() if values[name] != document[name] == value}
    )
    guesses = reading.guesses[clip_id]
    guesses.update({name: document[name] for name in guesses})


def _choose_times(
    reading: VideoReading, file: SourceFile, clip_id: str, highlight: Highlight | None
) -> tuple[str, str]:
    if highlight and highlight.start_time is not None and highlight.end_time is not None:
        return highlight.start_time, highlight.end_time
    text = f"has no times in highlights.json: {UNKNOWN_START} to {UNKNOWN_END} are used."
    reading.note(file.key, text)
    reading.guess(clip_id, start_time=UNKNOWN_START, end_time=UNKNOWN_END)
    return UNKNOWN_START, UNKNOWN_END


def _validate(reading: VideoReading, key: str, model: type[Model], values: Values, unknown: Values) -> Model:
    """The model; a value that cannot be gives way to what stands in `unknown` for it, and is told."""
    try:
        return validate_model(model, values)
    except ValidationError as error:
        name = str(error.path[0]) if error.path else ""
        if name not in unknown or values[name] == unknown[name]:
            raise
        text = f"has a {name} that is not valid and was dropped: {error.message}"
        reading.note(key, text)
        return _validate(reading, key, model, {**values, name: unknown[name]}, unknown)


def _complete_url(reading: VideoReading, url: str | None) -> str:
    """An address as people write it, `youtube.com/watch?v=…`, with its scheme; `about:blank` for what is none."""
    if url is None:
        return UNKNOWN_VIDEO_URL
    completed = url if url == UNKNOWN_VIDEO_URL else complete_web_address(url)
    if completed is None:
        reading.note(_find_key(reading.files), f"has a video_url that is not a web address: {url[:80]!r} was dropped.")
    return completed or UNKNOWN_VIDEO_URL


def _to_title(slug: str) -> str:
    """`a-long_title` as `A long title`."""
    return slug.replace("-", " ").replace("_", " ").strip().capitalize() or "Untitled"
