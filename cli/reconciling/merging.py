"""Two ordered lists walked at once: Firestore's ids, and R2's folders."""

from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


def to_order(name: str) -> bytes:
    """Where a folder of this name stands in R2's lists: keys order by their bytes, the slash included."""
    return f"{name}/".encode()


async def order_as_folders(ids: AsyncIterator[str]) -> AsyncIterator[str]:
    """Ids that come in Firestore's order, in the order of R2's folders.

    Both order by bytes, but after `talk` Firestore goes on with `talk-2`, and R2, which compares `talk-2/` with
    `talk/`, has that one first. So an id waits until one comes that is behind its folder; those that wait are each
    the beginning of the next, hence as few as an id has characters.
    """
    waiting: list[str] = []
    async for name in ids:
        while waiting and to_order(waiting[-1]) < to_order(name):
            yield waiting.pop()
        waiting.append(name)
    while waiting:
        yield waiting.pop()


async def merge(ids: AsyncIterator[str], folders: AsyncIterator[tuple[str, T]]) -> AsyncIterator[tuple[str, T | None]]:
    """Every name that either list has, in the order of folders, with what its folder holds, if it has one."""
    left = order_as_folders(ids)
    name, folder = await anext(left, None), await anext(folders, None)
    while name is not None or folder is not None:
        if folder is None or (name is not None and to_order(name) < to_order(folder[0])):
            assert name is not None  # noqa: S101  one of both is there
            yield name, None
            name = await anext(left, None)
            continue
        yield folder
        if name == folder[0]:
            name = await anext(left, None)
        folder = await anext(folders, None)
