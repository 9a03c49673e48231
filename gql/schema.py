"""The schema, put together from the domains; `schema.graphql` is its printed form."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from gql.clips.mutations import ClipMutations
from gql.clips.queries import ClipQueries
from gql.errors import ErrorCodes, log_errors
from gql.node import NodeQueries
from gql.user_errors import HANDLERS
from gql.videos.mutations import VideoMutations
from gql.videos.queries import VideoQueries
from gql.viewer.queries import ViewerQueries
from repositories.calls import Meter, metered


@strawberry.type(description="What can be asked.")
class Query(ViewerQueries, VideoQueries, ClipQueries, NodeQueries):
    """All root fields that read."""


@strawberry.type(description="What can be changed. Fields are null only where a request failed; refusals are types.")
class Mutation(VideoMutations, ClipMutations):
    """All root fields that write."""


class Cost(SchemaExtension):
    """`extensions.cost` says what the request cost in Firestore."""

    def __init__(self, *, execution_context: ExecutionContext | None = None) -> None:
        del execution_context  # strawberry sets the attribute itself, for each request
        self._meter = Meter()

    def on_operation(self) -> Iterator[None]:
        """Counts what the repositories do while the operation runs."""
        with metered(self._meter):
            yield

    def get_results(self) -> dict[str, Any]:
        """The counts so far, which are all of them once the operation has run."""
        meter = self._meter
        return {
            "cost": {
                "actual": {
                    "documentReads": meter.document_reads,
                    "documentWrites": meter.document_writes,
                    "rpcs": meter.rpcs,
                }
            }
        }


class Schema(strawberry.Schema):
    """Strawberry's schema, with our log of errors."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Logs what went wrong before it is masked."""
        del execution_context
        log_errors(errors)


def create_schema() -> Schema:
    """The schema with its extensions; the same for every process."""
    return Schema(
        query=Query,
        mutation=Mutation,
        extensions=[ErrorCodes, Cost],
        exception_handlers=HANDLERS,
        config=StrawberryConfig(relay_max_results=0),
    )


schema = create_schema()


def print_schema() -> str:
    """The schema in SDL, as `schema.graphql` holds it."""
    return schema.as_str().rstrip() + "\n"
