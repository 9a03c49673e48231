"""graphql-core's executor, but for columns (`columns.py`).

What neither graphql-core nor Strawberry documents for others is used in these two files alone, and
tests/gql/execution/test_surface.py tells when a release moves it.
"""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLList, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution.columns import Compiler
from gql.execution.leaves import Show

_Compiled = dict[tuple[int, int], tuple[FieldDetailsList, Show | None]]


class ColumnExecutor(StrawberryGraphQLCoreExecutionContext):
    """Runs what it can as columns, and leaves all else to graphql-core.

    That is what is async or of an abstract type, and whatever raised an exception: graphql-core then runs it once more,
    so that the error, its path, and what it makes null are graphql-core's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        middleware = self.middleware_manager
        self._is_plain = self.abort_signal is None and not (middleware and middleware.middlewares)
        self._compiled: _Compiled = {}

    def build_per_event_executor(self, payload: Any) -> Any:
        """The executor of one event of a subscription, which is the root value that resolvers are told."""
        executor: Any = super().build_per_event_executor(payload)
        executor._compiled = {}  # noqa: SLF001  it is one of us
        return executor

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """The field's value in the response, or an awaitable for it."""
        show = self._find(
            field_details_list, None, lambda compiler: compiler.compile_field(parent_type, field_details_list)
        )
        if show is not None:
            try:
                return show((source,))[0]
            except Exception:  # noqa: BLE001, S110  graphql-core says what is wrong
                pass
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The list in the response, or an awaitable for it."""
        show = self._find(
            field_details_list, return_type, lambda compiler: compiler.compile_values(return_type, field_details_list)
        )
        if show is not None:
            try:
                return show((result,))[0]
            except Exception:  # noqa: BLE001, S110  graphql-core says what is wrong
                pass
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def _find(
        self, details: FieldDetailsList, type_: GraphQLList[Any] | None, make: Callable[[Compiler], Show | None]
    ) -> Show | None:
        """What was compiled for these nodes, at their first object."""
        if not self._is_plain:
            return None
        key = (id(details), id(type_))
        if key not in self._compiled:
            # With the list, so that no other gets its id.
            self._compiled[key] = details, _try_compile(lambda: make(Compiler(self)))
        return self._compiled[key][1]


def _try_compile(make: Callable[[], Show | None]) -> Show | None:
    try:
        return make()
    except Exception:  # noqa: BLE001  such as an argument that cannot be: graphql-core says so, for each object
        return None
