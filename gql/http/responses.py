"""HTTP errors in the shape of GraphQL responses, for requests of which no operation runs."""

from collections.abc import Mapping

import orjson
import structlog
from cross_web import HTTPException
from starlette.responses import Response
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from gql.authentication.errors import RETRY_AFTER_SECONDS, CallerRefusedError
from gql.errors import ErrorCode
from gql.http.drain import RETRY_AFTER_SECONDS as ENDING_RETRY_SECONDS
from gql.http.media_types import JSON

log = structlog.get_logger(__name__)

ALLOWED_METHODS = "GET, POST"
NO_SINGLE_ANSWER = (
    "A subscription needs a stream. Send it with `Accept: text/event-stream`, or over WebSocket (graphql-transport-ws)."
)


class MalformedRequestError(Exception):
    """A request that is no GraphQL request at all."""

    def __init__(self, status_code: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.response = error_response(status_code, reason, headers=headers)


def to_malformed_request(error: HTTPException) -> MalformedRequestError:
    """Strawberry's refusal as ours: 405 for a mutation by GET, and 406 for a subscription without a stream."""
    if isinstance(error.__cause__, InvalidOperationTypeError):
        if error.__cause__.operation_type is OperationType.SUBSCRIPTION:
            return MalformedRequestError(406, NO_SINGLE_ANSWER)
        return MalformedRequestError(405, "Send mutations by POST.", {"Allow": "POST"})
    headers = {"Allow": ALLOWED_METHODS} if error.status_code == 405 else None  # noqa: PLR2004  405 says more than a name
    return MalformedRequestError(error.status_code, error.reason, headers)


def error_response(
    status_code: int,
    message: str,
    code: ErrorCode = ErrorCode.BAD_USER_INPUT,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, str] | None = None,
) -> Response:
    """An HTTP error in the shape of a GraphQL answer, so that every client can show it."""
    body = {"errors": [{"message": message, "extensions": {"code": code, **(extensions or {})}}]}
    return Response(orjson.dumps(body), status_code=status_code, headers=headers, media_type=JSON)


def ending_response() -> Response:
    """503: this process is about to end, and another one, or the next, will answer."""
    message = "The server is shutting down. Try again in a moment."
    return error_response(503, message, ErrorCode.UNAVAILABLE, {"Retry-After": str(ENDING_RETRY_SECONDS)})


def refusal_response(error: CallerRefusedError) -> Response:
    """401 with the challenge of RFC 6750."""
    log.info("caller_refused", reason=error.reason)
    challenge = "Bearer" if error.is_missing else f'Bearer error="invalid_token", error_description="{error.reason}"'
    return error_response(401, error.reason, ErrorCode.UNAUTHENTICATED, {"WWW-Authenticate": challenge})


def outage_response() -> Response:
    """503: whether the caller's token is good cannot be said, and so neither that it is bad."""
    message = "The issuer of your token does not answer. Try again in a moment."
    return error_response(503, message, ErrorCode.UNAVAILABLE, {"Retry-After": str(RETRY_AFTER_SECONDS)})
