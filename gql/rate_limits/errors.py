"""The errors of limits, with the measure, the bound, the limit and the path."""

from collections.abc import Sequence

from graphql import GraphQLError
from strawberry.types.graphql import OperationType

from gql.errors import ErrorCode
from gql.execution.output_meter import OutputLimitError
from gql.rate_limits.budgets import RateLimitedError

# Fragments that multiply reach numbers that JSON cannot hold.
MOST_COUNTED = 1_000_000_000
MAY_BE_CHANGED = " Its changes may or may not be stored. Sending it again is safe."


def too_expensive(message: str, *, measure: str, bound: int, limit: int, path: Sequence[str] = ()) -> GraphQLError:
    """QUERY_TOO_EXPENSIVE; `path` leads to the dearest field, and `message` has places for both numbers."""
    bound = min(bound, MOST_COUNTED)
    where = f" The largest share is at {'.'.join(path)}." if path else ""
    return GraphQLError(
        message.format(bound=f"{bound:,}", limit=f"{limit:,}") + where,
        extensions={
            "code": ErrorCode.QUERY_TOO_EXPENSIVE,
            "measure": measure,
            "bound": bound,
            "limit": limit,
            "path": list(path),
        },
    )


_TOO_MUCH = {
    "fieldValues": "The response would have {bound} values; the limit is {limit}. Request smaller pages.",
    "responseBytes": "The response would have at least {bound} bytes; the limit is {limit}. Request less.",
    "errors": "The response would have at least {bound} errors; the limit is {limit}. The log has the first ones.",
}


def output_limit_exceeded(error: OutputLimitError, operation_type: OperationType) -> GraphQLError:
    """QUERY_TOO_EXPENSIVE for an operation stopped while it ran; for a mutation with a note on its effect."""
    refusal = too_expensive(_TOO_MUCH[error.measure], measure=error.measure, bound=error.bound, limit=error.limit)
    if operation_type is OperationType.MUTATION:
        refusal.message += MAY_BE_CHANGED
    return refusal


def rate_limited(error: RateLimitedError) -> GraphQLError:
    """RATE_LIMITED, with the seconds after which to come again."""
    extensions = {"code": ErrorCode.RATE_LIMITED, "retryAfter": error.quota.reset_seconds}
    return GraphQLError(error.message, extensions=extensions)


def timed_out(seconds: float, operation_type: OperationType) -> GraphQLError:
    """TIMEOUT. A commit that was on its way may have arrived: that is said, and that repeating it does no harm."""
    message = f"The request took more than {seconds:g} seconds and was cancelled."
    if operation_type is OperationType.MUTATION:
        message += MAY_BE_CHANGED
    return GraphQLError(message, extensions={"code": ErrorCode.TIMEOUT})


def too_many_operations(limit: int) -> GraphQLError:
    """RATE_LIMITED for one operation more on a socket than may run there at once."""
    message = f"This WebSocket runs {limit} operations, which is the limit. Wait for one to end."
    return GraphQLError(message, extensions={"code": ErrorCode.RATE_LIMITED})
