"""graphql-core's executor, but for columns (`columns.py`).

What neither graphql-core nor Strawberry documents for others is used in this folder alone, and
tests/gql/execution/test_surface.py tells when a release moves it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from graphql import DocumentNode, GraphQLList, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution.columns import Column, Compiler, Start

T = TypeVar("T")
# By the nodes' list, which is kept as well so that no other gets its id, and the type of a list's items.
_Compiled = dict[tuple[int, int], tuple[FieldDetailsList, T | None]]


class CoreExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's, that finds no similar names for a caller who is not told the schema.

    Strawberry has no way to say so: it calls graphql-core's `execute` and `subscribe`, and these call `build`.
    """

    @classmethod
    def build(  # type: ignore[override]  # graphql-core passes the rest by position or by name, as it likes
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root: Any = None,
        context: Any = None,
        *args: Any,
        **given: Any,
    ) -> Any:
        """The executor, or the errors of the variables."""
        given["hide_suggestions"] = getattr(context, "hides_suggestions", False)
        return super().build(schema, document, root, context, *args, **given)


class ColumnExecutor(CoreExecutor):
    """Runs what it can as columns, and leaves all else to graphql-core.

    That is what has an abstract type, and whatever raised an exception: graphql-core then runs it once more, so that
    the error, its path, and what it makes null are graphql-core's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        middleware = self.middleware_manager
        self._is_plain = self.abort_signal is None and not (middleware and middleware.middlewares)
        self._forget()

    def _forget(self) -> None:
        self._shows: _Compiled[Column] = {}
        self._starts: _Compiled[Start] = {}

    def build_per_event_executor(self, payload: Any) -> Any:
        """The executor of one event of a subscription."""
        executor: Any = super().build_per_event_executor(payload)
        # It is a copy with the same dictionaries, which would grow with every event; and resolvers were told the root
        # value, which is the event.
        executor._forget()  # noqa: SLF001  it is one of us
        executor._relevant_sub_fields = {}  # noqa: SLF001  as above
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
        details = field_details_list
        column = self._find(self._shows, details, None, lambda compiler: compiler.compile_field(parent_type, details))
        if column is not None:
            try:
                return column.show((source,))[0]
            except Exception:  # noqa: BLE001, S110  graphql-core says what is wrong
                pass
        start = self._find(
            self._starts, details, None, lambda compiler: compiler.compile_async_field(parent_type, details)
        )
        if start is None:
            return super().execute_field(parent_type, source, details, path, position_context)
        info, coroutine = start(source, path)
        return self.complete_awaitable_value(info.return_type, details, info, path, coroutine, position_context)

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
        details = field_details_list
        column = self._find(
            self._shows, details, return_type, lambda compiler: compiler.compile_values(return_type, details)
        )
        if column is not None:
            try:
                return column.show((result,))[0]
            except Exception:  # noqa: BLE001, S110  graphql-core says what is wrong
                pass
        return super().complete_list_value(return_type, details, info, path, result, position_context)

    def _find(
        self,
        compiled: _Compiled[T],
        details: FieldDetailsList,
        type_: GraphQLList[Any] | None,
        make: Callable[[Compiler], T | None],
    ) -> T | None:
        """What was compiled for these nodes when they were first asked for."""
        key = (id(details), id(type_))
        if key not in compiled:
            compiled[key] = details, _try_compile(self, make) if self._is_plain else None
        return compiled[key][1]


def _try_compile(executor: ColumnExecutor, make: Callable[[Compiler], T | None]) -> T | None:
    try:
        return make(Compiler(executor))
    except Exception:  # noqa: BLE001  such as an argument that cannot be: graphql-core says so, for each object
        return None
