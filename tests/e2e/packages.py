"""npm packages for tests: installed once from a lock file, into pytest's cache folder."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import HANG_SECONDS


def install_packages(config: pytest.Config, sources: Path) -> Path:
    """A folder with the packages of `sources/package-lock.json` in `node_modules/`, and the sources beside them."""
    lock = (sources / "package-lock.json").read_bytes()
    folder: Path = config.cache.mkdir(f"graphql-{sources.name}") / hashlib.sha256(lock).hexdigest()[:16]
    shutil.copytree(sources, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    if not (folder / "complete").exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
        assert done.returncode == 0, f"npm could not install {sources.name}:\n{done.stderr}"
        (folder / "complete").touch()
    return folder
