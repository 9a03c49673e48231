"""A field as an operation uses it: its definition, the type it is asked of, and its arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLList, GraphQLNonNull, get_named_type

# Lists that are no connections are results of mutations, which take at most so many inputs.
MAX_PLAIN_LIST_SIZE = 200


@dataclass(frozen=True)
class FieldUse:
    """A field `name` of the type `owner`, with these arguments."""

    definition: GraphQLField
    name: str
    owner: str
    arguments: Mapping[str, Any]

    @property
    def type_name(self) -> str:
        """The type that it leads to, without lists and non-nulls around it."""
        return get_named_type(self.definition.type).name

    @property
    def is_connection(self) -> bool:
        """Whether it leads to a page of a longer list."""
        return self.type_name.endswith("Connection")

    @property
    def is_of_page(self) -> bool:
        """Whether it belongs to a page as a whole, and not to one of its objects."""
        return self.owner.endswith("Connection") and not self.is_list

    @property
    def is_list(self) -> bool:
        """Whether its value is a list."""
        type_ = self.definition.type
        return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)

    @property
    def page_size(self) -> int:
        """How many objects its page has at most."""
        for name in ("last", "first"):
            size = self.arguments.get(name)
            # GraphQL takes 100.0 for 100, as JSON does; what is no whole number is refused before anything runs.
            if isinstance(size, int) or (isinstance(size, float) and size.is_integer()):
                return max(int(size), 0)
        return int(self.definition.args["first"].default_value)

    def get_list_size(self, default: int) -> int:
        """How many entries its list has at most: one for each of its `ids`, or `default` for a list without them."""
        ids = self.arguments.get("ids")
        if ids is None:
            return default
        # GraphQL takes one value for a list of one.
        return len(ids) if isinstance(ids, list) else 1

    def count_entries(self, *names: str) -> int:
        """How many entries the lists of a mutation's input have: of these names, or where there is none, of all."""
        given = self.arguments.get("input")
        if not isinstance(given, dict):
            return 0
        return sum(
            len(value) for name, value in given.items() if isinstance(value, list) and (not names or name in names)
        )
