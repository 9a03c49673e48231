"""GraphQL types over a document's model: their attributes are the model's."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def model_backed(
    *, renamed: Mapping[str, str], computed: Mapping[str, Callable[[T], Any]]
) -> Callable[[type[T]], type[T]]:
    """The type, with attributes that are its model's: of the same name, of another (`renamed`), or `computed`.

    Nothing is copied: a page makes a thousand of them, and shows some of the attributes of each.
    """

    def show(cls: type[T]) -> type[T]:
        for field in fields(cls):  # type: ignore[arg-type]  # strawberry's types are dataclasses
            name = field.name
            if name in computed:
                setattr(cls, name, property(computed[name]))
            elif name != "model" and field.init:
                setattr(cls, name, property(attrgetter(f"model.{renamed.get(name, name)}")))
        return cls

    return show
