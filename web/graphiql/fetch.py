#!/usr/bin/env python3
"""Brings GraphiQL's and React's files from npm into `web/dist/graphiql/`, each held to its pinned checksum.

`make` runs it at set-up, with nothing but the standard library. Without npm or a network it says so in one line and
leaves without an error, as the API works without this page; the next `make` tries again.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).with_name("assets.json")
TARGET = Path(__file__).parents[1] / "dist" / "graphiql"
NPM_TIMEOUT_SECONDS = 120


class FetchError(Exception):
    """The files could not be had; the text is one line that says why and what to do."""


class ChangedFileError(FetchError):
    """A file is not the one whose checksum is pinned."""


@dataclass(frozen=True)
class Asset:
    """One file of an npm package, and the name under which it is served."""

    name: str
    package: str
    version: str
    file: str
    sha256: str

    @property
    def spec(self) -> str:
        """The package as npm names it, with its version."""
        return f"{self.package}@{self.version}"

    @property
    def tarball(self) -> str:
        """The name that `npm pack` gives the package's file (packages with a scope have other names)."""
        return f"{self.package}-{self.version}.tgz"


def read_pins(path: Path = PINS) -> list[Asset]:
    """Every file that the page needs from npm."""
    return [Asset(**pin) for pin in json.loads(path.read_text(encoding="utf-8"))]


def fetch(assets: list[Asset], target: Path) -> None:
    """The target holds every asset and `.complete`; on a FetchError it holds no `.complete`."""
    marker = target / ".complete"
    marker.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        pack(sorted({asset.spec for asset in assets}), Path(scratch))
        contents = {asset.name: read_asset(asset, Path(scratch, asset.tarball)) for asset in assets}
    target.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (target / name).write_bytes(content)
    marker.touch()


def pack(specs: list[str], folder: Path) -> None:
    """The folder holds the packages' tarballs as npm has them; nothing of them is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm is not installed. Install it (apt-get install npm) and run make setup.")
    command = [npm, "pack", "--silent", "--fetch-retries=0", *specs]
    try:
        subprocess.run(  # noqa: S603  # npm itself, with our own pins
            command, cwd=folder, capture_output=True, check=True, timeout=NPM_TIMEOUT_SECONDS
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise FetchError("npm could not reach its registry. Run make setup again once it can.") from error


def read_asset(asset: Asset, tarball: Path) -> bytes:
    """The asset's bytes out of its package's tarball; ChangedFileError unless they are the pinned ones."""
    with tarfile.open(tarball) as archive:
        try:
            member = archive.extractfile(f"package/{asset.file}")
        except KeyError:
            member = None
        content = b"" if member is None else member.read()
    if hashlib.sha256(content).hexdigest() != asset.sha256:
        raise ChangedFileError(f"{asset.file} of {asset.spec} is not the pinned file (see {PINS.name}): not used.")
    return content


def main(target: Path = TARGET) -> int:
    """The exit code: 1 only for a file that is not the pinned one."""
    try:
        fetch(read_pins(), target)
    except FetchError as error:
        sys.stderr.write(f"GraphiQL is not installed: {error}\n")
        return int(isinstance(error, ChangedFileError))
    return 0


if __name__ == "__main__":
    sys.exit(main())
