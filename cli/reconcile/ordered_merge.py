"""Two ordered lists walked at once: Firestore's ids, and R2's folders."""

from collections.abc import AsyncIterator


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


async def merge(ids: AsyncIterator[str], folders: AsyncIterator[str]) -> AsyncIterator[str]:
    """Every name that either list has, once, in the order of folders."""
    left = order_as_folders(ids)
    name, folder = await anext(left, None), await anext(folders, None)
    while name is not None or folder is not None:
        if folder is None or (name is not None and to_order(name) < to_order(folder)):
            assert name is not None  # noqa: S101  one of both is there
            yield name
            name = await anext(left, None)
            continue
        yield folder
        if name == folder:
            name = await anext(left, None)
        folder = await anext(folders, None)
