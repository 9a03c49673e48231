"""The names of a bucket's objects, in order, from where a list begins: folders that cannot matter are not opened."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from embedded.s3.store.names import check_utf8, normalize

_LAST = "\U0010ffff"


@dataclass(slots=True)
class Cursor:
    """What of a list is wanted: names that begin with `prefix` and come after `after`, which may grow on the way."""

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
    for name, path, is_folder in _read_folder(folder, base):
        if not is_folder:
            if cursor.check_wanted(name):
                yield name, path
        elif cursor.check_folder_wanted(name):
            yield from walk(path, name, cursor)


def _read_folder(folder: str, base: str) -> list[tuple[str, str, bool]]:
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
    """What the system says of the file; None where there is no file of that name."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return None  # a name that this file system does not take
    return found if stat.S_ISREG(found.st_mode) else None
