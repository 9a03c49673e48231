"""The cost of a request: bounded before it runs, limited by a deadline, counted and charged after it ran."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext

from gql.context import Context
from gql.cost.bounds import EMPTY_BOUND, Bound
from gql.cost.counts import CountAllowance, allowing_counts
from gql.cost.document import measure_document
from gql.cost.lexical import MAX_TOKENS, find_excess
from gql.errors import bad_user_input
from gql.execution.output_meter import MAX_ERRORS, OutputLimitError, OutputMeter, metered_output
from gql.rate_limits.budgets import SECONDS_PER_WINDOW, RateLimitedError, count_charged_reads
from gql.rate_limits.errors import output_limit_exceeded, rate_limited, timed_out
from repositories.firestore.metering import Meter, metered
from storage.lanes import R2Usage, using_r2

MAX_VALIDATION_ERRORS = 10


class Cost(SchemaExtension):
    """Refuses operations beyond a limit, and adds the requested and the actual cost to `extensions.cost`."""

    def __init__(self, *, execution_context: ExecutionContext | None = None) -> None:
        del execution_context  # strawberry sets the attribute itself, for each request
        self._meter = Meter()
        self._charged_reads = 0
        self._bound = EMPTY_BOUND
        self._output = OutputMeter()
        self._r2 = R2Usage("")
        self._counts = CountAllowance(0)

    async def on_operation(self) -> AsyncIterator[None]:
        """Counts the operation's work while it runs, and charges it, however it ends."""
        settings = self._context.services.settings
        self._output = OutputMeter(settings.max_field_values, settings.max_response_bytes, MAX_ERRORS)
        self._r2 = R2Usage(self._context.principal.caller)
        with metered(self._meter), using_r2(self._r2), metered_output(self._output), allowing_counts(self._counts):
            try:
                yield
            finally:
                await self._charge()

    def on_parse(self) -> Iterator[None]:
        """Looks at the text before it is parsed, and at the document before it is validated."""
        context, bounds = self.execution_context, self._context.services.bound_cache
        context.parse_options["max_tokens"] = MAX_TOKENS
        request = context.query or "", context.operation_name, context.variables or {}
        known = bounds.find(*request)
        if known is None and (excess := find_excess(context.query or "")) is not None:
            _refuse(context, excess)
        yield
        if context.graphql_document is None or context.pre_execution_errors:
            return
        if (unnamed := _find_unnamed(context)) is not None:
            _refuse(context, unnamed)
            return
        if known is not None:
            self._bound = known
            return
        try:
            self._bound = self._measure(context.graphql_document)
        except GraphQLError as error:
            _refuse(context, error)
        else:
            bounds.keep(*request, self._bound)

    def _measure(self, document: DocumentNode) -> Bound:
        context = self.execution_context
        return measure_document(
            context.schema._schema,  # noqa: SLF001  strawberry has no public name for it
            document,
            context.operation_name,
            context.variables or {},
            self._context.services.settings,
        )

    def on_validate(self) -> Iterator[None]:
        """Validates in Strawberry's place: each error of a hundred can take 10 ms to find similar names for."""
        context = self.execution_context
        if context.pre_execution_errors is None and context.graphql_document is not None:
            context.pre_execution_errors = validate(
                context.schema._schema,  # noqa: SLF001  strawberry has no public name for it
                context.graphql_document,
                (*context.validation_rules, MaybeNullValidationRule, OneOfInputValidationRule),
                max_errors=MAX_VALIDATION_ERRORS,
                hide_suggestions=not self._context.services.settings.has_introspection,
            )
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Cancels the operation at the deadline, which counts from the request's arrival."""
        context, budgets = self._context, self._context.services.budgets
        context.event.bound_reads = self._bound.document_reads
        self._counts.limit = context.services.settings.max_document_reads - self._bound.document_reads
        seconds = context.services.settings.request_timeout_seconds
        ends_at = context.arrived_at + seconds
        if asyncio.get_running_loop().time() >= ends_at:
            # Entered now, a timeout would still let the operation begin.
            raise timed_out(seconds, self.execution_context.operation_type)
        try:
            with budgets.running(context.principal, self._bound.document_reads):
                async with asyncio.timeout_at(ends_at) as deadline:
                    yield
                    self._encode_data()
        except RateLimitedError as error:
            raise rate_limited(error) from None
        except OutputLimitError as error:
            context.loaders.cancel()
            raise output_limit_exceeded(error, self.execution_context.operation_type) from None
        except TimeoutError:
            if not deadline.expired():
                raise
            context.loaders.cancel()
            raise timed_out(seconds, self.execution_context.operation_type) from None

    def _encode_data(self) -> None:
        """Encodes the data as JSON and counts its bytes; rendered parts are JSON already."""
        result = self.execution_context.result
        data = getattr(result, "data", None)
        if data is None:
            return
        encoded = orjson.dumps(data)
        self._output.set_bytes(len(encoded))
        cast("Any", result).data = orjson.Fragment(encoded)

    def on_stream_result(self, result: object) -> Iterator[None]:
        """Resets the counts, so that a subscription's next event starts at zero."""
        del result
        yield
        self._meter.reset()
        self._output.reset()
        self._r2.calls = self._counts.spent = 0
        self._charged_reads = 0

    async def get_results(self) -> dict[str, Any]:
        """The costs so far, which are all of them once the operation has run."""
        await self._charge()
        reads = await self._context.services.budgets.get_reads(self._context.principal)
        actual = {
            "documentReads": self._meter.document_reads,
            "documentWrites": self._meter.document_writes,
            "rpcs": self._meter.rpcs,
            "r2Calls": self._r2.calls,
            "fieldValues": self._output.field_values,
            "responseBytes": self._output.response_bytes,
        }
        throttle = {
            "maximumAvailable": reads.limit,
            "currentlyAvailable": reads.remaining,
            "restoreRate": reads.limit / SECONDS_PER_WINDOW,
            "resetsInSeconds": reads.reset_seconds,
        }
        requested = {
            "documentReads": self._bound.document_reads + self._counts.spent,
            "r2Calls": self._bound.r2_calls,
            "fieldValues": self._bound.field_values,
        }
        saved = {"documentReads": self._meter.saved_document_reads}
        return {"cost": {"requested": requested, "actual": actual, "saved": saved, "throttle": throttle}}

    async def _charge(self) -> None:
        """Charges the caller's budget for all work since the last charge."""
        reads = self._meter.document_reads - self._meter.paid_document_reads
        reads += count_charged_reads(self._r2.calls, self._output.field_values)
        await self._context.services.budgets.charge(self._context.principal, reads - self._charged_reads)
        self._charged_reads = reads

    @property
    def _context(self) -> Context:
        context: Context = self.execution_context.context
        return context


