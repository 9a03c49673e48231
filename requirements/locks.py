"""Reads the locked requirements: every line pins one version of a package, with the hashes of its files."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

FOLDER = Path(__file__).parent
RUN, DEV, BUILD = (FOLDER / f"{name}.txt" for name in ("run", "dev", "build"))
LINE = re.compile(
    r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[\w.!+]+)"
    r"(?: ; (?P<marker>[^;]+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


@dataclass(frozen=True)
class Pin:
    """A package at its one version. `marker` says where it is installed, "" everywhere; any of its files will do."""

    name: str
    version: str
    marker: str
    sha256s: tuple[str, ...]

    @property
    def is_for_this_system(self) -> bool:
        """Whether it is installed on this Python and system."""
        return not self.marker or Marker(self.marker).evaluate()


def read_lock(path: Path) -> list[Pin]:
    """Every pin of the file, in its order; ValueError for a line that is anything else, such as an address."""
    text = re.sub(r" *\\\n *", " ", path.read_text(encoding="utf-8"))
    return [_read_line(line) for line in text.splitlines()]


def _read_line(line: str) -> Pin:
    matched = LINE.fullmatch(line)
    if matched is None:
        raise ValueError(f"not pinned and hashed: {line}")
    sha256s = tuple(re.findall(r"sha256:(\w+)", matched["hashes"]))
    return Pin(matched["name"], matched["version"], matched["marker"] or "", sha256s)
