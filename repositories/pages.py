"""A page of a longer list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Sequence[T], Generic[T]):
    """A part of a list, in its order; itself a sequence of its items.

    `cursors` has one opaque place for each item. `next_cursor` is where the next page begins, also past documents at
    the page's end that could not be read; None where nothing follows.
    """

    items: tuple[T, ...]
    cursors: tuple[str, ...] = ()
    next_cursor: str | None = None
    has_next: bool = False
    has_previous: bool = False

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)