def _find_unnamed(context: ExecutionContext) -> GraphQLError | None:
    """The refusal of a document with several operations that does not say which: Strawberry would run the first."""
    assert context.graphql_document is not None  # noqa: S101  for the type checker
    definitions = context.graphql_document.definitions
    operations = sum(isinstance(node, OperationDefinitionNode) for node in definitions)
    # Strawberry's public `operation_name` is the first operation's where none was given.
    if operations < 2 or context._provided_operation_name is not None:  # noqa: PLR2004, SLF001
        return None
    return bad_user_input(f"The document has {operations} operations: pass `operationName`.")


def _refuse(context: ExecutionContext, error: GraphQLError) -> None:
    """Ends the request with this error, over HTTP as over WebSocket: an exception from here would end a socket's task.

    Strawberry goes on to the end of its preparations, and wants a document for that.
    """
    if context.graphql_document is None:
        context.graphql_document = _make_stand_in(context.operation_name)
    context.pre_execution_errors = [error]


def _make_stand_in(operation_name: str | None) -> DocumentNode:
    name = None if operation_name is None else NameNode(value=operation_name)
    selections = SelectionSetNode(selections=(FieldNode(name=NameNode(value="__typename")),))
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY, name=name, selection_set=selections, variable_definitions=(), directives=()
    )
    return DocumentNode(definitions=(operation,))
