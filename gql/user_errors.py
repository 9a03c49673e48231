"""Expected refusals of mutations (lane 1): a type each, and one table from domain exceptions to these types."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry
from strawberry.schema.exception_handlers import ExceptionHandler

from gql.errors import to_argument_path
from repositories.exceptions import (
    ClipAlreadyExistsError,
    ClipNotFoundError,
    InvalidStatusChangeError,
    ValidationError,
    VideoAlreadyExistsError,
    VideoNotFoundError,
)
from storage.exceptions import ObjectEmptyError, ObjectNotFoundError, UploadNotFoundError


@strawberry.interface(description="An expected refusal, on which a client can act. Nothing was changed.")
class UserError:
    """The interface of all refusals."""

    message: str = strawberry.field(description="The reason and the remedy, for people.")


@strawberry.type(description="The video does not exist.")
class VideoNotFound(UserError):
    """Refused: the video does not exist."""

    video_id: strawberry.ID = strawberry.field(description="The id that was not found.")


@strawberry.type(description="The clip does not exist.")
class ClipNotFound(UserError):
    """Refused: the clip does not exist."""

    video_id: strawberry.ID = strawberry.field(description="The id of the video that was searched.")
    clip_id: strawberry.ID = strawberry.field(description="The id that was not found.")


@strawberry.type(description="A different video with this id exists, or the video with this id is being deleted.")
class VideoAlreadyExists(UserError):
    """Refused: the id is taken by other content."""

    video_id: strawberry.ID = strawberry.field(description="The id that is in use.")
    fields: list[str] = strawberry.field(
        description="The names of the fields that differ; empty if the object is being deleted."
    )


@strawberry.type(description="A different clip with this id exists, or the clip with this id is being deleted.")
class ClipAlreadyExists(UserError):
    """Refused: the id is taken by other content."""

    clip_id: strawberry.ID = strawberry.field(description="The id that is in use.")
    fields: list[str] = strawberry.field(
        description="The names of the fields that differ; empty if the object is being deleted."
    )


@strawberry.type(description="An input value is not valid.")
class InvalidInput(UserError):
    """Refused: a value is out of bounds."""

    path: list[str] = strawberry.field(
        description='The path from `input` to the value, such as `["clips", "3", "startTime"]`.'
    )


@strawberry.type(description="The status transition is not allowed.")
class InvalidStatusChange(UserError):
    """Refused: the state machine has no such step."""

    from_: str = strawberry.field(name="from", description="The present status.")
    to: str = strawberry.field(description="The requested status.")


@strawberry.type(
    description="The file is not in R2, or empty. COMPLETED requires it: upload the file, then call again."
)
class FileMissing(UserError):
    """Refused: the clip's file is not in the bucket."""

    key: str = strawberry.field(description="The key at which the file is expected.")


@strawberry.type(description="The multipart upload does not exist: it was aborted, or never begun. Begin a new one.")
class UploadNotFound(UserError):
    """Refused: the upload is not there, and neither is its file."""

    upload_id: strawberry.ID = strawberry.field(description="The id that was not found.")


def _to_video_already_exists(error: VideoAlreadyExistsError) -> VideoAlreadyExists:
    fields = to_argument_path(error.fields)
    return VideoAlreadyExists(
        # Without a field that differs the video is being deleted, and its own message says so.
        message=f"The video {error.video_id!r} exists with different values of {', '.join(fields)}."
        if fields
        else error.message,
        video_id=strawberry.ID(error.video_id),
        fields=fields,
    )


def _to_clip_already_exists(error: ClipAlreadyExistsError) -> ClipAlreadyExists:
    fields = to_argument_path(error.fields)
    return ClipAlreadyExists(
        # Without a field that differs the clip is being deleted, and its own message says so.
        message=f"The clip {error.clip_id!r} exists with different values of {', '.join(fields)}."
        if fields
        else error.message,
        clip_id=strawberry.ID(error.clip_id),
        fields=fields,
    )


def _to_file_missing(error: ObjectNotFoundError) -> FileMissing:
    found = "The file has 0 bytes" if isinstance(error, ObjectEmptyError) else "There is no file"
    return FileMissing(message=f"{found} at {error.key}: upload it first.", key=error.key)


E = TypeVar("E", bound=Exception)
U = TypeVar("U", bound=UserError)


class Handler(ExceptionHandler[E, U]):
    """One row of the table below: a domain exception, its type in the schema, and the conversion."""

    def __init__(self, exception_type: type[E], error_type: type[U], convert: Callable[[E], U]) -> None:
        self.exception_type = exception_type
        self.error_type = error_type
        self._convert = convert

    def handle(self, exception: E, **_: Any) -> U:
        """The exception as its type in the schema."""
        return self._convert(exception)


HANDLERS: tuple[Handler[Any, Any], ...] = (
    Handler(
        VideoNotFoundError,
        VideoNotFound,
        lambda error: VideoNotFound(message=error.message, video_id=strawberry.ID(error.video_id)),
    ),
    Handler(
        ClipNotFoundError,
        ClipNotFound,
        lambda error: ClipNotFound(
            message=error.message, video_id=strawberry.ID(error.video_id), clip_id=strawberry.ID(error.clip_id)
        ),
    ),
    Handler(VideoAlreadyExistsError, VideoAlreadyExists, _to_video_already_exists),
    Handler(ClipAlreadyExistsError, ClipAlreadyExists, _to_clip_already_exists),
    Handler(
        ValidationError,
        InvalidInput,
        lambda error: InvalidInput(message=error.message, path=to_argument_path(error.path)),
    ),
    Handler(
        InvalidStatusChangeError,
        InvalidStatusChange,
        lambda error: InvalidStatusChange(message=error.message, from_=error.from_status.name, to=error.to_status.name),
    ),
    Handler(ObjectNotFoundError, FileMissing, _to_file_missing),
    Handler(
        UploadNotFoundError,
        UploadNotFound,
        lambda error: UploadNotFound(
            message="The upload of this file does not exist. Begin a new one.", upload_id=strawberry.ID(error.upload_id)
        ),
    ),
)
"""The one table from domain exceptions to types of the schema; an exception takes the first row that fits."""


def find_user_error(exception: Exception) -> UserError | None:
    """The exception as its type in the schema; None for an exception that the table has no row for."""
    for handler in HANDLERS:
        if isinstance(exception, handler.exception_type):
            refusal: UserError = handler.handle(exception)
            return refusal
    return None
