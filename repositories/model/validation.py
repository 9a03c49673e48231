"""The one way from values to models: pydantic's errors never leave it."""

from collections.abc import Mapping
from typing import TypeVar

import pydantic
from pydantic import BaseModel, TypeAdapter

from repositories.exceptions import ValidationError

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def validate_model(cls: type[M], data: Mapping[str, object], *, path: tuple[str | int, ...] = ()) -> M:
    """The model with these values; `ValidationError` names the first field that cannot be, below `path`."""
    try:
        return cls.model_validate(data)
    except pydantic.ValidationError as error:
        raise _convert(error, path) from None


def validate_value(adapter: TypeAdapter[T], value: object, *, path: tuple[str | int, ...]) -> T:
    """`value` as `adapter` reads it; `ValidationError` at `path` where it cannot be."""
    try:
        return adapter.validate_python(value)
    except pydantic.ValidationError as error:
        raise _convert(error, path) from None


def _convert(error: pydantic.ValidationError, path: tuple[str | int, ...]) -> ValidationError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # pydantic marks a key of a map, as opposed to its value, with a word of its own.
    location = tuple(part for part in first["loc"] if part != "[key]")
    message = first["msg"].removeprefix("Value error, ")
    return ValidationError(message, (*path, *location))
