"""The request's own errors (lane 3) and ours (lane 4): `errors[].extensions.code`, from a closed list.

Expected refusals of mutations (lane 1) are types: see `user_errors.py`. A read that finds nothing (lane 2) is null.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import structlog
from graphql import GraphQLError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext

from repositories.exceptions import UnavailableError, ValidationError
from storage.exceptions import StorageUnavailableError

log = structlog.get_logger(__name__)


class ErrorCode(StrEnum):
    """Every value that `errors[].extensions.code` can have."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    QUERY_TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"
    RATE_LIMITED = "RATE_LIMITED"
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    VERSION_TOO_OLD = "VERSION_TOO_OLD"
    TOO_SLOW = "TOO_SLOW"
    TOO_MANY_DOCUMENTS = "TOO_MANY_DOCUMENTS"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


# A message may quote what the caller sent, which may have a megabyte.
MAX_MESSAGE_CHARACTERS = 1_000
# Of a log line; aliases may be long.
MAX_PATH_CHARACTERS = 512

MASKED_MESSAGES = {
    ErrorCode.UNAVAILABLE: "A backend service does not answer. Try again in a moment.",
    ErrorCode.INTERNAL: "An internal error occurred. The log has its cause under the request's id.",
}


def bad_user_input(message: str, *, path: Sequence[str] = ()) -> GraphQLError:
    """The error for a malformed argument; `path` leads to it, in the schema's names."""
    extensions: dict[str, Any] = {"code": ErrorCode.BAD_USER_INPUT}
    if path:
        extensions["argumentPath"] = list(path)
    return GraphQLError(message, extensions=extensions)


def forbidden(message: str) -> GraphQLError:
    """The error for an action that the caller may not do."""
    return GraphQLError(message, extensions={"code": ErrorCode.FORBIDDEN})


def unauthenticated(message: str) -> GraphQLError:
    """The error for a caller whose token has expired."""
    return GraphQLError(message, extensions={"code": ErrorCode.UNAUTHENTICATED})


def version_too_old() -> GraphQLError:
    """The error for a subscription whose `after` is older than the changes that are known."""
    message = "The changes after this version are no longer available. Drop your state and subscribe without `after`."
    return GraphQLError(message, extensions={"code": ErrorCode.VERSION_TOO_OLD})


def too_slow() -> GraphQLError:
    """The error for a subscriber that fell too far behind."""
    message = "You fell too far behind. Subscribe again, passing your last `version` as `after`."
    return GraphQLError(message, extensions={"code": ErrorCode.TOO_SLOW})


def too_many_documents(limit: int) -> GraphQLError:
    """The error for a subscription to more documents than can be followed at once."""
    message = f"The subscription has more than {limit:,} objects, which is the limit. Query pages instead."
    return GraphQLError(message, extensions={"code": ErrorCode.TOO_MANY_DOCUMENTS, "limit": limit})


def follows_too_much(limit: int) -> GraphQLError:
    """The error for a subscription of a caller that has as many objects in memory as allowed."""
    message = f"Your subscriptions have {limit:,} objects, which is the limit. End one before you subscribe again."
    return GraphQLError(message, extensions={"code": ErrorCode.TOO_MANY_DOCUMENTS, "limit": limit})


def document_not_trusted(message: str) -> GraphQLError:
    """The error for a document that is not one of the manifest's."""
    return GraphQLError(message, extensions={"code": ErrorCode.DOCUMENT_NOT_TRUSTED})


# Of one answer's errors: each line takes some 0.3 ms, and the first say what is wrong with the others.
MAX_LOGGED = 20
_FIELD_NAME = re.compile(r"[a-z][a-z0-9]*+(?:_[a-z0-9]++)*+")
# What the schema calls otherwise than the models do.
SCHEMA_NAMES = {"video_title": "title", "scene_title": "title", "scene_description": "description", "cursor": "after"}


def to_schema_name(name: str) -> str:
    """A model's field as the schema names it: `start_time` as `startTime`. A key of a map stays as it is."""
    if not _FIELD_NAME.fullmatch(name):
        return name
    first, *rest = SCHEMA_NAMES.get(name, name).split("_")
    return first + "".join(word.title() for word in rest)


def to_argument_path(path: Sequence[str | int]) -> list[str]:
    """A model's path, such as `("clips", 3, "start_time")`, in the schema's names."""
    return [str(part) if isinstance(part, int) else to_schema_name(part) for part in path]


# Over WebSocket, Strawberry wraps these; over HTTP they are answers of the view's.
_CALLERS_FAULT = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError)


def convert_error(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as a client may see it: always with a code, and without anything of ours inside."""
    cause = error.original_error
    if isinstance(cause, ValidationError):
        converted = bad_user_input(cause.message, path=to_argument_path(cause.path))
        return _relocate(error, converted.message, converted.extensions)
    if cause is None or isinstance(cause, _CALLERS_FAULT):
        extensions = {"code": ErrorCode.BAD_USER_INPUT, **(error.extensions or {})}
        return _relocate(error, error.message, extensions)
    is_outage = isinstance(cause, UnavailableError | StorageUnavailableError)
    code = ErrorCode.UNAVAILABLE if is_outage else ErrorCode.INTERNAL
    return _relocate(error, MASKED_MESSAGES[code], {"code": code, "requestId": request_id})


def _relocate(error: GraphQLError, message: str, extensions: dict[str, Any] | None) -> GraphQLError:
    return GraphQLError(
        message[:MAX_MESSAGE_CHARACTERS],
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


class ErrorCodes(MaskErrors):
    """Every error of a response has a code, and lane 4 says one fixed sentence only."""

    def __init__(self, *, execution_context: ExecutionContext | None = None) -> None:
        del execution_context  # strawberry sets the attribute itself, for each request
        super().__init__(should_mask_error=lambda _: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """Replaces `error` with its masked form, see `convert_error`."""
        context = self.execution_context.context
        return convert_error(error, context.request_id)


def log_errors(errors: Sequence[GraphQLError]) -> None:
    """Writes a log line an error: lane 4 with its traceback, lane 3 as information. Of many, the first, and a count."""
    codes = [convert_error(error, request_id="").extensions["code"] for error in errors]  # type: ignore[index]  # set by convert_error
    for error, code in zip(errors[:MAX_LOGGED], codes, strict=False):
        path = ".".join(str(part) for part in error.path or ())[:MAX_PATH_CHARACTERS]
        if code in MASKED_MESSAGES:
            log.error("resolver_failed", code=code, path=path, exc_info=error.original_error)
        else:
            log.info("request_refused", code=code, path=path)
    if left_out := Counter(codes[MAX_LOGGED:]):
        log.warning("errors_left_out", counts={str(code): count for code, count in left_out.items()})
