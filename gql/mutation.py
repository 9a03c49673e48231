"""How every mutation is made: with the action that it is, which is allowed or refused before its resolver runs."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from gql.context import Context
from gql.logs.audit import CANCELLED, audit, name_failure, name_outcome
from gql.permissions import Action, resolve_user_id


class Guard(FieldExtension):
    """FORBIDDEN, unless the caller may do `action` to the data of the user in `input.userId`.

    Either way the audit log gets a line.
    """

    def __init__(self, action: Action) -> None:
        self.action = action

    def apply(self, field: StrawberryField) -> None:
        """Raises TypeError at start for a mutation whose input has no `user_id`."""
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
        given, principal = kwargs["input"], info.context.principal
        outcome, created = CANCELLED, None
        try:
            resolve_user_id(principal, given.user_id or None, self.action)
            result = await next_(source, info, **kwargs)
            outcome, created = name_outcome(result)
        except Exception as error:
            outcome = name_failure(error)
            raise
        else:
            return result
        finally:
            # Also of one whose caller has left, and which may have done its work nonetheless.
            audit(principal, self.action, info.field_name, given, outcome, created=created)


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
