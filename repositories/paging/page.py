"""A page of a longer list, and the request for one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

from repositories.paging.cursors import Cursor

MAX_PAGE_SIZE = 10_000
"""Above any page that a person looks at; beyond it a client pages by cursor."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The part of a list that a client asks for: `limit` items after and before the cursors, from one end."""

    limit: int
    after: str | None = None
    before: str | None = None
    from_end: bool = False

    def to_arguments(self) -> dict[str, Any]:
        """The request as the keyword arguments of the repositories' lists."""
        return {"limit": self.limit, "cursor": self.after, "before": self.before, "from_end": self.from_end}


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
    read_time: datetime | None = field(default=None, compare=False, repr=False)
    """The time by Firestore's clock up to which all changes are in the page; None where it was not asked for."""
    page_key: object | None = field(default=None, compare=False, repr=False)
    """The identity of a page that is cached: no other page has it."""

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
