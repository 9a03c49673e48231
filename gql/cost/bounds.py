"""Measures an operation from its document alone, in one walk in which each fragment is measured once.

The document is not validated yet: unknown fields cost nothing, and validation will refuse them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from graphlib import CycleError, TopologicalSorter
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)

from gql.cost.field_use import FieldUse
from gql.cost.field_values import count_values
from gql.cost.firestore_reads import COUNT_FIELD, count_reads
from gql.cost.introspection import IntrospectionSizes
from gql.cost.r2_calls import count_r2_calls
from gql.errors import bad_user_input

Path = tuple[str, ...]


@dataclass(frozen=True)
class Bound:
    """Upper bounds of a selection with its fragments expanded: its reads, and its work."""

    document_reads: int = 0
    # Of these, what is read once for a page, and not for each of its objects.
    page_reads: int = 0
    reads_path: Path = ()
    field_values: int = 0
    # Of these, what is made once for a page, as above.
    page_values: int = 0
    values_path: Path = ()
    r2_calls: int = 0
    r2_path: Path = ()
    depth: int = 0
    depth_path: Path = ()
    fields: int = 0
    aliases: int = 0
    root_fields: int = 0
    introspected: int = 0

    def plus(self, other: "Bound") -> "Bound":
        """The bound of both together."""
        dearer = self if self.document_reads >= other.document_reads else other
        larger = self if self.field_values >= other.field_values else other
        farther = self if self.r2_calls >= other.r2_calls else other
        deeper = self if self.depth >= other.depth else other
        return Bound(
            document_reads=self.document_reads + other.document_reads,
            page_reads=self.page_reads + other.page_reads,
            reads_path=dearer.reads_path,
            field_values=self.field_values + other.field_values,
            page_values=self.page_values + other.page_values,
            values_path=larger.values_path,
            r2_calls=self.r2_calls + other.r2_calls,
            r2_path=farther.r2_path,
            depth=deeper.depth,
            depth_path=deeper.depth_path,
            fields=self.fields + other.fields,
            aliases=self.aliases + other.aliases,
            root_fields=self.root_fields + other.root_fields,
            introspected=self.introspected + other.introspected,
        )


EMPTY_BOUND = Bound()


@dataclass
class Measurer:
    """Measures the operations of one document."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: dict[str, Any]
    _fragments: dict[str, Bound] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Measures the fragments, those that others spread first; BAD_USER_INPUT where they go in circles."""
        named = {
            node.name.value: node for node in self.document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        for fragment in _sort(named):
            on_type = self.schema.get_type(fragment.type_condition.name.value)
            self._fragments[fragment.name.value] = self._measure_set(fragment.selection_set, on_type)

    def measure(self, operation: OperationDefinitionNode) -> Bound:
        """The bound of an operation."""
        return self._measure_set(operation.selection_set, self.schema.get_root_type(operation.operation))

    def measure_fragments(self) -> Bound:
        """The bound of all fragments together: validation looks at each, spread or not."""
        return reduce(Bound.plus, self._fragments.values(), EMPTY_BOUND)

    def _measure_set(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None) -> Bound:
        if selections is None:
            return EMPTY_BOUND
        bounds = (self._measure_selection(selection, parent) for selection in selections.selections)
        return reduce(Bound.plus, bounds, EMPTY_BOUND)

    def _measure_selection(self, selection: SelectionNode, parent: GraphQLNamedType | None) -> Bound:
        if isinstance(selection, FragmentSpreadNode):
            # One that is missing counts as well, or else it could be spread without end.
            return self._fragments.get(selection.name.value, Bound(fields=1))
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            narrowed = self.schema.get_type(condition.name.value) if condition else parent
            return self._measure_set(selection.selection_set, narrowed)
        assert isinstance(selection, FieldNode)  # noqa: S101  there is no fourth kind
        return self._measure_field(selection, parent)

    def _measure_field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Bound:
        name = node.name.value
        definition = self._find_field(parent, name)
        named = None if definition is None else get_named_type(definition.type)
        below = self._measure_set(node.selection_set, named)
        if named is not None and named.name.startswith("__"):
            return self._measure_introspection(node, below)
        own = EMPTY_BOUND if definition is None else self._measure_own(node, definition, parent, below)
        return replace(
            own,
            depth=below.depth + 1,
            depth_path=(name, *below.depth_path),
            fields=below.fields + 1,
            aliases=below.aliases + (node.alias is not None),
            root_fields=1,
            introspected=below.introspected,
        )

    def _measure_introspection(self, node: FieldNode, below: Bound) -> Bound:
        """The bound of a field that shows the schema: its size is what counts, and not its depth."""
        shown = IntrospectionSizes.of(self.schema).multiply(node.name.value, below.introspected)
        aliases = below.aliases + (node.alias is not None)
        return Bound(
            fields=below.fields + 1, aliases=aliases, root_fields=1, introspected=shown, field_values=below.field_values
        )

    def _measure_own(
        self, node: FieldNode, definition: GraphQLField, parent: GraphQLNamedType | None, below: Bound
    ) -> Bound:
        """The field's bound of reads, values and calls to R2, with all fields below it."""
        name = node.name.value
        arguments = {
            given.name.value: value_from_ast_untyped(given.value, self.variables) for given in node.arguments or ()
        }
        use = FieldUse(definition, name, "" if parent is None else parent.name, arguments)
        reads = below.page_reads + count_reads(use, below.document_reads - below.page_reads)
        values = count_values(use, below.field_values, below.page_values)
        calls = count_r2_calls(use, below.r2_calls)
        return Bound(
            document_reads=reads,
            page_reads=reads if name == COUNT_FIELD else 0,
            reads_path=(name, *below.reads_path) if reads else (),
            field_values=values,
            page_values=values if use.is_of_page else 0,
            values_path=(name, *below.values_path),
            r2_calls=calls,
            r2_path=(name, *below.r2_path) if calls else (),
        )

    def _find_field(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return None
        return self.schema.get_field(parent, name)


def _sort(fragments: Mapping[str, FragmentDefinitionNode]) -> list[FragmentDefinitionNode]:
    """The fragments, each after those that it spreads."""
    spread = {name: {*_list_spreads(node.selection_set)} & fragments.keys() for name, node in fragments.items()}
    try:
        return [fragments[name] for name in TopologicalSorter(spread).static_order()]
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise bad_user_input(f"Fragments cannot be spread within themselves: {circle}.") from None


def _list_spreads(selections: SelectionSetNode) -> Iterable[str]:
    """The names of all fragments that are spread within, at any depth."""
    for selection in selections.selections:
        if isinstance(selection, FragmentSpreadNode):
            yield selection.name.value
        elif (inner := getattr(selection, "selection_set", None)) is not None:
            yield from _list_spreads(inner)
