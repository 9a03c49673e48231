"""Refuses documents that ask for too much before they are validated, which itself can cost more than running them."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_operation_ast,
    value_from_ast_untyped,
)

from gql.cost.bounds import EMPTY_BOUND, Bound, Measurer, Path
from gql.cost.introspection import MAX_INTROSPECTED
from gql.cost.overlapping_fields import count_repeats
from gql.rate_limits.errors import too_expensive
from settings import Settings

# Deeper than any page needs: a clip's video's clips' video … is a way to ask for everything.
MAX_DEPTH = 12
MAX_ALIASES = 30
MAX_ROOT_FIELDS = 10
# All operations and fragments of a document together, each with its fragments put in.
MAX_FIELDS = 2_000
# What many components select of one object each for itself, they select a few dozen times at most.
MAX_REPEATS = 50
_COSTS = {
    "documentReads": "read {bound} documents",
    "fieldValues": "return {bound} values",
    "r2Calls": "call R2 {bound} times",
}
# Validation follows chains of fragments, and Python's stack ends.
MAX_FRAGMENTS = 100


def measure_document(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
    limits: Settings,
) -> Bound:
    """The bound of the operation that is asked for; QUERY_TOO_EXPENSIVE where the document goes beyond a limit.

    The work is linear in the document's tokens, however its fragments multiply, and nothing needs to be valid.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if len(fragments) > MAX_FRAGMENTS:
        raise _over("fragments", len(fragments), MAX_FRAGMENTS)
    operation = get_operation_ast(document, operation_name)
    defaults = {} if operation is None else _read_defaults(operation)
    measurer = Measurer(schema, document, {**defaults, **variables})
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    bounds = [measurer.measure(node) for node in operations]
    chosen = EMPTY_BOUND if operation is None else bounds[operations.index(operation)]
    _assert_affordable(chosen.document_reads, limits.max_document_reads, "documentReads", chosen.reads_path)
    for bound in bounds:
        _assert_shape(bound)
    _assert_affordable(chosen.field_values, limits.max_field_values, "fieldValues", chosen.values_path)
    _assert_affordable(chosen.r2_calls, limits.max_r2_calls, "r2Calls", chosen.r2_path)
    fields = reduce(Bound.plus, bounds, measurer.measure_fragments()).fields
    if fields > MAX_FIELDS:
        raise _over("fields with fragments expanded", fields, MAX_FIELDS, measure="fields")
    for selections in (node.selection_set for node in (*operations, *fragments.values())):
        _assert_few_repeats(selections, fragments)
    return chosen


def _read_defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def _assert_shape(bound: Bound) -> None:
    if bound.depth > MAX_DEPTH:
        message = "The query is {bound} fields deep; the limit is {limit}."
        raise too_expensive(message, measure="depth", bound=bound.depth, limit=MAX_DEPTH, path=bound.depth_path)
    if bound.aliases > MAX_ALIASES:
        raise _over("aliases", bound.aliases, MAX_ALIASES)
    if bound.root_fields > MAX_ROOT_FIELDS:
        raise _over("root fields", bound.root_fields, MAX_ROOT_FIELDS)
    if bound.introspected > MAX_INTROSPECTED:
        message = "The introspection could return {bound} fields; the limit is {limit}."
        raise too_expensive(message, measure="introspection", bound=bound.introspected, limit=MAX_INTROSPECTED)


def _assert_few_repeats(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    repeats, path = count_repeats([selections], fragments)
    if repeats > MAX_REPEATS:
        message = "The query selects one field {bound} times; the limit is {limit}."
        raise too_expensive(message, measure="repeats", bound=repeats, limit=MAX_REPEATS, path=path)


def _assert_affordable(count: int, limit: int, measure: str, path: Path) -> None:
    if count > limit:
        message = f"The query could {_COSTS[measure]}; the limit is {{limit}}. Request smaller pages."
        raise too_expensive(message, measure=measure, bound=count, limit=limit, path=path)


def _over(what: str, bound: int, limit: int, *, measure: str | None = None) -> GraphQLError:
    message = f"The document has {{bound}} {what}; the limit is {{limit}}."
    return too_expensive(
        message, measure=measure or what.replace("root fields", "rootFields"), bound=bound, limit=limit
    )
