"""Field paths: `a.b`, with `back quotes` around what is not a simple name."""

import re
from functools import lru_cache

from embedded.firestore.model.errors import InvalidArgumentError

DOCUMENT_NAME = "__name__"
MAX_BYTES = 1500
_SEGMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)|`((?:[^`\\]|\\[\s\S])+)`")
_RESERVED = re.compile(r"__.*__\Z", re.DOTALL)
_ESCAPE = re.compile(r"\\([\s\S])")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

FieldPath = tuple[str, ...]
NAME: FieldPath = (DOCUMENT_NAME,)


@lru_cache(maxsize=8192)
def parse_field_path(text: str) -> FieldPath:
    """The segments of a field path; InvalidArgumentError where it is malformed or reserved."""
    if text == DOCUMENT_NAME:
        return NAME
    segments = _split(text)
    for segment in segments:
        assert_field_name(segment)
    if len(text.encode()) > MAX_BYTES:
        raise InvalidArgumentError(f"Field path is longer than {MAX_BYTES} bytes: {text[:100]}…")
    return segments


@lru_cache(maxsize=8192)
def assert_field_name(name: str) -> None:
    """Raises InvalidArgumentError where no field may be called so."""
    if not name:
        raise InvalidArgumentError("Field names must not be empty.")
    if name.startswith("__") and _RESERVED.match(name):
        raise InvalidArgumentError(f'Field name "{name[:100]}" is reserved: names like __this__ cannot be used.')
    if len(name) > MAX_BYTES // 4 and len(name.encode()) > MAX_BYTES:
        raise InvalidArgumentError(f"Field name is longer than {MAX_BYTES} bytes: {name[:100]}…")


def format_field_path(path: FieldPath) -> str:
    """The text of a field path, quoted only where it must be."""
    return ".".join(
        name if _SIMPLE.match(name) else "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`" for name in path
    )


def _split(text: str) -> FieldPath:
    segments = []
    at = 0
    while match := _SEGMENT.match(text, at):
        segments.append(match[1] or _ESCAPE.sub(r"\1", match[2]))
        at = match.end()
        if at == len(text):
            return tuple(segments)
        if text[at] != ".":
            break
        at += 1
    raise InvalidArgumentError(
        f'Invalid field path "{text[:200]}": separate simple names with dots, and put `back quotes` around others.'
    )
