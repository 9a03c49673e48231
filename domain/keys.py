"""Where each file of a video lives in the bucket, and what a key or a filename tells about a clip."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_KEY_BYTES = 1024
"""S3's and R2's limit for a whole key, in UTF-8."""

MAX_SEGMENT_BYTES = 255
"""What file systems take for one name; the embedded S3 server keeps objects as files."""

HIGHLIGHTS_FILENAME = "highlights.json"
CLIPS_FOLDER = "clips"
CLIP_SUFFIX = ".mp4"
THUMBNAIL_SUFFIX = ".jpg"

SEEN_STYLES = ("intelligent_split", "intelligent", "split_fast", "split", "left_focus", "right_focus", "original")
"""Styles seen in real buckets: what to try for a video whose own styles are not known."""

# Segments that name no file in their folder.
_NOWHERE = frozenset({"", ".", ".."})
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_CLIP_FILENAME = re.compile(r"clip_(?P<priority>[0-9]{1,6})_(?P<scene_id>[0-9]{1,9})_(?P<rest>.+)\.mp4", re.DOTALL)


class ObjectKind(StrEnum):
    """What an object is, as far as its key tells."""

    HIGHLIGHTS = "highlights"
    CLIP = "clip"
    THUMBNAIL = "thumbnail"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A key taken apart; the ids are None where the key is of another layout, the filename where it names no file."""

    kind: ObjectKind
    user_id: str | None = None
    video_id: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class ClipName:
    """What a clip's filename says about the clip."""

    priority: int
    scene_id: int
    title_slug: str
    style: str


def video_prefix(user_id: str, video_id: str) -> str:
    """The prefix, slash included, of everything that belongs to a video; ValueError for ids that lead elsewhere.

    A document's id may be longer than a key can hold: below such a prefix there is just nothing.
    """
    for segment in (user_id, video_id):
        if segment in _NOWHERE or "/" in segment:
            raise ValueError(f"A prefix cannot hold the segment {segment!r}.")
    return f"{user_id}/{video_id}/"


def highlights_key(user_id: str, video_id: str) -> str:
    """The key of the video's highlights.json."""
    return _join(user_id, video_id, HIGHLIGHTS_FILENAME)


def clip_key(user_id: str, video_id: str, filename: str) -> str:
    """The key of a clip's file; ValueError for a filename that would leave the video's folder."""
    return _join(user_id, video_id, CLIPS_FOLDER, filename)


def thumbnail_key(user_id: str, video_id: str, filename: str) -> str:
    """The key of the thumbnail that lies beside the clip `filename`."""
    return _join(user_id, video_id, CLIPS_FOLDER, thumbnail_filename(filename))


def thumbnail_filename(filename: str) -> str:
    """The clip's filename with `.jpg` in place of its extension."""
    return clip_id_of(filename) + THUMBNAIL_SUFFIX


def clip_id_of(filename: str) -> str:
    """The clip's id: its filename without the extension."""
    stem, dot, _ = filename.rpartition(".")
    return stem if dot and stem else filename


def parse_key(key: str) -> ParsedKey:
    """What the key names; any key at all is answered, foreign and unsafe ones as OTHER."""
    segments = key.split("/")
    if not check_key(key):
        return ParsedKey(ObjectKind.OTHER)
    match segments:
        case [user_id, video_id, filename] if filename == HIGHLIGHTS_FILENAME:
            return ParsedKey(ObjectKind.HIGHLIGHTS, user_id, video_id, filename)
        case [user_id, video_id, folder, filename] if folder == CLIPS_FOLDER:
            return ParsedKey(_kind_of(filename), user_id, video_id, filename)
        case [user_id, video_id, *_, filename]:
            return ParsedKey(ObjectKind.OTHER, user_id, video_id, filename)
    return ParsedKey(ObjectKind.OTHER)


def check_key(key: str) -> bool:
    """Whether this layout could hold the key: relative, no `..`, no empty segment, no control character."""
    try:
        _join(*key.split("/"))
    except ValueError:
        return False
    return True


def parse_clip_filename(filename: str, known_styles: Iterable[str] = SEEN_STYLES) -> ClipName | None:
    """What the filename says, or None where it is not a clip's or ends in no known style.

    Title and style may both hold underscores, so only a known style shows where the title ends; the longest that
    fits is taken: `…_intelligent_split` is that style and not `split` after a title that ends in "intelligent".
    """
    matched = _CLIP_FILENAME.fullmatch(filename)
    if matched is None:
        return None
    rest = matched["rest"]
    for style in sorted(filter(None, known_styles), key=len, reverse=True):
        if rest == style or rest.endswith("_" + style):
            title_slug = rest[: -len(style)].removesuffix("_")
            return ClipName(int(matched["priority"]), int(matched["scene_id"]), title_slug, style)
    return None


def format_clip_filename(name: ClipName) -> str:
    """The filename that `parse_clip_filename` reads back; ValueError where no safe filename says this."""
    if name.priority < 0 or name.scene_id < 0 or not name.style:
        raise ValueError(f"A clip's filename needs a style and numbers that are not negative: {name}.")
    filename = f"clip_{name.priority:02d}_{name.scene_id:02d}_{name.title_slug}_{name.style}{CLIP_SUFFIX}"
    assert_segment(filename)
    return filename


def assert_segment(segment: str) -> None:
    """Raise ValueError unless `segment` is safe as one part of a key: it names something in its folder, only there."""
    if segment in _NOWHERE:
        raise ValueError(f"A key cannot hold the segment {segment!r}.")
    if "/" in segment or "\\" in segment:
        raise ValueError(f"A segment of a key cannot hold a slash: {segment!r}.")
    if _CONTROL_CHARACTER.search(segment):
        raise ValueError(f"A segment of a key cannot hold control characters: {segment!r}.")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise ValueError(f"A segment of a key has at most {MAX_SEGMENT_BYTES} bytes: {segment[:40]!r}….")


def _join(*segments: str) -> str:
    for segment in segments:
        assert_segment(segment)
    key = "/".join(segments)
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"A key has at most {MAX_KEY_BYTES} bytes: {key[:40]!r}….")
    return key


def _kind_of(filename: str) -> ObjectKind:
    if filename.endswith(CLIP_SUFFIX):
        return ObjectKind.CLIP
    if filename.endswith(THUMBNAIL_SUFFIX):
        return ObjectKind.THUMBNAIL
    return ObjectKind.OTHER
