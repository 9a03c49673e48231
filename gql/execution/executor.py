"""graphql-core's executor, which renders fields in batches where it can (`compiler.py`).

Undocumented names of graphql-core and Strawberry are used in this folder alone, and
tests/gql/execution/test_executor.py fails when a release moves them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import orjson
from graphql import (
    DocumentNode,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    Undefined,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.execution.checkpoints import checkpoint, close_if_abandoned, run_with_checkpoints
from gql.execution.compiler import Compiler, FieldPlan, Starter
from gql.execution.output_meter import OutputMeter, get_output_meter
from gql.execution.time_slices import wait_for_time_slice

T = TypeVar("T")
# A number, a boolean or null in JSON, with what is around it.
BYTES_PER_SCALAR = 4
# By the nodes' list, which is kept as well so that no other gets its id, and the type of a list's items.
_Compiled = dict[tuple[int, int], tuple[FieldDetailsList, T | None]]


class CoreExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, which suggests no names to a caller who may not see the schema.

    Strawberry has no option for that: it calls graphql-core's `execute` and `subscribe`, and these call `build`.
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


class BreadthFirstExecutor(CoreExecutor):
    """Renders fields for many objects at once where it can, and leaves all else to graphql-core.

    Abstract types are left to it, and every failure: graphql-core then runs the field again, so that the error, its
    path and the nulls are graphql-core's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        middleware = self.middleware_manager
        self._output = get_output_meter()
        self._is_plain = self.abort_signal is None and not (middleware and middleware.middlewares)
        self._reset_plans()

    def _reset_plans(self) -> None:
        self._plans: _Compiled[FieldPlan] = {}
        self._starters: _Compiled[Starter] = {}

    def build_per_event_executor(self, payload: Any) -> Any:
        """The executor of one event of a subscription."""
        executor: Any = super().build_per_event_executor(payload)
        # It is a copy with the same dictionaries, which would grow with every event; and resolvers were told the root
        # value, which is the event.
        executor._reset_plans()  # noqa: SLF001  it is one of us
        executor._relevant_sub_fields = {}  # noqa: SLF001  as above
        return executor

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """The response. References back to the executor are cleared: both are freed without the garbage collector."""
        response = super().build_response(data)
        self._reset_plans()
        self.async_helpers = cast("Any", None)
        return response

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
        checkpoint()
        plan = self._get_compiled(
            self._plans, details, None, lambda compiler: compiler.compile_field(parent_type, details)
        )
        self._output.count_values(1 if plan is None else plan.cost)
        if plan is not None and (rendered := self._render(plan, source)) is not Undefined:
            return rendered
        start = self._get_compiled(
            self._starters, details, None, lambda compiler: compiler.compile_async_field(parent_type, details)
        )
        if start is None:
            return close_if_abandoned(super().execute_field(parent_type, source, details, path, position_context))
        info, coroutine = start(source, path)
        return self.complete_awaitable_value(info.return_type, details, info, path, coroutine, position_context)

    def execute_fields(self, *args: Any, **kwargs: Any) -> Any:
        """The object in the response, or an awaitable for it."""
        return close_if_abandoned(super().execute_fields(*args, **kwargs))

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
        plan = self._get_compiled(
            self._plans, details, return_type, lambda compiler: compiler.compile_values(return_type, details)
        )
        if plan is not None and (rendered := self._render(plan, result)) is not Undefined:
            return rendered
        return close_if_abandoned(
            super().complete_list_value(return_type, details, info, path, result, position_context)
        )

    def complete_list_item_value(self, item: Any, complete_results: list[Any], *args: Any) -> bool:
        """Appends the item in the response, or an awaitable for it: then the answer is true."""
        is_awaitable = super().complete_list_item_value(item, complete_results, *args)
        if is_awaitable:
            close_if_abandoned(complete_results[-1])
        return is_awaitable

    def complete_awaitable_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """An awaitable for the field's value in the response."""
        completed = self._complete_later(return_type, field_details_list, info, path, result, position_context)
        close_if_abandoned(result)
        return close_if_abandoned(completed)

    async def _complete_later(
        self,
        return_type: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The completed value, as graphql-core's coroutine makes it, with checkpoints."""
        try:
            resolved = await self.with_abort_signal(result)
            await wait_for_time_slice()
            complete = partial(self.complete_value, return_type, details, info, path, resolved, position_context)
            completed = await run_with_checkpoints(complete)
            return await completed if self.is_awaitable(completed) else completed
        except Exception as error:  # noqa: BLE001  graphql-core knows which null it becomes
            self.handle_field_error(error, return_type, details, path)
            return None

    def handle_field_error(self, *args: Any) -> None:
        """Notes the error, or raises it where the value may not be null."""
        self._output.count_error()
        super().handle_field_error(*args)

    def _render(self, plan: FieldPlan, source: Any) -> Any:
        """The one value; Undefined if graphql-core has to run the field."""
        values, size_bytes = self._output.field_values, self._output.response_bytes
        try:
            rendered, rendered_bytes = _encode(plan.render((source,))[0])
        except Exception:  # noqa: BLE001  graphql-core says what is wrong
            self._output.field_values, self._output.response_bytes = values, size_bytes
            return Undefined
        if rendered_bytes is not None:
            self._output.set_bytes(size_bytes + rendered_bytes)
        return rendered

    def _get_compiled(
        self,
        compiled: _Compiled[T],
        details: FieldDetailsList,
        type_: GraphQLList[Any] | None,
        make: Callable[[Compiler], T | None],
    ) -> T | None:
        """The plan or starter of these nodes, compiled on first use."""
        key = (id(details), id(type_))
        if key not in compiled:
            compiled[key] = details, _try_compile(self, self._output, make) if self._is_plain else None
        return compiled[key][1]


def _encode(rendered: Any) -> tuple[Any, int | None]:
    """The value, a list or an object as JSON, and its bytes there, of text at least; None where they are counted."""
    if type(rendered) is list or type(rendered) is dict:
        encoded = orjson.dumps(rendered)
        return orjson.Fragment(encoded), len(encoded)
    if type(rendered) is orjson.Fragment:
        return rendered, None
    return rendered, len(rendered) + 2 if type(rendered) is str else BYTES_PER_SCALAR


def _try_compile(executor: BreadthFirstExecutor, output: OutputMeter, make: Callable[[Compiler], T | None]) -> T | None:
    try:
        return make(Compiler(executor, output))
    except Exception:  # noqa: BLE001  such as an argument that cannot be: graphql-core says so, for each object
        return None
