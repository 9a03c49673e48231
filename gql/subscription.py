"""The parts that all subscriptions share: event kinds, `after`, and the conversion of changes to events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from enum import Enum
from typing import Annotated, Any, TypeVar

import strawberry
from graphql import GraphQLError, located_error
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gql.context import Context, Info
from gql.errors import follows_too_much, log_errors, too_many_documents, too_slow, version_too_old
from gql.execution.output_meter import OutputLimitError
from gql.rate_limits.budgets import RateLimitedError
from gql.rate_limits.errors import output_limit_exceeded, rate_limited, timed_out
from gql.rate_limits.subscription_charges import SubscriptionCharges
from repositories.exceptions import (
    FollowsTooMuchError,
    SubscriberTooSlowError,
    TooManyDocumentsError,
    VersionTooOldError,
)
from repositories.listening.changes import Change, ChangeKind
from repositories.listening.read_accounts import ReadAccount
from repositories.listening.subscriptions import Subscription

T = TypeVar("T")

AfterVersion = Annotated[
    str | None,
    strawberry.argument(
        description="The last `version` that the client received, to resume with the changes after it. By"
        " default the subscription starts with the present state."
    ),
]
VERSION_DESCRIPTION = (
    "The position of the event. Opaque; later events have greater versions, compared as "
    "text. Drop an event whose version is not greater than the last one. Pass the last "
    "version as `after` to resume."
)


@strawberry.enum(description="The kind of a change, from the view of the subscriber.")
class EventKind(Enum):
    """`ChangeKind` with descriptions for clients."""

    ADDED = strawberry.enum_value(ChangeKind.ADDED, description="The object was created, or now matches the filter.")
    MODIFIED = strawberry.enum_value(ChangeKind.MODIFIED, description="The object was changed.")
    REMOVED = strawberry.enum_value(
        ChangeKind.REMOVED, description="The object was deleted, or no longer matches the filter."
    )


# A first state, and for those who come back two of the past.
STATES_TO_BEGIN, STATES_TO_RESUME = 1, 3


async def follow(
    info: Info,
    watch: Callable[[ReadAccount], Subscription],
    to_event: Callable[[Change], T],
    *,
    after: str | None,
    max_documents: int | None = None,
) -> AsyncGenerator[T, None]:
    """An event for every change, each with the loaders, the time and the reads of a request.

    The caller pays for the reads that start the subscription: states of at most `max_documents`.
    """
    context = info.context
    charges = SubscriptionCharges(context.services.budgets, context.principal)
    states = STATES_TO_BEGIN if after is None else STATES_TO_RESUME
    bound = states * (max_documents or context.services.settings.max_followed_documents)
    try:
        async with await charges.open(watch, bound) as changes:
            async for change in changes:
                await context.event.begin(
                    context.services.budgets,
                    context.principal,
                    context.loaders,
                    context.services.settings.request_timeout_seconds,
                    paid_reads=await charges.take_charged(),
                    is_prepaid=changes.is_last_prepaid,
                )
                yield to_event(change)
    except Exception as error:  # noqa: BLE001  each end has the path of its field
        raw: Any = info._raw_info  # noqa: SLF001  strawberry's own Info has no view of the field's nodes
        raise located_error(_convert_end(error), raw.field_nodes, raw.path.as_list()) from None


def _convert_end(error: Exception) -> Exception:
    """The error that tells a client why its subscription ends."""
    match error:
        case SubscriberTooSlowError():
            return too_slow()
        case VersionTooOldError():
            return version_too_old()
        case TooManyDocumentsError():
            return too_many_documents(error.limit)
        case FollowsTooMuchError():
            return follows_too_much(error.limit)
        case RateLimitedError():
            return rate_limited(error)
    return error


async def each_in_time(results: AsyncGenerator[Any, None], context: Context) -> AsyncGenerator[Any, None]:
    """The results of an operation; an event without a result in time is TIMEOUT, and the last."""
    async with aclosing(results):
        while (result := await _next_in_time(results, context)) is not None:
            yield result
            if isinstance(result, LateResult):
                return


class LateResult(ExecutionResult):
    """The end of a subscription of which an event took too long, or made too much."""


def _end(context: Context, error: GraphQLError) -> LateResult:
    """The last result; its loads are cancelled."""
    context.loaders.cancel()
    log_errors([error])
    return LateResult(data=None, errors=[error])


async def _next_in_time(results: AsyncGenerator[Any, None], context: Context) -> Any:
    """The next result, or None after the last. The deadline runs within an event, not between events."""
    try:
        async with asyncio.timeout(None) as deadline:
            context.event.deadline = deadline
            return await anext(results, None)
    except OutputLimitError as error:
        return _end(context, output_limit_exceeded(error, OperationType.SUBSCRIPTION))
    except TimeoutError:
        if not deadline.expired():
            raise
        return _end(context, timed_out(context.services.settings.request_timeout_seconds, OperationType.SUBSCRIPTION))
    finally:
        context.event.end()
