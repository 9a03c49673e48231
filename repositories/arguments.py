"""The arguments of the repositories' methods, parsed before anything is asked of Firestore.

Every function answers the value as the methods use it, or raises `ValidationError` with the argument's path. Enums may
be given as their text.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter

from repositories.client import FirestoreClient
from repositories.exceptions import ValidationError
from repositories.mapping.fast_builder import check_is_fast
from repositories.model.base import Document
from repositories.model.fields import DocumentId, ErrorMessage, FileSize, MapKey, Timestamp, UserId
from repositories.model.statuses import ClipStatus, ClipStatusChange, VideoStatus
from repositories.model.validation import validate_model, validate_value
from repositories.models import ClipMetadata, VideoMetadata
from repositories.tombstones import FileStore
from repositories.unit_of_work import UnitOfWork

Path = tuple[str | int, ...]
T = TypeVar("T")
D = TypeVar("D", bound=Document)

# An id of bytes, or a size of True, is a mistake of the caller's.
_STRICT = ConfigDict(strict=True)
_USER_ID = TypeAdapter[str](UserId, config=_STRICT)
_DOCUMENT_ID = TypeAdapter[str](DocumentId, config=_STRICT)
_STYLE = TypeAdapter[str](MapKey, config=_STRICT)
_FLAG = TypeAdapter(bool, config=_STRICT)
_SECONDS = TypeAdapter(float, config=_STRICT)
_FILE_SIZE = TypeAdapter[int](FileSize, config=_STRICT)
_ERROR_MESSAGE = TypeAdapter[str](ErrorMessage, config=_STRICT)
_MOMENT = TypeAdapter[Any](Timestamp, config=_STRICT)
_GUESSED = TypeAdapter[Any](
    str
    | bool
    | Annotated[int, Field(ge=-(2**63), lt=2**63)]
    | float
    | datetime
    | list[str]
    | dict[str, float | list[str]]  # such as `highlights_summary`
    | None,
    config=_STRICT,
)
_UP_TO = TypeAdapter[int](Annotated[int, Field(ge=1, lt=2**31)], config=_STRICT)
_CLIP_STATUS = TypeAdapter(ClipStatus)
_VIDEO_STATUS = TypeAdapter(VideoStatus)


def parse_user_id(value: object) -> str:
    """The id of a user."""
    return validate_value(_USER_ID, value, path=("user_id",))


def parse_id(value: object, *path: str | int) -> str:
    """The id of a video or a clip."""
    return validate_value(_DOCUMENT_ID, value, path=path)


def parse_ids(values: object, name: str) -> list[str]:
    """The ids, each once."""
    return list(dict.fromkeys(parse_id(value, name, index) for index, value in enumerate(parse_list(values, name))))


def parse_id_pairs(values: object, name: str) -> list[tuple[str, str]]:
    """The pairs of a video's and a clip's id, each once."""
    return list(
        dict.fromkeys(_parse_id_pair(value, name, index) for index, value in enumerate(parse_list(values, name)))
    )


def _parse_id_pair(value: object, *path: str | int) -> tuple[str, str]:
    if not isinstance(value, tuple) or len(value) != 2:  # noqa: PLR2004  a pair
        raise ValidationError("The value is not a pair of a video's and a clip's id.", path)
    return parse_id(value[0], *path, 0), parse_id(value[1], *path, 1)


def parse_style(value: object) -> str | None:
    """The style to filter by, or None."""
    return None if value is None else validate_value(_STYLE, value, path=("style",))


def parse_clip_status(value: object, path: Path = ("status",)) -> ClipStatus:
    """The status, of itself or of its text."""
    return value if isinstance(value, ClipStatus) else validate_value(_CLIP_STATUS, value, path=path)


def parse_video_status(value: object) -> VideoStatus:
    """The status, of itself or of its text."""
    return value if isinstance(value, VideoStatus) else validate_value(_VIDEO_STATUS, value, path=("status",))


def parse_clip_filter(value: object) -> ClipStatus | None:
    """The status to filter by, or None."""
    return None if value is None else parse_clip_status(value)


def parse_video_filter(value: object) -> VideoStatus | None:
    """The status to filter by, or None."""
    return None if value is None else parse_video_status(value)


def parse_error_message(value: object, path: Path = ("error_message",)) -> str | None:
    """The message as it is stored, or None."""
    return None if value is None else validate_value(_ERROR_MESSAGE, value, path=path)


def parse_timeout(value: object) -> float:
    """Seconds: a finite float or int that is positive."""
    # pydantic takes a Decimal for a float in strict mode, too.
    seconds = validate_value(_SECONDS, value, path=("timeout_seconds",)) if isinstance(value, int | float) else math.nan
    if not 0 < seconds < math.inf:
        raise ValidationError("The timeout must be a positive number of seconds.", ("timeout_seconds",))
    return seconds


def assert_flag(value: object, name: str) -> None:
    """Raises ValidationError unless the value is a boolean."""
    if not isinstance(value, bool):
        raise ValidationError("The value is not a boolean.", (name,))


def parse_list(values: object, name: str) -> list[Any]:
    """The items of any iterable but a text or a map: a caller means neither characters nor keys."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ValidationError("The value is not a list.", (name,))
    return list(values)


