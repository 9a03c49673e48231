"""The schema, put together from the domains; `schema.graphql` is its printed form."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.execution import Executor
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from gql.clips.mutations import ClipMutations
from gql.clips.queries import ClipQueries
from gql.errors import ErrorCodes, log_errors
from gql.execution.executor import ColumnExecutor
from gql.limits.cost import Cost
from gql.mutation import assert_guarded
from gql.node import NodeQueries
from gql.secrecy import SchemaSecrecy
from gql.trusted_documents import ParsedOnce
from gql.uploads.mutations import UploadMutations
from gql.user_errors import HANDLERS
from gql.videos.mutations import VideoMutations
from gql.videos.queries import VideoQueries
from gql.viewer.queries import ViewerQueries


@strawberry.type(description="What can be asked.")
class Query(ViewerQueries, VideoQueries, ClipQueries, NodeQueries):
    """All root fields that read."""


@strawberry.type(description="What can be changed. Fields are null only where a request failed; refusals are types.")
class Mutation(VideoMutations, ClipMutations, UploadMutations):
    """All root fields that write."""


class FreshReads(SchemaExtension):
    """A mutation's answer shows what the mutations before it in the same request wrote."""

    def on_execute(self) -> Iterator[None]:
        """Root fields of mutations run one after the other: nothing that one of them loaded may serve the next."""
        if self.execution_context.operation_type is OperationType.MUTATION:
            self.execution_context.context.loaders.disable_cache()
        yield


class Schema(strawberry.Schema):
    """Strawberry's schema, with our log of errors."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Logs what went wrong before it is masked."""
        del execution_context
        log_errors(errors)


def create_schema(executor: type[Executor[Any]] = ColumnExecutor) -> Schema:
    """The schema with its extensions; the same for every process, but in tests that compare executors."""
    assert_guarded(Mutation)
    return Schema(
        query=Query,
        mutation=Mutation,
        extensions=[ErrorCodes, SchemaSecrecy, ParsedOnce, Cost, FreshReads],
        execution_context_class=executor,
        exception_handlers=HANDLERS,
        config=StrawberryConfig(relay_max_results=0),
    )


schema = create_schema()


def print_schema() -> str:
    """The schema in SDL, as `schema.graphql` holds it."""
    return schema.as_str().rstrip() + "\n"
