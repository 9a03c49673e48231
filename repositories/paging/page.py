"""A page of a longer list."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar, overload

from repositories.paging.cursors import Cursor

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Sequence[T], Generic[T]):
    """A part of a list, in its order; itself a sequence of its items, each of which has its place in the order.

    `end` is where the next page begins, also past documents at the page's end that could not be read; None where
    nothing follows.
    """

    items: tuple[T, ...]
    places: tuple[Cursor, ...] = ()
    end: Cursor | None = None
    has_next: bool = False
    has_previous: bool = False
    page_key: object | None = field(default=None, compare=False, repr=False)
    """What no other page has, where this one is kept in memory: it may be told from all others by it."""

    @cached_property
    def cursors(self) -> tuple[str, ...]:
        """One opaque place for each item: made when they are asked for, which for most pages is never."""
        return tuple(place.encode() for place in self.places)

    @property
    def next_cursor(self) -> str | None:
        """The cursor after which the next page begins, or None."""
        return None if self.end is None else self.end.encode()

    @property
    def first_cursor(self) -> str | None:
        """The first item's cursor, or None where there is no item."""
        return self.places[0].encode() if self.places else None

    @property
    def last_cursor(self) -> str | None:
        """The last item's cursor, or None where there is no item."""
        return self.places[-1].encode() if self.places else None

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)
