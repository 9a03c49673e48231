"""An LRU cache of rendered JSON, keyed by page and selection.

The clip cache (`repositories/cache/clip_cache.py`) returns the same page object to every request until the video
changes. The same page with the same fields and arguments has the same JSON: a hit skips the execution of the fields and
the encoding of their values. `field_metadata.py` says which fields can be cached.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

from repositories.cache.lru import LruCache

T = TypeVar("T")

# The size of an entry beside its JSON: the key, which holds the selection, and the entry in the LRU.
BYTES_PER_RESULT = 3_000


class ResultCache:
    """The JSON of recently rendered pages, shared by all callers, in at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._answers = LruCache[Hashable, bytes](max_bytes)

    @property
    def size_bytes(self) -> int:
        """The bytes of memory that all entries take."""
        return self._answers.size

    def get(self, key: Hashable) -> bytes | None:
        """The cached JSON, or None."""
        return self._answers.get(key)

    def put(self, key: Hashable, answer: bytes) -> None:
        """Stores the JSON unless it exceeds the cache; evicts the least recently used."""
        self._answers.put(key, answer, len(answer) + BYTES_PER_RESULT)


class CachedPage(Generic[T]):
    """The objects of a page, built only if no rendered JSON is cached.

    `page_key` identifies the page: no other page has it, and its content never changes.
    """

    def __init__(self, answers: ResultCache, page_key: object, make: Callable[[], Sequence[T]]) -> None:
        self._answers = answers
        self._page_key = page_key
        self._make = make

    def __iter__(self) -> Iterator[T]:
        return iter(self._make())

    def render(self, selection_key: Hashable, render: Callable[[Sequence[T]], bytes]) -> bytes:
        """The JSON that `render` makes of the objects, from the cache where `selection_key` was rendered before."""
        key = (self._page_key, selection_key)
        answer = self._answers.get(key)
        if answer is None:
            answer = render(self._make())
            self._answers.put(key, answer)
        return answer
