"""The repeats of one field in a document, whose pairs validation compares at every depth."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode


def count_repeats(
    selections: Iterable[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> tuple[int, tuple[str, ...]]:
    """The most nodes that end up at one place of the answer, and where.

    Costs as much as there are fields once fragments are put in: bound their number before.
    """
    places: defaultdict[str, list[FieldNode]] = defaultdict(list)
    for node in _put_in(selections, fragments):
        places[(node.alias or node.name).value].append(node)
    most, path = 0, tuple[str, ...]()
    for name, nodes in places.items():
        inner = [node.selection_set for node in nodes if node.selection_set is not None]
        below, below_path = count_repeats(inner, fragments) if inner else (0, ())
        found, found_path = (len(nodes), (name,)) if len(nodes) >= below else (below, (name, *below_path))
        if found > most:
            most, path = found, found_path
    return most, path


def _put_in(
    selections: Iterable[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    """The fields, with fragments expanded."""
    for selection in (selection for one in selections for selection in one.selections):
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _put_in([selection.selection_set], fragments)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value in fragments:
            yield from _put_in([fragments[selection.name.value].selection_set], fragments)
