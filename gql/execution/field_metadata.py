"""Field metadata for the executor: a cache key, a batch resolver, and a cost.

It is passed as Strawberry's own options are: `strawberry.field(metadata=cache_key(…))`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

_CHANGES_WITH = "cache_key"
_FOUND_BY = "batch_resolver"
_COST = "cost"


def cache_key(tell: Callable[..., Hashable]) -> Mapping[str, Any]:
    """The field's value is the same for the same object and arguments for as long as `tell` answers the same.

    It is called with `info` and the field's arguments, and must know all that the resolver asks `info` for: values
    are shown to other callers, and in later requests. Resolvers without `info` depend on nothing but their object.
    """
    return {_CHANGES_WITH: tell}


def batch_resolver(find: Callable[..., Sequence[Any] | None]) -> Mapping[str, Any]:
    """The coroutine's values may be found without waiting.

    `find` is called with a list of objects, and with `info` and the field's arguments by name. It answers a value for
    each, or None where one of them has to be waited for, or is an error: then the coroutine is asked.
    """
    return {_FOUND_BY: find}


def cost(values: int) -> Mapping[str, Any]:
    """One value of the field costs as much processor time as so many values of fields that are attributes."""
    return {_COST: values}


def get_cost(metadata: Mapping[Any, Any]) -> int:
    """The field's cost in field values; 1 by default."""
    cost: int = metadata.get(_COST, 1)
    return cost


def get_cache_key(metadata: Mapping[Any, Any]) -> Callable[..., Hashable] | None:
    """The field's cache key, if it has one."""
    return metadata.get(_CHANGES_WITH)


def get_batch_resolver(metadata: Mapping[Any, Any]) -> Callable[..., Sequence[Any] | None] | None:
    """The field's batch resolver, if it has one."""
    return metadata.get(_FOUND_BY)
