"""Two ordered lists, walked at once."""

from collections.abc import AsyncIterator, Iterable

from hypothesis import given
from hypothesis import strategies as st

from cli.reconcile.ordered_merge import merge, order_as_folders, to_order

# Around the slash, where the two orders part, and beyond ASCII, where UTF-16's order would.
NAMES = st.text(alphabet="ab !-.0\u00e9\uff41\U00010000", min_size=1, max_size=4)


async def stream(items: Iterable[str]) -> AsyncIterator[str]:
    for item in items:
        yield item


@given(st.sets(NAMES))
async def test_ids_come_in_the_order_of_folders(names: set[str]) -> None:
    """Ids in Firestore's order come out in the order of R2's folders."""
    in_firestore = sorted(names, key=str.encode)
    assert [name async for name in order_as_folders(stream(in_firestore))] == sorted(names, key=to_order)


@given(st.sets(NAMES), st.sets(NAMES))
async def test_every_name_of_either_side_comes_once(ids: set[str], folders: set[str]) -> None:
    """The merge has each name of either side once, in order."""
    merged = [item async for item in merge(stream(sorted(ids, key=str.encode)), stream(sorted(folders, key=to_order)))]
    assert merged == sorted(ids | folders, key=to_order)
