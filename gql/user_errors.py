"""Expected refusals of mutations (lane 1): a type each, and the one place that makes them from exceptions."""

from typing import Any

import strawberry
from strawberry.schema.exception_handlers import ExceptionHandler, get_exception_types

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
    """What every refusal says."""

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


class VideoNotFoundHandler(ExceptionHandler[VideoNotFoundError, VideoNotFound]):
    """`VideoNotFoundError` as a type."""

    def handle(self, exception: VideoNotFoundError, **_: Any) -> VideoNotFound:
        """The refusal to show."""
        return VideoNotFound(message=exception.message, video_id=strawberry.ID(exception.video_id))


class ClipNotFoundHandler(ExceptionHandler[ClipNotFoundError, ClipNotFound]):
    """`ClipNotFoundError` as a type."""

    def handle(self, exception: ClipNotFoundError, **_: Any) -> ClipNotFound:
        """The refusal to show."""
        return ClipNotFound(
            message=exception.message,
            video_id=strawberry.ID(exception.video_id),
            clip_id=strawberry.ID(exception.clip_id),
        )


class VideoAlreadyExistsHandler(ExceptionHandler[VideoAlreadyExistsError, VideoAlreadyExists]):
    """`VideoAlreadyExistsError` as a type."""

    def handle(self, exception: VideoAlreadyExistsError, **_: Any) -> VideoAlreadyExists:
        """The refusal to show."""
        fields = to_argument_path(exception.fields)
        return VideoAlreadyExists(
            # Without a field that differs the video is being deleted, and its own message says so.
            message=f"The video {exception.video_id!r} exists with different values of {', '.join(fields)}."
            if fields
            else exception.message,
            video_id=strawberry.ID(exception.video_id),
            fields=fields,
        )


class ClipAlreadyExistsHandler(ExceptionHandler[ClipAlreadyExistsError, ClipAlreadyExists]):
    """`ClipAlreadyExistsError` as a type."""

    def handle(self, exception: ClipAlreadyExistsError, **_: Any) -> ClipAlreadyExists:
        """The refusal to show."""
        fields = to_argument_path(exception.fields)
        return ClipAlreadyExists(
            # Without a field that differs the clip is being deleted, and its own message says so.
            message=f"The clip {exception.clip_id!r} exists with different values of {', '.join(fields)}."
            if fields
            else exception.message,
            clip_id=strawberry.ID(exception.clip_id),
            fields=fields,
        )


class InvalidInputHandler(ExceptionHandler[ValidationError, InvalidInput]):
    """`ValidationError` as a type."""

    def handle(self, exception: ValidationError, **_: Any) -> InvalidInput:
        """The refusal to show."""
        return InvalidInput(message=exception.message, path=to_argument_path(exception.path))


class InvalidStatusChangeHandler(ExceptionHandler[InvalidStatusChangeError, InvalidStatusChange]):
    """`InvalidStatusChangeError` as a type."""

    def handle(self, exception: InvalidStatusChangeError, **_: Any) -> InvalidStatusChange:
        """The refusal to show."""
        return InvalidStatusChange(
            message=exception.message, from_=exception.from_status.name, to=exception.to_status.name
        )


class FileMissingHandler(ExceptionHandler[ObjectNotFoundError, FileMissing]):
    """`ObjectNotFoundError` as a type."""

    def handle(self, exception: ObjectNotFoundError, **_: Any) -> FileMissing:
        """The refusal to show."""
        is_empty = isinstance(exception, ObjectEmptyError)
        found = "The file has 0 bytes" if is_empty else "There is no file"
        return FileMissing(message=f"{found} at {exception.key}: upload it first.", key=exception.key)


class UploadNotFoundHandler(ExceptionHandler[UploadNotFoundError, UploadNotFound]):
    """`UploadNotFoundError` as a type."""

    def handle(self, exception: UploadNotFoundError, **_: Any) -> UploadNotFound:
        """The refusal to show."""
        return UploadNotFound(
            message="The upload of this file does not exist. Begin a new one.",
            upload_id=strawberry.ID(exception.upload_id),
        )


HANDLERS: tuple[ExceptionHandler[Any, Any], ...] = (
    VideoNotFoundHandler(),
    ClipNotFoundHandler(),
    VideoAlreadyExistsHandler(),
    ClipAlreadyExistsHandler(),
    InvalidInputHandler(),
    InvalidStatusChangeHandler(),
    FileMissingHandler(),
    UploadNotFoundHandler(),
)


def find_user_error(exception: Exception) -> UserError | None:
    """The refusal that the exception is shown as, where it is a part of an answer; None for no such exception."""
    handlers: tuple[Any, ...] = HANDLERS
    for handler in handlers:
        if isinstance(exception, get_exception_types(handler)):
            refusal: UserError = handler.handle(exception)
            return refusal
    return None