def parse_map(value: object, *path: str) -> Mapping[Any, Any]:
    """The map."""
    if not isinstance(value, Mapping):
        raise ValidationError("The value is not a map.", path)
    return value


def parse_instances(values: object, cls: type[T], name: str) -> list[T]:
    """The items, all of which are of the class."""
    return [parse_instance(value, cls, name, index) for index, value in enumerate(parse_list(values, name))]


def parse_instance(value: object, cls: type[T], *path: str | int) -> T:
    """The value, which is of the class."""
    if not isinstance(value, cls):
        raise ValidationError(f"The value is not a {cls.__name__}.", path)
    return value


def parse_client(value: object) -> FirestoreClient | None:
    """The client, or None."""
    return None if value is None else parse_instance(value, FirestoreClient, "client")


def parse_unit(value: object) -> UnitOfWork | None:
    """The unit of work that a call is part of, or None."""
    return None if value is None else parse_instance(value, UnitOfWork, "transaction")


def parse_files(value: object) -> FileStore:
    """The store of files."""
    if isinstance(value, FileStore):
        return value
    raise ValidationError("The value is not a file store.", ("files",))


def parse_up_to(value: object) -> int | None:
    """The number at which a count stops, or None."""
    return None if value is None else validate_value(_UP_TO, value, path=("up_to",))


def parse_guesses(value: object, cls: type[Document], *path: str) -> dict[str, Any]:
    """Guessed values of the model's fields, by name."""
    guesses = {} if value is None else parse_map(value, *(path or ("guesses",)))
    for name, guessed in guesses.items():
        if name not in cls.model_fields:
            raise ValidationError("The document has no such field.", (*(path or ("guesses",)), str(name)))
        validate_value(_GUESSED, guessed, path=(*(path or ("guesses",)), name))
    return dict(guesses)


def parse_clip(value: object, *path: str | int) -> ClipMetadata:
    """The clip, all of whose fields are valid: copies and constructed models are not validated by pydantic."""
    clip = parse_instance(value, ClipMetadata, *(path or ("clip",)))
    return clip if check_is_fast(clip) else _revalidate(ClipMetadata, clip, path)


def parse_video(value: object) -> VideoMetadata:
    """The video, all of whose fields are valid."""
    return _revalidate(VideoMetadata, parse_instance(value, VideoMetadata, "video"), ())


def parse_change(value: object, *path: str | int) -> ClipStatusChange:
    """The change, all of whose values are valid."""
    change = parse_instance(value, ClipStatusChange, *(path or ("change",)))
    size, flag = change.file_size_bytes, change.has_thumbnail
    parsed = ClipStatusChange(
        clip_id=parse_id(change.clip_id, *path, "clip_id"),
        status=parse_clip_status(change.status, (*path, "status")),
        error_message=parse_error_message(change.error_message, (*path, "error_message")),
        file_size_bytes=None if size is None else validate_value(_FILE_SIZE, size, path=(*path, "file_size_bytes")),
        has_thumbnail=None if flag is None else validate_value(_FLAG, flag, path=(*path, "has_thumbnail")),
        created_at=_parse_moment(change.created_at, (*path, "created_at")),
        files_changed_at=_parse_moment(change.files_changed_at, (*path, "files_changed_at")),
    )
    if parsed.file_size_bytes == 0 and parsed.status is ClipStatus.COMPLETED:
        raise ValidationError("The file of a completed clip must have at least one byte.", (*path, "file_size_bytes"))
    return parsed


def _parse_moment(value: object, path: Path) -> datetime | None:
    moment: datetime | None = None if value is None else validate_value(_MOMENT, value, path=path)
    return moment


def _revalidate(cls: type[D], model: D, path: Path) -> D:
    """The model as pydantic makes it of its values; its set of given fields stays the same.

    A field that was mended when the model was read was not given: it takes its default.
    """
    fields = cls.model_fields
    mended = {one.field for one in model.mended if one.field in fields and not fields[one.field].is_required()}
    values = {name: value for name, value in model.get_values().items() if name not in mended}
    checked = validate_model(cls, values, path=path)
    given = checked.model_fields_set
    given.intersection_update(model.model_fields_set)
    return checked
