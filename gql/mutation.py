"""How every mutation is made: with the action that it is, which is allowed or refused before its resolver runs."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from gql.context import Context
from gql.permissions import Action, resolve_user_id


class Guard(FieldExtension):
    """FORBIDDEN, unless the caller may do `action` to what is owned by the user whom `input.userId` names."""

    def __init__(self, action: Action) -> None:
        self.action = action

    def apply(self, field: StrawberryField) -> None:
        """Refuses, at start, a mutation whose input does not say whose data it is about."""
        for argument in field.arguments:
            definition = getattr(argument.type, "__strawberry_definition__", None)
            if argument.python_name == "input" and definition and definition.get_field("user_id"):
                return
        raise TypeError(f"The mutation {field.python_name} needs an `input` with a `user_id`: it is guarded by it.")

    async def resolve_async(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,
        info: strawberry.Info[Context, None],
        **kwargs: Any,
    ) -> Any:
        """The resolver's answer, where it may run."""
        resolve_user_id(info.context.principal, kwargs["input"].user_id or None, self.action)
        return await next_(source, info, **kwargs)


def mutation(action: Action, *, description: str) -> Callable[[Callable[..., Any]], Any]:
    """A decorator like `strawberry.mutation`, for a resolver that does `action`."""
    decorator: Callable[[Callable[..., Any]], Any] = strawberry.mutation(
        description=description, extensions=[Guard(action)]
    )
    return decorator


def assert_guarded(root: type) -> None:
    """Raises TypeError where a mutation below `root` was made in another way, and so would run for anyone."""
    for field in strawberry.types.get_object_definition(root, strict=True).fields:
        if not any(isinstance(extension, Guard) for extension in field.extensions):
            raise TypeError(f"The mutation {field.python_name} is not guarded: make it with `gql.mutation.mutation`.")
