"""The schema, put together from the domains; `schema.graphql` is its printed form."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, is_abstract_type
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
from gql.errors import ErrorCode, ErrorCodes, log_errors
from gql.execution.executor import BreadthFirstExecutor
from gql.execution.introspection import DisableIntrospection
from gql.mutation import assert_guarded
from gql.node import NodeQueries
from gql.rate_limits.admission import OVERLOADED_MESSAGE, RETRY_AFTER_SECONDS
from gql.services import Services
from gql.subscription import each_in_time
from gql.uploads.mutations import UploadMutations
from gql.user_errors import HANDLERS
from gql.videos.mutations import VideoMutations
from gql.videos.queries import VideoQueries
from gql.videos.subscriptions import VideoSubscriptions
from gql.viewer.queries import ViewerQueries

DESCRIPTION = "Videos, the short clips cut out of them, and presigned URLs for their files."
DATE_TIME = replace(
    DateTimeDefinition,
    description="A time in RFC 3339's profile of ISO 8601, in UTC, such as `2026-01-31T12:00:00.123456+00:00`.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
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
    """Shows in a mutation's answer the writes of earlier mutations in the same request."""

    def on_execute(self) -> Iterator[None]:
        """Root fields of mutations run one after the other: nothing that one of them loaded may serve the next."""
        if self.execution_context.operation_type is OperationType.MUTATION:
            self.execution_context.context.loaders.disable_cache()
        yield


class ParsedOnce(SchemaExtension):
    """Skips the parsing and validation of trusted documents, and of documents in the cache."""

    _known: DocumentNode | None = None

    def on_parse(self) -> Iterator[None]:
        """A known document is there before anything is parsed."""
        context = self.execution_context
        self._known = self._find(context.query or "")
        context.graphql_document = self._known
        yield

    def on_validate(self) -> Iterator[None]:
        """A known document has no errors; one that turns out to have none is known from now on."""
        context = self.execution_context
        # Its reads depend on its variables, and may have been refused.
        if context.pre_execution_errors is None and self._known is not None:
            context.pre_execution_errors = []
        yield
        if self._known is None and not context.pre_execution_errors and context.query and context.graphql_document:
            self._services.document_cache.put(context.query, context.graphql_document)

    def _find(self, text: str) -> DocumentNode | None:
        return self._services.documents.find_parsed(text) or self._services.document_cache.get(text)

    @property
    def _services(self) -> Services:
        services: Services = self.execution_context.context.services
        return services


class OperationScope(SchemaExtension):
    """Cancels queries whose client has left, and counts operations on sockets among all that run.

    Mutations run to their end or their deadline: a client whose network breaks wants its change made, each commit is
    atomic whatever happens, and what comes after the first of several would be left for the next call to finish.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        """Holds the disconnect watcher or the request slot while the operation runs."""
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
            slot = context.services.admission.acquire()
            if slot is None:
                raise _overloaded()
            try:
                yield
            finally:
                slot.release()
        else:
            yield


def _overloaded() -> GraphQLError:
    """UNAVAILABLE, with the seconds after which to come again."""
    extensions = {"code": ErrorCode.UNAVAILABLE, "retryAfter": RETRY_AFTER_SECONDS}
    return GraphQLError(OVERLOADED_MESSAGE, extensions=extensions)


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
        """Logs the errors before they are masked."""
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


def list_possible_types() -> dict[str, list[str]]:
    """The object types of each union and interface, by name, as `possible-types.json` holds them for client caches."""
    types = schema._schema.type_map.values()  # noqa: SLF001  as above
    abstract = sorted((type_ for type_ in types if is_abstract_type(type_)), key=lambda type_: type_.name)
    return {
        type_.name: sorted(each.name for each in schema._schema.get_possible_types(type_))  # noqa: SLF001  as above
        for type_ in abstract
    }
