"""The kinds of fields that the models are made of."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from domain import identifiers, keys, timecodes
from domain.texts import mend_text
from repositories.model.statuses import cut_error_message

STORED = "stored"
"""The context in which pydantic reads a stored document."""

MAX_TEXT_BYTES = 1_500
"""The part of a string that Firestore's queries see: longer titles would tie in an order by title."""

MAX_LONG_TEXT_CHARACTERS = 20_000
MAX_INTEGER = 2**31 - 1
"""GraphQL's Int."""

MAX_FILE_SIZE_BYTES = 2**53
"""The largest integer that a double, and so JSON, holds exactly."""


def check_is_stored(info: ValidationInfo) -> bool:
    """Whether a stored document is being read: an older version may have written it under looser rules."""
    return bool(info.context == STORED)


def parse_title(value: str) -> str:
    """`value` without the space around it: one line, which an index holds in full; ValueError otherwise."""
    stripped = value.strip()
    if not stripped:
        raise ValueError("The value must not be empty.")
    identifiers.parse_text(stripped)
    if len(stripped.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"The value is too long. The limit is {MAX_TEXT_BYTES:,} bytes of UTF-8.")
    return stripped


def parse_long_text(value: str) -> str:
    """`value`, which is text of any number of lines; ValueError otherwise."""
    identifiers.parse_text(value, with_lines=True)
    if len(value) > MAX_LONG_TEXT_CHARACTERS:
        raise ValueError(f"The value is too long. The limit is {MAX_LONG_TEXT_CHARACTERS:,} characters.")
    return value


def to_utc(moment: datetime) -> datetime:
    """The moment in UTC, to the microsecond, as Firestore keeps it; one without a zone is taken to be in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    aware = aware.astimezone(UTC)
    # Firestore's client answers with a subclass that carries nanoseconds, which JSON and copies trip over.
    return datetime.combine(aware.date(), aware.timetz())


def utc_now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)


def _cut(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    return _hold_against(
        value, cut_error_message(value), "The value is too long, or has characters that are not text.", info
    )


def _mend(value: object, info: ValidationInfo) -> object:
    """Text as the import mends it: a title is stored the same, whoever writes it."""
    if not isinstance(value, str):
        return value
    mended, faults = mend_text(value)
    return _hold_against(value, mended, f"The value has {' and '.join(faults)}.", info)


def _strip(value: object, info: ValidationInfo) -> object:
    return (
        _hold_against(value, value.strip(), "The value begins or ends with space.", info)
        if isinstance(value, str)
        else value
    )


def _hold_against(value: str, mended: str, reason: str, info: ValidationInfo) -> str:
    """The mended text; of a stored document, where it differs, ValueError: what is shown otherwise is told."""
    if mended != value and check_is_stored(info):
        raise ValueError(reason)
    return mended


def _to_whole(value: object) -> object:
    """A number is a number: a client without integers stores 3 as 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parse_new(check: Callable[[str], str], check_stored: Callable[[str], bool] = lambda _: True) -> AfterValidator:
    """A validator: new names follow all rules; stored names only have to be safe to use."""

    def validate(value: str, info: ValidationInfo) -> str:
        if not check_is_stored(info):
            return check(value)
        if not check_stored(value):
            raise ValueError("The key lies outside the video's folder.")
        return value

    return AfterValidator(validate)


# A stored document's ids stand in its path: there is nothing to check.
DocumentId = Annotated[str, _parse_new(identifiers.parse_document_id)]
UserId = Annotated[str, _parse_new(identifiers.parse_user_id)]
Filename = Annotated[str, _parse_new(keys.parse_filename, keys.check_stays)]
MapKey = Annotated[str, AfterValidator(identifiers.parse_map_key)]
# Validators before the type run from the last one to the first.
Title = Annotated[str, BeforeValidator(_strip), BeforeValidator(_mend), AfterValidator(parse_title)]
LongText = Annotated[str, BeforeValidator(_mend), AfterValidator(parse_long_text)]
ErrorMessage = Annotated[str, BeforeValidator(_cut)]
Timecode = Annotated[str, AfterValidator(timecodes.parse_timecode_text)]
Timestamp = Annotated[datetime, AfterValidator(to_utc)]
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER), BeforeValidator(_to_whole)]
FileSize = Annotated[int, Field(ge=0, le=MAX_FILE_SIZE_BYTES), BeforeValidator(_to_whole)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
