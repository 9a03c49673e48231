"""The place of each file of a video in the bucket, and the facts that a key or a filename states about a clip."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from domain import identifiers
from domain.identifiers import MAX_FILENAME_BYTES, MAX_KEY_BYTES, split_filename

HIGHLIGHTS_FILENAME = "highlights.json"
CLIPS_FOLDER = "clips"
CLIP_SUFFIX = ".mp4"
THUMBNAIL_SUFFIX = ".jpg"

CLIP_CONTENT_TYPES = MappingProxyType(
    {
        ".mp4": "video/mp4",
        ".m4v": "video/x-m4v",
        ".mov": "video/quicktime",
        ".qt": "video/quicktime",
        ".webm": "video/webm",
        ".mkv": "video/x-matroska",
        ".avi": "video/x-msvideo",
        ".mpg": "video/mpeg",
        ".mpeg": "video/mpeg",
        ".ts": "video/mp2t",
        ".mts": "video/mp2t",
        ".m2ts": "video/mp2t",
        ".ogv": "video/ogg",
        ".3gp": "video/3gpp",
        ".3g2": "video/3gpp2",
        ".flv": "video/x-flv",
        ".wmv": "video/x-ms-wmv",
        ".asf": "video/x-ms-asf",
        ".vob": "video/mpeg",
        ".mxf": "application/mxf",
    }
)
"""The media type of each extension that a clip may have. The extension is compared in lower case.

The list names video types only: a browser would run an `.html`, `.svg` or `.js` under the bucket's address.
"""

CLIP_EXTENSIONS = frozenset(CLIP_CONTENT_TYPES)

SEEN_STYLES = ("intelligent_split", "intelligent", "split_fast", "split", "left_focus", "right_focus", "original")
"""Styles seen in real buckets, to try for a video whose own styles are not known."""

# Segments that name no file in their folder.
_NOWHERE = frozenset({"", ".", ".."})
# `{user_id}/{video_id}/{filename}`
_SEGMENTS_OF_A_FILE = 3
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_CLIP_STEM = re.compile(r"clip_(?P<priority>[0-9]{1,6})_(?P<scene_id>[0-9]{1,9})_(?P<rest>.+)", re.DOTALL)
# A by-product of unpacking a zip archive of macOS: a second tree, of files that only look like the first one's.
_MACOS_FOLDER = "__MACOSX"


class ObjectKind(StrEnum):
    """The kind of an object, by its key. HIDDEN objects belong to an operating system or a tool."""

    HIGHLIGHTS = "highlights"
    CLIP = "clip"
    THUMBNAIL = "thumbnail"
    HIDDEN = "hidden"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A parsed key; the ids are None if it is outside a video's folder, the filename if it names no file.

    `reason` is why the key is HIDDEN or OTHER, as the end of a sentence about it.
    """

    kind: ObjectKind
    user_id: str | None = None
    video_id: str | None = None
    filename: str | None = None
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ClipName:
    """The facts that a clip's filename states."""

    priority: int
    scene_id: int
    title_slug: str
    style: str


def folder_prefix(*folders: str) -> str:
    """The prefix of all keys below these folders, as a list of the bucket names them: any name, also an odd one."""
    return "".join(f"{folder}/" for folder in folders)


def video_prefix(user_id: str, video_id: str) -> str:
    """The prefix, slash included, of everything that belongs to a video; ValueError for ids that lead elsewhere.

    A document's id may be longer than a key can hold: below such a prefix there is just nothing.
    """
    for segment in (user_id, video_id):
        if segment in _NOWHERE or "/" in segment:
            raise ValueError(f"A prefix must not contain the segment {segment!r}.")
    return folder_prefix(user_id, video_id)


def build_video_key(user_id: str, video_id: str, *names: str) -> str:
    """The key of a file in the video's folder."""
    return "/".join((user_id, video_id, *names))


def parse_video_key(key: str, user_id: str, video_id: str) -> str:
    """`key`, which lies in the video's own folder; ValueError for any way out of it."""
    identifiers.parse_name(key)
    folder = folder_prefix(user_id, video_id)
    segments = key.removeprefix(folder).split("/")
    if not key.startswith(folder) or any(segment in _NOWHERE or "\\" in segment for segment in segments):
        raise ValueError("The key must be in the video's folder `{user_id}/{video_id}/`.")
    return key


