"""Input objects, made by lists of their types' fields that are compiled once.

Strawberry asks each field of each object for its name and its type, and each type for what it is: 80 µs a clip of
`createClips`, where this takes 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, TypeVar, cast

import strawberry
from strawberry.types import get_object_definition
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

T = TypeVar("T")
Make = Callable[[type, Mapping[str, Any], InputContext], Any]

# Coerced, they are what a resolver is handed.
_SCALARS = (bool, float, int, str, strawberry.ID)


def compiled_input(cls: type[T]) -> type[T]:
    """The input type, with a compiled conversion: a decorator above `strawberry.input`.

    Its fields are scalars, enums, and lists of types with this decorator: TypeError for any other.
    """
    definition = get_object_definition(cls, strict=True)
    definition.from_input = _compile(definition)
    return cls


def _compile(definition: StrawberryObjectDefinition) -> Make:
    """A conversion like Strawberry's, for input values that graphql-core has coerced."""
    names = [(field.graphql_name or to_camel_case(field.python_name), field.python_name) for field in definition.fields]
    # As Strawberry has it: what may be left out, and has no default, is null.
    nulls = {field.python_name: None for field in definition.fields if _has_no_default(field)}
    lists = [(field.python_name, *item) for field in definition.fields if (item := _find_item(field))]

    def make(cls: type, value: Mapping[str, Any], context: InputContext) -> Any:
        given = nulls | {python_name: value[name] for name, python_name in names if name in value}
        for python_name, item, make_item in lists:
            given[python_name] = [make_item(item, one, context) for one in given[python_name]]
        return cls(**given)

    return make


def _has_no_default(field: StrawberryField) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _find_item(field: StrawberryField) -> tuple[type, Make] | None:
    """The type of a list's objects and their conversion; None for a value that stays as it is."""
    type_: Any = field.resolve_type()
    if isinstance(type_, StrawberryList) and _has_no_default(field):
        item = get_object_definition(type_.of_type)
        if item is not None and item.from_input is not None:
            return cast("type", type_.of_type), item.from_input
    # Exactly: a `Maybe` is one, and is handed on wrapped.
    leaf = type_.of_type if type(type_) is StrawberryOptional else type_
    if leaf in _SCALARS or isinstance(leaf, StrawberryEnumDefinition):
        return None
    raise TypeError(f"The field {field.python_name} is neither a scalar, an enum nor a list of compiled inputs.")
