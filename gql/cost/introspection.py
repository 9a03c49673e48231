"""How much of the schema an introspection can show: lists within lists of types multiply as pages do."""

from dataclasses import dataclass
from typing import Self
from weakref import WeakKeyDictionary

from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

# GraphiQL's own query comes to some 15,000 by averages, and nothing below takes a second.
MAX_INTROSPECTED = 20_000


@dataclass(frozen=True)
class IntrospectionSizes:
    """How many entries the lists of introspection have, on average over a schema's types."""

    sizes: dict[str, float]

    @classmethod
    def of(cls, schema: GraphQLSchema) -> Self:
        """The sizes of a schema, counted once."""
        if schema not in _known:
            _known[schema] = cls._count(schema)
        return _known[schema]  # type: ignore[return-value]  # made by the line above

    @classmethod
    def _count(cls, schema: GraphQLSchema) -> Self:
        types = list(schema.type_map.values())
        fields = [
            made
            for type_ in types
            if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
            for made in type_.fields.values()
        ]
        inputs = sum(len(type_.fields) for type_ in types if isinstance(type_, GraphQLInputObjectType))
        arguments = sum(len(made.args) for made in fields)
        return cls(
            {
                "types": len(types),
                "directives": len(schema.directives),
                "fields": max(1.0, len(fields) / len(types)),
                "inputFields": max(1.0, inputs / len(types)),
                "args": max(1.0, arguments / max(1, len(fields))),
            }
        )

    def multiply(self, field: str, below: int) -> int:
        """How many fields are shown by a field of introspection that shows `below` for each entry."""
        return round(self.sizes.get(field, 1) * (below + 1))


_known: WeakKeyDictionary[GraphQLSchema, IntrospectionSizes] = WeakKeyDictionary()
