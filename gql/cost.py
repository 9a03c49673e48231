"""What a request costs in Firestore's own unit, documents read: bounded from its text before it runs, counted after."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_operation_ast,
    value_from_ast_untyped,
)
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from gql.errors import ErrorCode
from repositories.metering import Meter, metered

# Deeper than any page needs: a clip's video's clips' video … is a way to ask for everything.
MAX_DEPTH = 12
# Lists that are no connections are results of mutations, which take at most so many inputs.
MAX_PLAIN_LIST_SIZE = 200
_DOCUMENT_TYPES = frozenset({"Video", "Clip", "Node"})


@dataclass(frozen=True)
class Bound:
    """An upper bound: documents read, and fields below each other."""

    document_reads: int = 0
    depth: int = 0

    def beside(self, other: "Bound") -> "Bound":
        """The bound of both together."""
        return Bound(self.document_reads + other.document_reads, max(self.depth, other.depth))


class _Measure:
    """Walks one operation. A fragment is measured once, however often it is spread."""

    def __init__(
        self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode], variables: dict[str, Any]
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._measured: dict[str, Bound] = {}

    def measure(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None) -> Bound:
        """The bound of what is selected of one object of the type `parent`."""
        if selections is None:
            return Bound()
        bounds = (self._measure_selection(selection, parent) for selection in selections.selections)
        return reduce(Bound.beside, bounds, Bound())

    def _measure_selection(self, selection: Any, parent: GraphQLNamedType | None) -> Bound:
        if isinstance(selection, FragmentSpreadNode):
            return self._measure_fragment(self._fragments[selection.name.value])
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            narrowed = self._schema.get_type(condition.name.value) if condition else parent
            return self.measure(selection.selection_set, narrowed)
        field = getattr(parent, "fields", {}).get(selection.name.value)
        return Bound() if field is None else self._measure_field(selection, field, parent)

    def _measure_fragment(self, fragment: FragmentDefinitionNode) -> Bound:
        name = fragment.name.value
        if name not in self._measured:
            on_type = self._schema.get_type(fragment.type_condition.name.value)
            self._measured[name] = self.measure(fragment.selection_set, on_type)
        return self._measured[name]

    def _measure_field(self, node: FieldNode, field: GraphQLField, parent: GraphQLNamedType | None) -> Bound:
        named = get_named_type(field.type)
        below = self.measure(node.selection_set, named)
        is_in_page = parent is not None and parent.name.endswith(("Connection", "Edge"))
        if named.name.endswith("Connection"):
            size = self._page_size(node, field)
            return Bound(size * (1 + below.document_reads), below.depth + 1)
        own_reads = 1 if named.name in _DOCUMENT_TYPES and not is_in_page else 0
        size = MAX_PLAIN_LIST_SIZE if _is_list(field.type) and not is_in_page else 1
        return Bound(own_reads + size * below.document_reads, below.depth + 1)

    def _page_size(self, node: FieldNode, field: GraphQLField) -> int:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        for name in ("last", "first"):
            value = value_from_ast_untyped(given[name], self._variables) if name in given else None
            if isinstance(value, int):
                return max(value, 0)
        return int(field.args["first"].default_value)


def _is_list(type_: Any) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)


def bound_cost(context: ExecutionContext, schema: GraphQLSchema) -> Bound:
    """The bound of the operation that is about to run; its document must be valid."""
    document = context.graphql_document
    operation = None if document is None else get_operation_ast(document, context.operation_name)
    if document is None or not isinstance(operation, OperationDefinitionNode):
        return Bound()
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    measure = _Measure(schema, fragments, _default_variables(operation) | (context.variables or {}))
    return measure.measure(operation.selection_set, schema.get_root_type(operation.operation))


def _default_variables(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


class Cost(SchemaExtension):
    """Refuses what would cost too much, and says in `extensions.cost` what was asked for and what it came to."""

    def __init__(self, *, execution_context: ExecutionContext | None = None) -> None:
        del execution_context  # strawberry sets the attribute itself, for each request
        self._meter = Meter()
        self._bound = Bound()

    def on_operation(self) -> Iterator[None]:
        """Counts what the repositories do while the operation runs."""
        with metered(self._meter):
            yield

    def on_validate(self) -> Iterator[None]:
        """Raises QUERY_TOO_EXPENSIVE for a valid document that asks for too much."""
        yield
        context = self.execution_context
        if context.pre_execution_errors:
            return
        self._bound = bound_cost(context, context.schema._schema)  # noqa: SLF001  strawberry has no public name for it
        _assert_affordable(self._bound, context.context.services.settings.max_document_reads)

    def get_results(self) -> dict[str, Any]:
        """The costs so far, which are all of them once the operation has run."""
        actual = {
            "documentReads": self._meter.document_reads,
            "documentWrites": self._meter.document_writes,
            "rpcs": self._meter.rpcs,
        }
        return {"cost": {"requested": {"documentReads": self._bound.document_reads}, "actual": actual}}


def _assert_affordable(bound: Bound, max_document_reads: int) -> None:
    extensions = {"code": ErrorCode.QUERY_TOO_EXPENSIVE}
    if bound.depth > MAX_DEPTH:
        message = f"The query is {bound.depth} fields deep, and at most {MAX_DEPTH} are allowed."
        raise GraphQLError(message, extensions=extensions)
    if bound.document_reads > max_document_reads:
        message = (
            f"The query could read {bound.document_reads:,} documents, and at most {max_document_reads:,} are allowed: "
            "ask for smaller pages with `first`."
        )
        raise GraphQLError(message, extensions=extensions)
