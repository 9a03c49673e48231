"""What all subscriptions share: kinds of events, where to go on, and how changes become events."""

from collections.abc import AsyncGenerator, Callable
from enum import Enum
from typing import Annotated, TypeVar

import strawberry

from gql.context import Info
from gql.errors import too_slow, version_too_old
from gql.rate_limits.budgets import RateLimitedError
from gql.rate_limits.errors import rate_limited
from repositories.exceptions import SubscriberTooSlowError, VersionTooOldError
from repositories.listening.changes import Change, ChangeKind
from repositories.listening.subscriptions import Subscription

T = TypeVar("T")

AfterVersion = Annotated[
    str | None,
    strawberry.argument(
        description="The last `version` that the client has: what came after it is told. Without it, all that is there."
    ),
]
VERSION_DESCRIPTION = (
    "Opaque, and greater than those of all events before it, compared as text. "
    "Drop an event whose version is not greater than the last; pass the last as `after` to go on from it."
)


@strawberry.enum(description="What has become of an object, as the subscriber sees it.")
class EventKind(Enum):
    """`ChangeKind` with descriptions for clients."""

    ADDED = strawberry.enum_value(ChangeKind.ADDED, description="It is there, or is so by now that it is to be seen.")
    MODIFIED = strawberry.enum_value(ChangeKind.MODIFIED, description="It has changed.")
    REMOVED = strawberry.enum_value(
        ChangeKind.REMOVED, description="It is gone, or is so by now that it is not to be seen."
    )


async def follow(
    info: Info, watch: Callable[[], Subscription], to_event: Callable[[Change], T]
) -> AsyncGenerator[T, None]:
    """An event for every change, each with the loaders, the time and the reads of a request."""
    context = info.context
    async with watch() as changes:
        try:
            async for change in changes:
                await context.event.begin(context)
                yield to_event(change)
        except SubscriberTooSlowError:
            raise too_slow() from None
        except VersionTooOldError:
            raise version_too_old() from None
        except RateLimitedError as error:
            raise rate_limited(error) from None
