"""What no log line may hold, whoever writes it: tokens, keys, signatures of URLs, and people's titles."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

HIDDEN = "[hidden]"
# A shorter one would stand in half of all lines.
MIN_SECRET_CHARACTERS = 8

_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_PERSONAL_NAMES = r"(?:\w*_?title|\w*_?description|custom_?prompt|error_?message)"
_PERSONAL = re.compile(_PERSONAL_NAMES, re.IGNORECASE)

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # Tokens: JSON Web Tokens, our API keys, Google's access tokens, and whatever a header calls one.
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"\bcg_[\w-]{16,}"), HIDDEN),
    (re.compile(r"\bya29\.[\w.-]+"), HIDDEN),
    (re.compile(r"\b(bearer|basic)(\s+|%20|\+)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(r"\b((?:X-Amz-)?(?:Signature|Credential|Security-Token)(?:=|%3D))[^&\s\"',;]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # As headers and fields of forms stand in a dict's repr and in JSON.
    (
        re.compile(r"""\b((?:X-Amz-)?(?:Signature|Credential|Security-Token)["']\s*:\s*)""" + _QUOTED, re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # pydantic shows what it was given, cut in its middle: its quotes need not match.
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), f"input_value={HIDDEN}"),
    # As in a dict's repr, in JSON, in GraphQL and in keyword arguments.
    (re.compile(rf"""(["']?\b{_PERSONAL_NAMES}["']?\s*[:=]\s*){_QUOTED}""", re.IGNORECASE), rf"\1{HIDDEN}"),
)
# `clip_{priority}_{scene}_{title}_{style}.mp4`: a clip's id and its file's name hold its title.
_CLIP = re.compile(r"\bclip_(\d+)_(\d+)_([^\s/\"'`?&#\\,;:()\[\]{}<>|]+)")
# Within a text an id ends at a space, though it may hold one: values of these names are ids as a whole.
_CLIP_NAMES = frozenset({"clips", "clip_id", "filename"})
_WHOLE_CLIP = re.compile(r"clip_(\d+)_(\d+)_(.+)", re.DOTALL)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
# Quoted words in an exception's message are mostly somebody's own. gRPC's details are not, and say what went wrong.
_QUOTED_WORDS = re.compile(rf"(?<!details = )(?<!debug_error_string = ){_QUOTED}")
_ONE_NAME = re.compile(r"[\w.:/=@+*?-]*", re.ASCII)
# Frames of a traceback are our code's text, and no data: where they are, their lines, and the marks below these.
_FRAME_LINE = re.compile(r'(?: *\| )?(?:  File ".*", line \d+| {4}(?! *\|))')


class Redactor:
    """Hides what a log line may not hold; `secrets` are texts that are hidden wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._kept: set[str] = set()
        self._secrets: re.Pattern[str] | None = None
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """These are hidden, too, from now on."""
        self._kept.update(text for text in secrets if len(text) >= MIN_SECRET_CHARACTERS)
        if self._kept:
            self._secrets = re.compile("|".join(map(re.escape, sorted(self._kept, key=len, reverse=True))))

    def __call__(self, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """The line's values without them: a processor that stands right before the renderer."""
        del logger, method
        if isinstance(exception := event.get("exception"), str):
            event["exception"] = _hide_quoted_words(exception)
        return {name: self._redact_value(name, value) for name, value in event.items()}

    def redact(self, text: str) -> str:
        """The text without them."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        return _CLIP.sub(_name_clip, text)

    def _redact_value(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if _PERSONAL.fullmatch(name):
            return HIDDEN
        if isinstance(value, Mapping):
            return {str(key): self._redact_value(str(key), below) for key, below in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._redact_value(name, below) for below in value]
        if name in _CLIP_NAMES and isinstance(value, str) and (clip := _WHOLE_CLIP.fullmatch(value)):
            return _name_clip(clip)
        # Renderers would show any other object by its repr.
        return self.redact(value if isinstance(value, str) else repr(value))


def _hide_quoted_words(traceback: str) -> str:
    lines = traceback.split("\n")
    return "\n".join(line if _FRAME_LINE.match(line) else _QUOTED_WORDS.sub(_hide_words, line) for line in lines)


def _hide_words(match: re.Match[str]) -> str:
    """A single name, such as a key of a dict or an id, stays: without it nobody finds the bug."""
    return match.group() if _ONE_NAME.fullmatch(match.group()[1:-1]) else HIDDEN


def _name_clip(match: re.Match[str]) -> str:
    """A clip's id with a digest for its title: the same id gives the same name, and who has the id finds its lines."""
    extension = _EXTENSION.search(match.group())
    clip_id = match.group()[: extension.start()] if extension else match.group()
    return f"clip_{match[1]}_{match[2]}_{digest_clip_id(clip_id)}{extension.group() if extension else ''}"


def digest_clip_id(clip_id: str) -> str:
    """What stands in the log for a clip's title and style: the first 10 hex digits of its id's SHA-256."""
    return hashlib.sha256(clip_id.encode()).hexdigest()[:10]
