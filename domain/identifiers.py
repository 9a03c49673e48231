"""Ids, names and texts: the limits of Firestore and R2, and the checks of what a user may write."""

import re
import unicodedata

MAX_ID_BYTES = 1_500
MAX_USER_ID_CHARACTERS = 128
MAX_KEY_BYTES = 1_024
"""R2's limit for a whole key, in UTF-8."""

MAX_FILENAME_BYTES = 255
"""The limit of file systems for one name: clips are cut, and in the embedded S3 stored, as files."""

MAX_FIELD_PATH_BYTES = 1_500
STATISTICS_BY_STYLE = "clips_by_style"

_RESERVED = re.compile(r"__.*__", re.DOTALL)
_SIMPLE_SEGMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# They turn the text around them, so that a name reads as another one.
_DIRECTIONS = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROLS_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# No characters at all: XML, and so S3, cannot even say them.
_NONCHARACTERS = re.compile(r"[\ufffe\uffff]")


def parse_document_id(value: str) -> str:
    """`value`, which Firestore takes as a document's id; ValueError otherwise."""
    parse_name(value)
    if "/" in value:
        raise ValueError("An id must not contain a slash.")
    if value in {".", ".."} or _RESERVED.fullmatch(value):
        raise ValueError("An id must not be `.` or `..`, or both begin and end with two underscores.")
    _assert_size(value, MAX_ID_BYTES)
    return value


def parse_user_id(value: str) -> str:
    """`value`, which can own videos; ValueError otherwise."""
    if len(value) > MAX_USER_ID_CHARACTERS:
        raise ValueError(f"A user id must have at most {MAX_USER_ID_CHARACTERS} characters.")
    return parse_document_id(value)


def split_filename(filename: str) -> tuple[str, str]:
    """The stem, which is the clip's id, and the extension with its dot (empty where there is none)."""
    stem, dot, extension = filename.rpartition(".")
    return (stem, dot + extension) if dot else (filename, "")


def parse_map_key(value: str) -> str:
    """`value`, which Firestore takes as a key of a map: any words, dots, slashes, emoji; ValueError otherwise."""
    parse_name(value)
    if _RESERVED.fullmatch(value):
        raise ValueError("Names that begin and end with two underscores are reserved.")
    _assert_size(value, MAX_ID_BYTES)
    return value


def parse_style(value: str) -> str:
    """`value`, which can be a clip's style: a key of a map, short enough to be named in a field path."""
    parse_map_key(value)
    if len(f"{STATISTICS_BY_STYLE}.{_quote_segment(value)}".encode()) > MAX_FIELD_PATH_BYTES:
        raise ValueError(f"The style is too long. The limit of its field path is {MAX_FIELD_PATH_BYTES:,} bytes.")
    return value


def parse_name(value: str) -> str:
    """`value`, which is not empty and shows no direction marks or control characters; ValueError otherwise."""
    if not value.strip():
        raise ValueError("The value must not be empty.")
    if _DIRECTIONS.search(value):
        raise ValueError("Bidirectional control characters are not allowed.")
    return parse_text(value)


def parse_form_c(value: str) -> str:
    """`value`, which is in Unicode's normalization form C; ValueError otherwise.

    R2 keeps keys in this form: an id in another form would share the files of the id that looks the same.
    """
    if not check_form_c(value):
        raise ValueError("The value is not in Unicode's normalization form C. Normalize it.")
    return value


def check_form_c(value: str) -> bool:
    """Whether `value` is in Unicode's normalization form C, as every key in R2 is."""
    return unicodedata.is_normalized("NFC", value)


def check_can_be_key(key: str) -> bool:
    """Whether R2 can have an object of this key: in form C, within the limit, and with nothing that XML cannot say."""
    return check_form_c(key) and len(key.encode()) <= MAX_KEY_BYTES and not _NONCHARACTERS.search(key)


def parse_text(value: str, *, with_lines: bool = False) -> str:
    """`value`, which UTF-8 can hold, without control characters; ValueError otherwise.

    `with_lines` allows tabs and line ends.
    """
    if _SURROGATES.search(value):
        raise ValueError("The value is not valid Unicode: it contains an unpaired surrogate.")
    if _NONCHARACTERS.search(value):
        raise ValueError("U+FFFE and U+FFFF are not allowed.")
    if (_CONTROLS_BUT_LINES if with_lines else _CONTROLS).search(value):
        raise ValueError("Control characters are not allowed.")
    return value


def parse_folder(video_id: str) -> str:
    """`video_id`, whose folder can hold files: not every id that Firestore takes can; ValueError otherwise."""
    if "\\" in video_id or len(video_id.encode()) > MAX_FILENAME_BYTES:
        limit = f"no backslash and at most {MAX_FILENAME_BYTES} bytes"
        raise ValueError(f"The video id is not valid in a key: with clips it must have {limit}.")
    return video_id


def parse_bounded_key(key: str) -> str:
    """`key`, which is as short as R2 demands; ValueError otherwise."""
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"The key `{{user_id}}/{{video_id}}/clips/…` would exceed {MAX_KEY_BYTES:,} bytes.")
    return key


def _quote_segment(name: str) -> str:
    """`name` as a segment of a Firestore field path: back-quoted unless it is a simple one."""
    if _SIMPLE_SEGMENT.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _assert_size(value: str, max_bytes: int) -> None:
    if len(value.encode()) > max_bytes:
        raise ValueError(f"The value is too long. The limit is {max_bytes:,} bytes of UTF-8.")