def highlights_key(user_id: str, video_id: str) -> str:
    """The key of the video's highlights.json."""
    return _join(user_id, video_id, HIGHLIGHTS_FILENAME)


def clip_key(user_id: str, video_id: str, filename: str) -> str:
    """The key of a clip's file; ValueError where it would leave the video's folder, or be hidden."""
    for segment in (user_id, video_id, filename):
        parse_visible(segment)
    return _join(user_id, video_id, CLIPS_FOLDER, filename)


def thumbnail_key(user_id: str, video_id: str, filename: str) -> str:
    """The key of the thumbnail that lies beside the clip `filename`."""
    return _join(user_id, video_id, CLIPS_FOLDER, thumbnail_filename(filename))


def thumbnail_filename(filename: str) -> str:
    """The clip's filename with `.jpg` in place of its extension."""
    return clip_id_of(filename) + THUMBNAIL_SUFFIX


def clip_id_of(filename: str) -> str:
    """The clip's id: its filename without the extension."""
    stem, _ = split_filename(filename)
    return stem or filename


def parse_filename(value: str) -> str:
    """`value`, which names a clip's file in its video's folder, and by its stem the clip; ValueError otherwise.

    This is the one rule for clips' filenames: of the API's inputs, uploads, the import and `reconcile`.
    """
    assert_segment(value)
    identifiers.parse_name(value)
    stem, extension = split_filename(value)
    if not stem or extension == ".":
        raise ValueError("A filename must have a stem and an extension, such as `clip_01_03_title_split.mp4`.")
    if extension.lower() not in CLIP_EXTENSIONS:
        raise ValueError(f"The extension must be one of {', '.join(sorted(CLIP_EXTENSIONS))}.")
    if check_hidden(value):
        raise ValueError("A filename must not begin with a dot.")
    identifiers.parse_document_id(stem)
    # The thumbnail has the same stem, and may have the longer extension.
    assert_segment(stem + THUMBNAIL_SUFFIX)
    return value


def check_filename(value: str) -> bool:
    """Whether a clip's file can have this name."""
    try:
        parse_filename(value)
    except ValueError:
        return False
    return True


def parse_visible(segment: str) -> str:
    """`segment`, in which an import and `reconcile` see files; ValueError otherwise."""
    if check_hidden(segment):
        raise ValueError("A key must not have a hidden part, such as `.name` or `__MACOSX`.")
    return segment


def check_hidden(segment: str) -> bool:
    """Whether a file or folder of this name is hidden: `.DS_Store`, `._clip.mp4`, `.git`, `__MACOSX`."""
    return segment.startswith(".") or segment == _MACOS_FOLDER


def guess_content_type(filename: str) -> str:
    """The media type of a file that a video's folder holds, by its name alone and on every machine the same."""
    extension = split_filename(filename)[1].lower()
    known = {**CLIP_CONTENT_TYPES, THUMBNAIL_SUFFIX: "image/jpeg", ".json": "application/json"}
    return known.get(extension, "application/octet-stream")


def parse_key(key: str) -> ParsedKey:
    """The kind and parts of any key; foreign and unsafe keys are OTHER, with the reason."""
    segments = key.split("/")
    if any(check_hidden(segment) and segment not in _NOWHERE for segment in segments):
        return ParsedKey(ObjectKind.HIDDEN, reason="is hidden, or in a hidden folder")
    try:
        _join(*segments)
        if len(segments) < _SEGMENTS_OF_A_FILE:
            return ParsedKey(ObjectKind.OTHER, reason="is not in a video's folder")
        identifiers.parse_user_id(segments[0])
        identifiers.parse_folder(identifiers.parse_document_id(segments[1]))
    except ValueError as error:
        return ParsedKey(ObjectKind.OTHER, reason=f"has a name that is not a valid key ({error})")
    return _parse_names(*segments)


