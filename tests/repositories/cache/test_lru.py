from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from repositories.cache.lru import LruCache

MAX_SIZE = 10
steps = st.lists(st.tuples(st.sampled_from(["get", "peek", "put", "remove"]), st.integers(0, 5), st.integers(1, 12)))


class Model:
    """The same cache, without a sum that is kept."""

    def __init__(self) -> None:
        self.entries = OrderedDict[int, int]()

    def put(self, key: int, size: int) -> None:
        """The key is the most recently used; what was used longest ago is gone while the sum is over the bound."""
        self.entries.pop(key, None)
        if size > MAX_SIZE:
            return
        self.entries[key] = size
        while sum(self.entries.values()) > MAX_SIZE:
            self.entries.popitem(last=False)


@given(steps)
def test_the_cache_is_a_bounded_ordered_dictionary(steps: list[tuple[str, int, int]]) -> None:
    """After any calls, the cache holds what a dictionary in the order of use holds, and its size is their sum."""
    cache, model = LruCache[int, int](MAX_SIZE), Model()
    for step, key, size in steps:
        if step == "put":
            cache.put(key, size, size)
            model.put(key, size)
        elif step == "remove":
            cache.remove(key)
            model.entries.pop(key, None)
        elif step == "peek":
            assert cache.peek(key) == model.entries.get(key)
        else:
            assert cache.get(key) == model.entries.get(key)
            if key in model.entries:
                model.entries.move_to_end(key)
        assert (cache.size, len(cache)) == (sum(model.entries.values()), len(model.entries))
    assert {key: cache.peek(key) for key in range(6)} == {key: model.entries.get(key) for key in range(6)}


def test_a_value_over_the_bound_evicts_no_other() -> None:
    """A value that is larger than the cache is not stored, takes its key's former value along, and no other."""
    cache = LruCache[str, str](MAX_SIZE)
    cache.put("a", "small", 5)
    cache.put("b", "small", 5)
    cache.put("b", "large", MAX_SIZE + 1)
    assert (cache.peek("a"), cache.peek("b"), cache.size) == ("small", None, 5)
