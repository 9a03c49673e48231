"""The contract itself: what schema.graphql says, and that it says it all."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    build_schema,
)

from gql.schema import print_schema

ROOT = Path(__file__).parent.parent.parent
SCHEMA = build_schema(print_schema())
OWN_TYPES = [type_ for name, type_ in sorted(SCHEMA.type_map.items()) if not name.startswith("__")]


def test_checked_in_schema_is_current() -> None:
    assert (ROOT / "schema.graphql").read_text() == print_schema()


@pytest.mark.parametrize("type_", OWN_TYPES, ids=str)
def test_everything_is_described(type_: Any) -> None:
    """Types, fields, arguments, input fields and enum values all tell a client what they are."""
    assert type_.description
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in type_.fields.items():
            assert field.description, name
            for argument_name, argument in getattr(field, "args", {}).items():
                assert argument.description, f"{name}({argument_name}:)"
    if isinstance(type_, GraphQLEnumType):
        for name, value in type_.values.items():
            assert value.description, name


def mutations() -> list[tuple[str, Any]]:
    assert SCHEMA.mutation_type is not None
    return list(SCHEMA.mutation_type.fields.items())


@pytest.mark.parametrize(("name", "field"), mutations())
def test_mutation_has_the_shape_of_all_mutations(name: str, field: Any) -> None:
    """`name(input: NameInput!): NameResult`, nullable, a union of NameSuccess and errors, InvalidInput among them."""
    capitalised = name[0].upper() + name[1:]
    assert list(field.args) == ["input"]
    assert str(field.args["input"].type) == f"{capitalised}Input!"
    assert not isinstance(field.type, GraphQLNonNull)
    assert isinstance(field.type, GraphQLUnionType)
    assert field.type.name == f"{capitalised}Result"
    success, *errors = field.type.types
    assert success.name == f"{capitalised}Success"
    assert "InvalidInput" in {error.name for error in errors}
    assert all("UserError" in {interface.name for interface in error.interfaces} for error in errors)


def test_contract_fields_are_there() -> None:
    """The names that the contract promises, argument by argument."""
    printed = print_schema()
    for line in (
        "first: Int = 20",
        "first: Int = 100",
        "status: ClipStatus = COMPLETED",
        "orderBy: ClipOrder! = PRIORITY_ASC",
        "expiresIn: Int! = 3600",
        "download: Boolean! = false",
    ):
        assert line in printed