def _parse_names(user_id: str, video_id: str, *names: str) -> ParsedKey:
    """The kind and parts of the file at `names` below the video's folder."""
    kind, reason = ObjectKind.OTHER, "is neither `highlights.json` nor a file in `clips/`"
    match names:
        case [filename] if filename == HIGHLIGHTS_FILENAME:
            kind = ObjectKind.HIGHLIGHTS
        case [folder, filename] if folder == CLIPS_FOLDER:
            kind, reason = _classify(filename)
    return ParsedKey(kind, user_id, video_id, names[-1], "" if kind is not ObjectKind.OTHER else reason)


def _classify(filename: str) -> tuple[ObjectKind, str]:
    """The kind of a file in `clips/`; for OTHER with the reason."""
    stem, extension = split_filename(filename)
    is_thumbnail = extension == THUMBNAIL_SUFFIX
    try:
        parse_filename(stem + CLIP_SUFFIX if is_thumbnail else filename)
    except ValueError as error:
        return ObjectKind.OTHER, f"is not a clip's file ({error})"
    return (ObjectKind.THUMBNAIL if is_thumbnail else ObjectKind.CLIP), ""


def check_key(key: str) -> bool:
    """Whether this layout could hold the key: relative, no `..`, no empty segment, in Unicode's form C."""
    try:
        _join(*key.split("/"))
    except ValueError:
        return False
    return True


def read_clip_filename(filename: str, known_styles: Iterable[str] = SEEN_STYLES) -> ClipName | None:
    """The facts that the filename states; None where it is not a clip's or ends in no known style.

    Title and style may both hold underscores, so only a known style shows where the title ends; the longest that fits
    is taken: `…_intelligent_split` is that style and not `split` after a title that ends in "intelligent".
    """
    stem, extension = split_filename(filename)
    matched = _CLIP_STEM.fullmatch(stem)
    if matched is None or extension.lower() not in CLIP_EXTENSIONS:
        return None
    rest = matched["rest"]
    for style in sorted(filter(None, known_styles), key=len, reverse=True):
        if rest == style or rest.endswith("_" + style):
            title_slug = rest[: -len(style)].removesuffix("_")
            return ClipName(int(matched["priority"]), int(matched["scene_id"]), title_slug, style)
    return None


def format_clip_filename(name: ClipName) -> str:
    """The filename that `read_clip_filename` reads back; ValueError where no safe filename says this."""
    if name.priority < 0 or name.scene_id < 0 or not name.style:
        raise ValueError(f"A clip's filename must have a style and numbers of at least 0: {name}.")
    filename = f"clip_{name.priority:02d}_{name.scene_id:02d}_{name.title_slug}_{name.style}{CLIP_SUFFIX}"
    assert_segment(filename)
    return filename


def assert_segment(segment: str) -> None:
    """Raises ValueError unless `segment` is safe as one part of a key: it names something in its folder, only there."""
    if segment in _NOWHERE:
        raise ValueError(f"A key must not contain the segment {segment!r}.")
    if "/" in segment or "\\" in segment:
        raise ValueError(f"A segment of a key must not contain a slash: {segment!r}.")
    if _CONTROL_CHARACTER.search(segment):
        raise ValueError(f"A segment of a key must not contain control characters: {segment!r}.")
    if len(segment.encode()) > MAX_FILENAME_BYTES:
        raise ValueError(f"A segment of a key must have at most {MAX_FILENAME_BYTES} bytes: {segment[:40]!r}….")
    # R2 normalizes keys: two names that look alike would share one file.
    identifiers.parse_form_c(segment)


def check_stays(segment: str) -> bool:
    """Whether a stored segment names something in its folder, in whichever form of Unicode it was written."""
    is_anywhere = segment not in _NOWHERE and "/" not in segment and "\\" not in segment
    return is_anywhere and not _CONTROL_CHARACTER.search(segment)


def check_is_within(key: str, user_id: str, video_id: str) -> bool:
    """Whether a stored key names a file below `{user_id}/{video_id}/`, and leads nowhere else."""
    folder = folder_prefix(user_id, video_id)
    return key.startswith(folder) and all(map(check_stays, key.removeprefix(folder).split("/")))


def _join(*segments: str) -> str:
    for segment in segments:
        assert_segment(segment)
    key = "/".join(segments)
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"A key must have at most {MAX_KEY_BYTES} bytes: {key[:40]!r}….")
    return key
