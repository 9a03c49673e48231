"""No log line holds a token, a key, a URL's signature or a title: ours or a library's, with a traceback or without."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest
import structlog
from pydantic import SecretStr

from gql.logs.configure import make_formatter
from gql.logs.redaction import HIDDEN, Redactor, digest_clip_id
from settings import Settings

TITLE = "Über uns: ein Film"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl"
SECRET = "an-R2-secret/with+signs"
SIGNED = "https://r2/b/u/v?X-Amz-Credential=AKIAXYZ%2F20260101&X-Amz-Date=1&X-Amz-Signature=0a1b2c3d4e"

HIDDEN_TEXTS = [
    (f"authorization: Bearer {JWT}", JWT),
    (f"token={JWT}", "c2lnbmF0dXJl"),
    ("Bearer opaque-token-1234", "opaque-token"),
    ("the key cg_0123456789abcdefghijklmnop", "abcdefgh"),
    ("{'Authorization': 'Basic dXNlcjpwYXNzd29yZA=='}", "dXNlcjpw"),
    (f"GET {SIGNED}", "0a1b2c3d4e"),
    (f"GET {SIGNED}", "AKIAXYZ"),
    ("AWS4-HMAC-SHA256 Credential=AKIAXYZ/1/auto/s3, Signature=0a1b2c", "0a1b2c"),
    ("{'X-Amz-Signature': '0a1b2c'}", "0a1b2c"),
    ('{"x-amz-credential": "AKIAXYZ/1/auto/s3"}', "AKIAXYZ"),
    (f"secret {SECRET}!", SECRET),
    ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----", "MIGHAgEA"),
    (f"{{'title': '{TITLE}'}}", TITLE),
    (f'{{"video_title": "{TITLE}"}}', TITLE),
    (f'{{"videoTitle" : "a \\" {TITLE}"}}', TITLE),
    (f'createVideo(input: {{title: "{TITLE}"}})', TITLE),
    (f"VideoMetadata(title=\"{TITLE}\", description='mine')", "mine"),
    ("custom_prompt='Holiday'", "Holiday"),
    ("u/v/clips/clip_01_03_my-holiday_split.mp4", "holiday"),
    ("no clip clip_01_03_mein_größter_tag_left_focus", "größter"),
]

SHOWN_TEXTS = [
    "resolver_failed code=INTERNAL path=videos.nodes.0.title",
    "caller_refused reason='Send a token: `Authorization: Bearer TOKEN`.'",
    "users/u1/videos/dQw4w9WgXcQ 429 Too Many Requests",
    "Signature Version 4",
    "KeyError: 'title'",
]


@pytest.mark.parametrize(("text", "hidden"), HIDDEN_TEXTS)
def test_text_is_hidden(text: str, hidden: str) -> None:
    """The redactor hides the secret part of each text in the table."""
    assert hidden in text
    assert hidden not in Redactor([SECRET]).redact(text)


@pytest.mark.parametrize("text", SHOWN_TEXTS)
def test_rest_is_shown(text: str) -> None:
    """The redactor leaves each harmless text in the table unchanged."""
    assert Redactor([SECRET]).redact(text) == text


def test_clip_is_known_by_a_digest_of_its_id() -> None:
    """The file's name and the id are found by the same search."""
    digest = digest_clip_id("clip_01_03_my-holiday_split")
    redact = Redactor().redact
    assert redact("clip_01_03_my-holiday_split") == f"clip_01_03_{digest}"
    assert redact("x/clip_01_03_my-holiday_split.mp4?") == f"x/clip_01_03_{digest}.mp4?"
    assert redact("clip_01_03_my-holiday_split.jpg is away") == f"clip_01_03_{digest}.jpg is away"


def test_clip_whose_title_has_spaces_is_hidden_whole_in_the_audit_log() -> None:
    """Within a text nobody can say where an id ends; as a value of its own it ends with the value."""
    clip = 'clip_01_03_Unser Tag (2), am "See"_split'
    event: dict[str, Any] = {"event": "mutation", "clips": [clip, f"{clip}.mp4"], "clip_id": clip, "filename": clip}
    digest = digest_clip_id(clip)
    redacted = Redactor()(None, "info", event)
    assert redacted["clips"] == [f"clip_01_03_{digest}", f"clip_01_03_{digest}.mp4"]
    assert redacted["clip_id"] == redacted["filename"] == f"clip_01_03_{digest}"


Write = Callable[[], logging.Logger]


@pytest.fixture
def library() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A library's logger, and what comes out of it."""
    settings = Settings(log_format="json", r2_access_key_id="AKIAXYZ-KEY", r2_secret_access_key=SecretStr(SECRET))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(make_formatter(settings, [structlog.stdlib.add_log_level]))
    logger = logging.getLogger("a.library")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


class Video(pydantic.BaseModel):
    """A document that may be damaged."""

    count: int


def fail_by_validation() -> None:
    Video.model_validate({"count": TITLE})


def fail_by_key() -> None:
    counts: dict[str, int] = {}
    counts[TITLE] += 1


def fail_by_cause() -> None:
    try:
        int(TITLE)
    except ValueError as error:
        raise RuntimeError("while reading") from error


def fail_in_group() -> None:
    raise ExceptionGroup("several", [ValueError(f"bad {TITLE!r}"), KeyError(SECRET)])


@pytest.mark.parametrize("fail", [fail_by_validation, fail_by_key, fail_by_cause, fail_in_group])
def test_traceback_shows_frames_and_no_data(
    library: tuple[logging.Logger, io.StringIO], fail: Callable[[], None]
) -> None:
    """A logged traceback has its frames, and no personal data or secret."""
    logger, stream = library
    try:
        fail()
    except Exception:
        logger.exception("It failed with %s and %s", JWT, SIGNED)
    line = json.loads(stream.getvalue())
    for hidden in ("Über uns", SECRET, JWT, "0a1b2c3d4e"):
        assert hidden not in json.dumps(line, ensure_ascii=False)
    assert f"in {fail.__name__}" in line["exception"]
    assert "Traceback" in line["exception"]


def test_values_of_any_shape_are_looked_through() -> None:
    """The redactor hides titles and tokens in nested values, and keeps numbers and null."""
    event: dict[str, Any] = {
        "event": "x",
        "title": TITLE,
        "nested": {"description": TITLE, "list": [JWT, {"errorMessage": TITLE}]},
        "object": SecretStr("x"),
        "error": ValueError(f"title='{TITLE}'"),
        "count": 3,
        "nothing": None,
    }
    redacted = Redactor()(None, "info", event)
    assert TITLE not in str(redacted)
    assert JWT not in str(redacted)
    assert redacted["title"] == HIDDEN
    assert redacted["count"] == 3
    assert redacted["nothing"] is None
