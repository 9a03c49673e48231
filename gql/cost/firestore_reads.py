"""The bound of a field's Firestore reads: `first` times the fields below it, and its own."""

from gql.cost.field_use import MAX_PLAIN_LIST_SIZE, FieldUse
from repositories.clip_pages import bound_reads

# A count is billed a read for each 1,000 that it counts: so this is true up to 10,000, and what is charged always is.
COUNT_READS = 10
COUNT_FIELD = "totalCount"
# A page reads one document more than it shows, and at each cursor one to see whether it is still there.
READS_BESIDE_A_PAGE = 1
READS_AT_CURSORS = 2
# A mutation reads the video, and for each of its entries a document: before the write, and for the answer.
READS_OF_A_MUTATION = 2
_DOCUMENT_TYPES = frozenset({"Video", "Clip", "Node"})


def count_reads(use: FieldUse, below: int) -> int:
    """The reads of a field, where each object that it leads to reads `below`."""
    if use.is_connection:
        return _count_page(use) + use.page_size * below
    if use.owner.endswith(("Connection", "Edge")):
        return COUNT_READS if use.name == COUNT_FIELD else below
    size = use.get_list_size(MAX_PLAIN_LIST_SIZE) if use.is_list else 1
    return _count_own(use) + size * below


def _count_page(use: FieldUse) -> int:
    size = use.page_size
    if any(use.arguments.get(name) is not None for name in ("after", "before")):
        return size + READS_BESIDE_A_PAGE + READS_AT_CURSORS
    return bound_reads(size) if use.owner == "Video" else size + READS_BESIDE_A_PAGE


def _count_own(use: FieldUse) -> int:
    if use.owner == "Mutation":
        return READS_OF_A_MUTATION * (1 + use.count_entries())
    if (use.owner, use.name) == ("Video", "cover"):
        return bound_reads(1)
    return use.get_list_size(1) if use.type_name in _DOCUMENT_TYPES else 0
