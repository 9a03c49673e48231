"""The schema, put together from the domains; `schema.graphql` is its printed form."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.execution import Executor
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from gql.clips.mutations import ClipMutations
from gql.clips.queries import ClipQueries
from gql.clips.subscriptions import ClipSubscriptions
from gql.context import Context
from gql.cost.extension import Cost
from gql.errors import ErrorCodes, log_errors
from gql.execution.executor import BreadthFirstExecutor
from gql.http.limits.in_flight import OperationScope
from gql.introspection import DisableIntrospection
from gql.mutation import assert_guarded
from gql.node import NodeQueries
from gql.rate_limits.event_scope import each_in_time
from gql.trusted_documents import ParsedOnce
from gql.uploads.mutations import UploadMutations
from gql.user_errors import HANDLERS
from gql.videos.mutations import VideoMutations
from gql.videos.queries import VideoQueries
from gql.videos.subscriptions import VideoSubscriptions
from gql.viewer.queries import ViewerQueries

DESCRIPTION = "Videos, the short clips cut out of them, and presigned URLs for their files."
DATE_TIME = replace(
    DateTimeDefinition,
    description="A time in ISO 8601 format with a UTC offset, such as `2026-01-31T12:00:00+00:00`.",
)


@strawberry.type(description="The root of all reads.")
class Query(ViewerQueries, VideoQueries, ClipQueries, NodeQueries):
    """All root fields that read."""


@strawberry.type(
    description="The root of all writes. A field is null only if the request failed; expected "
    "refusals are members of its result union."
)
class Mutation(VideoMutations, ClipMutations, UploadMutations):
    """All root fields that write."""


@strawberry.type(
    description="The root of all live updates, over WebSocket (graphql-transport-ws) or server-sent events."
)
class Subscription(VideoSubscriptions, ClipSubscriptions):
    """All root fields that go on telling."""


class FreshReads(SchemaExtension):
    """A mutation's answer shows what the mutations before it in the same request wrote."""

    def on_execute(self) -> Iterator[None]:
        """Root fields of mutations run one after the other: nothing that one of them loaded may serve the next."""
        if self.execution_context.operation_type is OperationType.MUTATION:
            self.execution_context.context.loaders.disable_cache()
        yield


class Schema(strawberry.Schema):
    """Strawberry's schema, with our log of errors, and a time for each event of a subscription."""

    async def execute(  # type: ignore[override]  # these are passed by name
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        *,
        allowed_operation_types: Iterable[OperationType] | None = None,
        **given: Any,
    ) -> ExecutionResult:
        """The one result of a query or a mutation; subscriptions have more, for which there is `stream`."""
        allowed = set(OperationType if allowed_operation_types is None else allowed_operation_types)
        allowed.discard(OperationType.SUBSCRIPTION)
        return await super().execute(query, variable_values, allowed_operation_types=allowed, **given)

    async def stream(  # type: ignore[override]  # these are passed by name
        self, query: str | None, *, context_value: Context, **given: Any
    ) -> AsyncGenerator[Any, None]:
        """The results of any operation, one after the other."""
        results = await super().stream(query, context_value=context_value, **given)
        return each_in_time(results, context_value)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Logs what went wrong before it is masked."""
        del execution_context
        log_errors(errors)


def create_schema(executor: type[Executor[Any]] = BreadthFirstExecutor) -> Schema:
    """The schema with its extensions; the same for every process, but in tests that compare executors."""
    assert_guarded(Mutation)
    made = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[ErrorCodes, DisableIntrospection, ParsedOnce, OperationScope, Cost, FreshReads],
        execution_context_class=executor,
        exception_handlers=HANDLERS,
        config=StrawberryConfig(relay_max_results=0, scalar_map={datetime: DATE_TIME}),
    )
    made._schema.description = DESCRIPTION  # noqa: SLF001  strawberry has no public name for it
    return made


schema = create_schema()


def print_schema() -> str:
    """The schema in SDL, as `schema.graphql` holds it."""
    head = f'"""{DESCRIPTION}"""\nschema {{\n  query: Query\n  mutation: Mutation\n  subscription: Subscription\n}}'
    return f"{head}\n\n{schema.as_str().rstrip()}\n"
