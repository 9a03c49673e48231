"""The bound of a field's calls to R2: `first` times the calls below it, and its own."""

from gql.cost.field_use import MAX_PLAIN_LIST_SIZE, FieldUse

# HEAD of a clip's file and of its thumbnail; deletes and uploads need no more. What deletes all of a video's files
# needs two for each thousand of them, which is counted while it runs.
R2_CALLS_OF_A_CLIP = 2


def count_r2_calls(use: FieldUse, below: int) -> int:
    """The calls of a field, where each object that it leads to needs `below`."""
    if use.owner == "Mutation":
        return R2_CALLS_OF_A_CLIP * (1 + use.count_entries("clips", "clipIds")) + below
    if (use.owner, use.name) == ("Video", "highlights"):
        return 1
    if use.is_connection:
        return use.page_size * below
    if use.owner.endswith(("Connection", "Edge")) or not use.is_list:
        return below
    return use.get_list_size(MAX_PLAIN_LIST_SIZE) * below
