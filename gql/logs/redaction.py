"""Redaction of all log lines: tokens, keys, signatures of URLs, and people's titles.

Every pattern here is linear: a match needs no end, or takes the end of the text for one. So a pattern reads each
character a fixed number of times at most, which tests/test_patterns.py checks for each of them.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

HIDDEN = "[hidden]"
# A shorter one would stand in half of all lines.
MIN_SECRET_CHARACTERS = 8
# Longer than any message of ours. The ids in the audit log have at most 1,500.
MAX_TEXT_CHARACTERS = 2_000
# A line of a traceback holds a frame, or an error's message.
MAX_LINE_CHARACTERS = 1_000
MAX_TRACEBACK_CHARACTERS = 50_000
# Written by us, from a fixed vocabulary: nobody's data is in them.
_OURS = frozenset({"level", "logger", "timestamp", "request_id", "status", "duration_ms", "code", "outcome", "action"})

MULTILINE = frozenset({"exception", "stack"})

# A string as Python and JSON write it. Where its end was cut off, it ends with the text.
_QUOTED = r"""(?:"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z))"""
# A word that ends with one of these, found at its end: what is before it was looked at once.
_PERSONAL_NAMES = (
    r"\w*+(?:"
    + "|".join(
        f"(?<={name})"
        for name in ("title", "description", "custom_prompt", "customprompt", "error_message", "errormessage")
    )
    + ")"
)
_PERSONAL = re.compile(_PERSONAL_NAMES, re.IGNORECASE)

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        HIDDEN,
    ),
    # Tokens: our API keys, Google's access tokens, and whatever a header calls one. `_hide_tokens` finds JWTs.
    (re.compile(r"\bcg_[\w-]{16,}+"), HIDDEN),
    (re.compile(r"\bya29\.[\w.-]++"), HIDDEN),
    (re.compile(r"\b(bearer|basic)(\s++|%20|\+)[\w.~+/=-]{8,}+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(r"\b((?:X-Amz-)?(?:Signature|Credential|Security-Token)(?:=|%3D))[^&\s\"',;]++", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # As headers and fields of forms stand in a dict's repr and in JSON.
    (
        re.compile(
            r"""\b((?:X-Amz-)?(?:Signature|Credential|Security-Token)["']\s*+:\s*+)""" + _QUOTED,
            re.IGNORECASE | re.DOTALL,
        ),
        rf"\1{HIDDEN}",
    ),
    # pydantic shows what it was given, cut in its middle: its quotes need not match.
    (re.compile(r"input_value=.*?(?=, input_type=|\Z)", re.DOTALL), f"input_value={HIDDEN}"),
    # As in a dict's repr, in JSON, in GraphQL and in keyword arguments.
    (
        re.compile(rf"""(["']?\b{_PERSONAL_NAMES}["']?\s*+[:=]\s*+){_QUOTED}""", re.IGNORECASE | re.DOTALL),
        rf"\1{HIDDEN}",
    ),
)
# What may be a JSON Web Token: looked through once from its start, however often `eyJ` stands in it.
_DOTTED_WORD = re.compile(r"[\w.-]++")
# `clip_{priority}_{scene}_{title}_{style}.mp4`: a clip's id and its file's name hold its title.
_CLIP = re.compile(r"\bclip_(\d++)_(\d++)_([^\s/\"'`?&#\\,;:()\[\]{}<>|]++)")
# Within a text an id ends at a space, though it may hold one: values of these names are ids as a whole.
_CLIP_NAMES = frozenset({"clips", "clip_id", "filename"})
_WHOLE_CLIP = re.compile(r"clip_(\d+)_(\d+)_(.+)", re.DOTALL)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
# Quoted words in an exception's message are mostly somebody's own. gRPC's details are not, and say what went wrong. An
# apostrophe within a word quotes nothing.
_QUOTED_WORDS = re.compile(
    rf"(?:details|debug_error_string) = {_QUOTED}|(?<![A-Za-z0-9]){_QUOTED}|(?<=\b[bru]){_QUOTED}"
)
_ONE_NAME = re.compile(r"[\w.:/=@+*?-]*", re.ASCII)
# Frames of a traceback are our code's text, and no data: where they are, their lines, and the marks below these.
_FRAME_LINE = re.compile(r'(?: *+\| )?(?:  File ".*", line \d| {4}(?! *+\|))')


class Redactor:
    """Hides private parts of a log line; `secrets` are texts to hide anywhere."""

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
        for name in MULTILINE:
            if isinstance(text := event.get(name), str):
                event[name] = _hide_quoted_words(_cut_lines(text)) if name == "exception" else _cut_lines(text)
        return {name: value if name in _OURS else self._redact_value(name, value) for name, value in event.items()}

    def redact(self, text: str) -> str:
        """The text without them."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        if "eyJ" in text:
            text = _DOTTED_WORD.sub(_hide_token, text)
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
        text = value if isinstance(value, str) else repr(value)
        return self.redact(text if name in MULTILINE else cut(text, MAX_TEXT_CHARACTERS))


def cut(text: str, max_characters: int) -> str:
    """The text, or its beginning and how much of it is left out."""
    if len(text) <= max_characters:
        return text
    return f"{text[:max_characters]}… ({len(text) - max_characters} more characters)"


def _hide_token(match: re.Match[str]) -> str:
    """Hides a JSON Web Token: `eyJ` is how `{"` begins in base64, and dots part it."""
    word = match.group()
    start = word.find("eyJ")
    return f"{word[:start]}{HIDDEN}" if start >= 0 and "." in word[start + 8 :] else word


def _cut_lines(traceback: str) -> str:
    """The traceback with its long lines cut; of a very long one the beginning and the end, where its error stands."""
    if len(traceback) > MAX_TRACEBACK_CHARACTERS:
        half = MAX_TRACEBACK_CHARACTERS // 2
        traceback = f"{traceback[:half]}\n… ({len(traceback) - 2 * half} characters)\n{traceback[-half:]}"
    return "\n".join(cut(line, MAX_LINE_CHARACTERS) for line in traceback.split("\n"))


def _hide_quoted_words(traceback: str) -> str:
    lines = traceback.split("\n")
    return "\n".join(line if _FRAME_LINE.match(line) else _QUOTED_WORDS.sub(_hide_words, line) for line in lines)


def _hide_words(match: re.Match[str]) -> str:
    """A single name, such as a key of a dict or an id, stays: without it nobody finds the bug."""
    found = match.group()
    return found if found.startswith("de") or _ONE_NAME.fullmatch(found[1:-1]) else HIDDEN


def _name_clip(match: re.Match[str]) -> str:
    """A clip's id with a digest for its title: the same id gives the same name, and who has the id finds its lines."""
    extension = _EXTENSION.search(match.group())
    clip_id = match.group()[: extension.start()] if extension else match.group()
    return f"clip_{match[1]}_{match[2]}_{digest_clip_id(clip_id)}{extension.group() if extension else ''}"


def digest_clip_id(clip_id: str) -> str:
    """The digest in place of a clip's title and style: the first 10 hex digits of its id's SHA-256."""
    return hashlib.sha256(clip_id.encode()).hexdigest()[:10]
