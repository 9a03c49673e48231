"""Lists that were shown before, kept as the JSON that they were sent as.

A page of clips that is kept in memory (`repositories/cache/clip_cache.py`) is the same object in every request, until
its video changes. Shown with the same fields and arguments it is the same JSON: then neither the fields are executed
nor their values encoded. What it takes for a field to be kept like that is in `field_metadata.py`.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

from repositories.cache.lru import LruCache

T = TypeVar("T")

# Of an entry, beside its JSON: its key, which holds what is selected, and its place among the others.
BYTES_PER_RESULT = 3_000


class ResultCache:
    """The lists that were shown last, to anyone, in at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._answers = LruCache[Hashable, bytes](max_bytes)

    @property
    def size_bytes(self) -> int:
        """The bytes of memory that all entries take."""
        return self._answers.size

    def get(self, key: Hashable) -> bytes | None:
        """The JSON that is kept, or None."""
        return self._answers.get(key)

    def put(self, key: Hashable, answer: bytes) -> None:
        """Stores the JSON unless it exceeds the cache; evicts the least recently used."""
        self._answers.put(key, answer, len(answer) + BYTES_PER_RESULT)


class CachedPage(Generic[T]):
    """The objects of a page, made only if no rendered result is cached.

    `page_key` is the page's own: no other page has it, and its content never changes.
    """

    def __init__(self, answers: ResultCache, page_key: object, make: Callable[[], Sequence[T]]) -> None:
        self._answers = answers
        self._page_key = page_key
        self._make = make

    def __iter__(self) -> Iterator[T]:
        return iter(self._make())

    def render(self, selection_key: Hashable, render: Callable[[Sequence[T]], bytes]) -> bytes:
        """The JSON that `show` makes of the objects, and made of them whenever it was the same `recipe`."""
        key = (self._page_key, selection_key)
        answer = self._answers.get(key)
        if answer is None:
            answer = render(self._make())
            self._answers.put(key, answer)
        return answer
