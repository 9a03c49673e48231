"""What a field reads of Firestore at most: `first` times what is below it, and the field's own cost."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLField, GraphQLList, GraphQLNamedType, GraphQLNonNull, get_named_type

from repositories.clip_lists import bound_reads

# Lists that are no connections are results of mutations, which take at most so many inputs.
MAX_PLAIN_LIST_SIZE = 200
# A count is billed a read for each 1,000 that it counts: so this is true up to 10,000, and what is charged always is.
COUNT_READS = 10
COUNT_FIELD = "totalCount"
# A page reads one document more than it shows, and at each cursor one to see whether it is still there.
READS_BESIDE_A_PAGE = 1
READS_AT_CURSORS = 2
# A mutation reads the video, and for each of its entries a document: before the write, and for the answer.
READS_OF_A_MUTATION = 2
_DOCUMENT_TYPES = frozenset({"Video", "Clip", "Node"})


def count_reads(
    definition: GraphQLField, name: str, parent: GraphQLNamedType | None, below: int, arguments: Mapping[str, Any]
) -> int:
    """The reads of a field `name` of `parent`, where each object that it leads to reads `below`."""
    named = get_named_type(definition.type).name
    owner = "" if parent is None else parent.name
    if named.endswith("Connection"):
        size = _resolve_page_size(definition, arguments)
        return _count_page(owner, size, arguments) + size * below
    if owner.endswith(("Connection", "Edge")):
        return COUNT_READS if name == COUNT_FIELD else below
    size = MAX_PLAIN_LIST_SIZE if _is_list(definition.type) else 1
    return _count_own(owner, name, named, arguments) + size * below


def _count_page(owner: str, size: int, arguments: Mapping[str, Any]) -> int:
    if any(arguments.get(name) is not None for name in ("after", "before")):
        return size + READS_BESIDE_A_PAGE + READS_AT_CURSORS
    return bound_reads(size) if owner == "Video" else size + READS_BESIDE_A_PAGE


def _count_own(owner: str, name: str, named: str, arguments: Mapping[str, Any]) -> int:
    if owner == "Mutation":
        given = arguments.get("input")
        entries = (
            sum(len(value) for value in given.values() if isinstance(value, list)) if isinstance(given, dict) else 0
        )
        return READS_OF_A_MUTATION * (1 + entries)
    if (owner, name) == ("Video", "cover"):
        return bound_reads(1)
    return 1 if named in _DOCUMENT_TYPES else 0


def _resolve_page_size(definition: GraphQLField, arguments: Mapping[str, Any]) -> int:
    for name in ("last", "first"):
        size = arguments.get(name)
        # GraphQL takes 100.0 for 100, as JSON does; what is no whole number is refused before anything runs.
        if isinstance(size, int) or (isinstance(size, float) and size.is_integer()):
            return max(int(size), 0)
    return int(definition.args["first"].default_value)


def _is_list(type_: Any) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)
