"""Parts that hypothesis-graphql leaves out of documents: aliases, fragments, repeated fields, directives."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from hypothesis import strategies as st

VARIABLES = {"yes": True, "no": False}
_HEAD = "query ($yes: Boolean!, $no: Boolean = true) "
_DIRECTIVES = ("@include(if: $yes)", "@include(if: $no)", "@skip(if: $yes)", "@skip(if: $no)", "@include(if: true)")


class _Decorator(Visitor):
    """Changes one field or selection in a few."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        super().__init__()
        self._draw = draw
        self._aliases = 0

    def leave_field(self, node: FieldNode, *_: Any) -> FieldNode:
        chosen = self._draw(st.integers(0, 15))
        if chosen < len(_DIRECTIVES):
            operation: Any = parse(f"{{ a {_DIRECTIVES[chosen]} }}").definitions[0]
            return replace(node, directives=operation.selection_set.selections[0].directives)
        if chosen == len(_DIRECTIVES) and node.alias is None:
            self._aliases += 1
            return replace(node, alias=NameNode(value=f"alias{self._aliases}"))
        return node

    def leave_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode:
        chosen = self._draw(st.integers(0, 7))
        if chosen < 2:
            fragment = InlineFragmentNode(
                selection_set=SelectionSetNode(selections=node.selections), type_condition=None, directives=()
            )
            # Alone, or beside the fields that it repeats.
            return SelectionSetNode(selections=(fragment,) if chosen else (*node.selections, fragment))
        if chosen == 2:
            typename = FieldNode(name=NameNode(value="__typename"), directives=(), arguments=())
            return SelectionSetNode(selections=(typename, *node.selections))
        return node


@st.composite
def decorate(draw: Any, documents: st.SearchStrategy[str]) -> str:
    """The documents with more in them; they take VARIABLES."""
    document = visit(parse(draw(documents)), _Decorator(draw))
    body = "".join(
        print_ast(node.selection_set)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    )
    # The variables are used at least once, as validation wants it.
    used = "... @include(if: $yes) { __typename } ... @skip(if: $no) { __typename }"
    if draw(st.booleans()):
        return f"{_HEAD} {{ {used} ...All }} fragment All on Query {body}"
    return f"{_HEAD} {{ {used} ... {body} }}"
