"""The bounded cache that all caches of this process are built on."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Values by key, of at most `max_size` together; the least recently used are evicted first.

    The caller measures each value, in bytes, characters or entries. `size` is the sum of what is stored.
    """

    def __init__(self, max_size: int) -> None:
        self.size = 0
        self._max_size = max_size
        self._entries = OrderedDict[K, tuple[V, int]]()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The value, which now is the most recently used; None where there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def peek(self, key: K) -> V | None:
        """The value, in the place that it has; None where there is none."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: K, value: V, size: int = 1) -> None:
        """The value is the most recently used and replaces the key's former one; one over `max_size` is not stored."""
        self.remove(key)
        if size > self._max_size:
            return
        self._entries[key] = value, size
        self.size += size
        while self.size > self._max_size:
            self.remove(next(iter(self._entries)))

    def remove(self, key: K) -> None:
        """The key has no value."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry[1]
