"""Long lists are processed in slices: other tasks run, and deadlines apply, between two of them."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Some 5 ms of reading documents.
ITEMS_PER_TURN = 100


async def map_in_turns(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The function's result for each item, in their order."""
    made: list[R] = []
    for number, item in enumerate(items, 1):
        made.append(function(item))
        if number % ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)
    return made
