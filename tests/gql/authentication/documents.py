"""A document for each field and argument of the schema, made from the schema itself."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

Samples = Mapping[str, str]
"""Values in GraphQL's own notation by the names of arguments and input fields, or by a coordinate."""


def list_coordinates(schema: GraphQLSchema) -> Iterator[str]:
    """Every `Type.field` and `Type.field(argument:)` of the object types."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                yield f"{kind.name}.{name}"
                yield from (f"{kind.name}.{name}({argument}:)" for argument in field.args)


def find_paths(schema: GraphQLSchema) -> dict[str, list[tuple[str, str]]]:
    """The shortest way from Query to each object type that is reached from there, as types and fields."""
    assert schema.query_type is not None
    paths: dict[str, list[tuple[str, str]]] = {schema.query_type.name: []}
    queue = deque([schema.query_type])
    while queue:
        kind = queue.popleft()
        for name, field in kind.fields.items():
            below = get_named_type(field.type)
            if isinstance(below, GraphQLObjectType) and below.name not in paths:
                paths[below.name] = [*paths[kind.name], (kind.name, name)]
                queue.append(below)
    return paths


class Documents:
    """Builds documents over a schema, with sample values for arguments."""

    def __init__(self, schema: GraphQLSchema, samples: Samples) -> None:
        self._schema = schema
        self._samples = samples
        self._paths = find_paths(schema)

    def build_query(self, *coordinates: str) -> str:
        """A query that selects the fields, or passes the arguments, each below a root field of its own: `c0` and on."""
        selections = (f"c{number}: {self._build(coordinate)}" for number, coordinate in enumerate(coordinates))
        return f"{{ {' '.join(selections)} }}"

    def _build(self, coordinate: str) -> str:
        type_name, _, rest = coordinate.partition(".")
        name, _, argument = rest.partition("(")
        document = self._select(type_name, name, argument.removesuffix(":)"))
        for parent, field in reversed(self._paths[type_name]):
            document = f"{self._call(parent, field)} {{ {document} }}"
        return document

    def build_mutation(self, name: str, changes: Samples) -> str:
        """A mutation with the fields that its input demands, and with whose data it is about."""
        assert self._schema.mutation_type is not None
        kind = get_named_type(self._schema.mutation_type.fields[name].args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        return (
            f"mutation {{ {name}(input: {self._sample_input(kind, {**self._samples, **changes})}) {{ __typename }} }}"
        )

    def _select(self, type_name: str, name: str, argument: str) -> str:
        field = self._find_field(type_name, name)
        selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
        return f"{self._call(type_name, name, argument)}{selection}"

    def _call(self, type_name: str, name: str, argument: str = "") -> str:
        """The field with what it demands, whose it is, and one argument more."""
        arguments = self._find_field(type_name, name).args
        given = {
            key: self._sample(f"{type_name}.{name}({key}:)", key, value)
            for key, value in arguments.items()
            if key in {argument, "userId"} or is_required_argument(value)
        }
        return f"{name}({', '.join(f'{key}: {value}' for key, value in given.items())})" if given else name

    def _sample(self, coordinate: str, name: str, argument: GraphQLArgument) -> str:
        return self._samples.get(coordinate) or self._sample_value(name, argument.type, self._samples)

    def _sample_value(self, name: str, kind: GraphQLInputType, samples: Samples) -> str:
        """A value of the type: the sample of that name, or for enums, lists and inputs one that is made up."""
        if isinstance(kind, GraphQLNonNull):
            return self._sample_value(name, kind.of_type, samples)
        if isinstance(kind, GraphQLList):
            return f"[{self._sample_value(name, kind.of_type, samples)}]"
        if isinstance(kind, GraphQLInputObjectType):
            return self._sample_input(kind, samples)
        if isinstance(kind, GraphQLEnumType):
            return str(next(iter(kind.values)))
        if name in samples:
            return samples[name]
        raise AssertionError(f"SAMPLES in test_table.py needs a value for the new argument or input field {name!r}.")

    def _sample_input(self, kind: GraphQLInputObjectType, samples: Samples) -> str:
        fields = {
            name: self._sample_value(name, field.type, samples)
            for name, field in kind.fields.items()
            if name == "userId" or is_required_input_field(field)
        }
        return f"{{{', '.join(f'{name}: {value}' for name, value in fields.items())}}}"

    def _find_field(self, type_name: str, name: str) -> GraphQLField:
        kind: Any = self._schema.type_map[type_name]
        field: GraphQLField = kind.fields[name]
        return field


def quote(text: str) -> str:
    """A text in GraphQL's notation."""
    return json.dumps(text)
