"""The kinds of fields that the models are made of."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from domain import identifiers, keys, timecodes
from domain.texts import mend_text
from repositories.documents import check_is_stored
from repositories.statuses import cut_error_message

MAX_TEXT_BYTES = 1_500
"""The part of a string that Firestore's queries see: longer titles would tie in an order by title."""

MAX_LONG_TEXT_CHARACTERS = 20_000
MAX_INTEGER = 2**31 - 1
"""GraphQL's Int."""

MAX_FILE_SIZE_BYTES = 2**53
"""What a double, and so JSON, holds exactly."""


def check_title(value: str) -> str:
    """`value` without the space around it: one line, which an index holds in full; ValueError otherwise."""
    stripped = value.strip()
    if not stripped:
        raise ValueError("This cannot be empty.")
    identifiers.check_text(stripped)
    if len(stripped.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"This is too long: at most {MAX_TEXT_BYTES:,} bytes of UTF-8.")
    return stripped


def check_long_text(value: str) -> str:
    """`value`, which is text of any number of lines; ValueError otherwise."""
    identifiers.check_text(value, with_lines=True)
    if len(value) > MAX_LONG_TEXT_CHARACTERS:
        raise ValueError(f"This is too long: at most {MAX_LONG_TEXT_CHARACTERS:,} characters.")
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


def _cut(value: object) -> object:
    return cut_error_message(value) if isinstance(value, str) else value


def _mend(value: object) -> object:
    """Text as an import mends it, too: whoever writes a title, it is stored the same."""
    return mend_text(value)[0] if isinstance(value, str) else value


def _parse_filename(value: str, info: ValidationInfo) -> str:
    """`value`; documents that are stored already may have names of another Unicode form, which name no file."""
    keys.parse_filename(unicodedata.normalize("NFC", value) if check_is_stored(info) else value)
    return value


DocumentId = Annotated[str, AfterValidator(identifiers.check_document_id)]
UserId = Annotated[str, AfterValidator(identifiers.check_user_id)]
Filename = Annotated[str, AfterValidator(_parse_filename)]
MapKey = Annotated[str, AfterValidator(identifiers.check_map_key)]
Title = Annotated[str, BeforeValidator(_mend), AfterValidator(check_title)]
LongText = Annotated[str, BeforeValidator(_mend), AfterValidator(check_long_text)]
ErrorMessage = Annotated[str, BeforeValidator(_cut)]
Timecode = Annotated[str, AfterValidator(timecodes.check_timecode)]
Timestamp = Annotated[datetime, AfterValidator(to_utc)]
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
FileSize = Annotated[int, Field(ge=0, le=MAX_FILE_SIZE_BYTES)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
