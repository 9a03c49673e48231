"""The names of a bucket's objects, in order, from where a list begins: folders that cannot matter are not opened."""

import os
import stat
import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from embedded.s3.store.names import check_utf8, normalize

RACY_NS = 3_000_000_000
"""Within this, a folder can change twice and have one time of modification: some file systems count in seconds."""

MAX_KEPT_FOLDERS = 64
_LAST = "\U0010ffff"

Entry = tuple[str, str, bool]
"""A name, its path, and whether it is a folder."""

_kept: dict[str, tuple[int, list[Entry]]] = {}


@dataclass(slots=True)
class Cursor:
    """The wanted part of a list: names that begin with `prefix` and come after `after`, which may grow on the way."""

    prefix: str
    after: str

    def skip_beyond(self, prefix: str) -> None:
        """No name that begins like this is wanted any more."""
        self.after = prefix + _LAST

    def check_wanted(self, name: str) -> bool:
        """Whether the name is in the list."""
        return name > self.after and name.startswith(self.prefix)

    def check_folder_wanted(self, folder: str) -> bool:
        """Whether names below the folder, which ends with a slash, can be in the list."""
        is_within = folder.startswith(self.prefix) or self.prefix.startswith(folder)
        return is_within and (self.after < folder or self.after.startswith(folder)) and self.after != folder + _LAST


def walk(folder: str, base: str, cursor: Cursor) -> Iterator[tuple[str, str]]:
    """Names and paths of the files below the folder whose names begin with `base`; links are left out."""
    entries = _read_folder(folder, base)
    for name, path, is_folder in entries[_find_start(entries, max(cursor.prefix, cursor.after)) :]:
        if name > cursor.prefix and not name.startswith(cursor.prefix):
            return
        if not is_folder:
            if cursor.check_wanted(name):
                yield name, path
        elif cursor.check_folder_wanted(name):
            yield from walk(path, name, cursor)


def _find_start(entries: list[Entry], least: str) -> int:
    """Where the entries begin that are `least` or come after it, or are the folder that it lies in."""
    start = bisect_left(entries, (least,))
    is_within = start > 0 and entries[start - 1][2] and least.startswith(entries[start - 1][0])
    return start - 1 if is_within else start


def _read_folder(folder: str, base: str) -> list[Entry]:
    """The entries, from memory if the folder is as it was when they were read, and had been for a while then."""
    try:
        modified_ns = os.stat(folder).st_mtime_ns  # noqa: PTH116 - paths are strings here
    except OSError:
        return []  # it was removed on the way
    kept_ns, entries = _kept.get(folder, (0, []))
    if kept_ns == modified_ns:
        return entries
    read_at_ns = time.time_ns()
    entries = _scan_folder(folder, base)
    if read_at_ns - modified_ns > RACY_NS:
        if len(_kept) >= MAX_KEPT_FOLDERS:
            _kept.clear()
        _kept[folder] = (modified_ns, entries)
    return entries


def _scan_folder(folder: str, base: str) -> list[Entry]:
    """The entries in the order of their names as objects, in which a folder's ends with a slash."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if (is_folder or entry.is_file(follow_symlinks=False)) and check_utf8(entry.name):
                    name = f"{base}{normalize(entry.name)}{'/' if is_folder else ''}"
                    # Of two forms of one name, the normal one is the object.
                    if name not in found or entry.name == normalize(entry.name):
                        found[name] = (name, entry.path, is_folder)
    except (FileNotFoundError, NotADirectoryError):
        return []  # it was removed on the way
    return sorted(found.values())


def stat_file(path: str) -> os.stat_result | None:
    """The file's status; None where there is no file of that name."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return None  # a name that this file system does not take
    return found if stat.S_ISREG(found.st_mode) else None
