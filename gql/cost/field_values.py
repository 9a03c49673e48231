"""How many values a field makes at most: one for each object that it is asked of, in as many objects as there can be.

A value that costs more than reading an attribute counts for several: `gql/execution/field_metadata.py` says
of which fields.
"""

from graphql import GraphQLField
from strawberry.schema.schema_converter import GraphQLCoreConverter

from gql.cost.field_use import MAX_PLAIN_LIST_SIZE, FieldUse
from gql.execution.field_metadata import get_cost

# Highlights, styles and categories of a video. There may be more: they are counted again when they are made.
USUAL_LIST_SIZE = 20


def count_values(use: FieldUse, below: int, below_page: int) -> int:
    """The values of a field and all below it, where each object that it leads to has `below`.

    `below_page` of these are a connection's own, which it has once.
    """
    own = _get_cost(use.definition)
    if use.is_connection:
        return own + below_page + use.page_size * (below - below_page)
    if use.owner.endswith("Connection") or not use.is_list:
        return own + below
    usual = MAX_PLAIN_LIST_SIZE if use.owner.endswith("Success") else USUAL_LIST_SIZE
    return own + use.get_list_size(usual) * below


def _get_cost(definition: GraphQLField) -> int:
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return 1 if field is None else get_cost(field.metadata)
