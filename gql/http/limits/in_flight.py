"""What holds while an operation runs: its client is there, and it is one of those that may run at once."""

from collections.abc import AsyncIterator

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from gql.context import Context
from gql.errors import ErrorCode
from gql.http.limits.admission import OVERLOADED_MESSAGE, RETRY_AFTER_SECONDS


class OperationScope(SchemaExtension):
    """Cancels queries whose client has left, and counts operations on sockets among all that run.

    Mutations run to their end or their deadline: a client whose network breaks wants its change made, each commit is
    atomic whatever happens, and what comes after the first of several would be left for the next call to finish.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        """Holds what there is to hold, and lets go of it."""
        context: Context = self.execution_context.context
        operation_type = self.execution_context.operation_type
        if context.disconnect_watcher is not None and operation_type is OperationType.QUERY:
            try:
                async with context.disconnect_watcher.cancelling_on_disconnect():
                    yield
            finally:
                if context.disconnect_watcher.is_disconnected:
                    context.loaders.cancel()
        elif context.is_on_socket and operation_type is not OperationType.SUBSCRIPTION:
            slot = context.services.admission.take()
            if slot is None:
                raise _overloaded()
            try:
                yield
            finally:
                slot.leave()
        else:
            yield


def _overloaded() -> GraphQLError:
    """UNAVAILABLE, with the seconds after which to come again."""
    extensions = {"code": ErrorCode.UNAVAILABLE, "retryAfter": RETRY_AFTER_SECONDS}
    return GraphQLError(OVERLOADED_MESSAGE, extensions=extensions)
