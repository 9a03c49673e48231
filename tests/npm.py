"""Packages of npm for tests: installed once, by one process, at the versions of a lock file."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from embedded.lock import lock_file
from tests.patience import PATIENCE_SECONDS


def install_packages(cache: Path, sources: Path) -> Path:
    """A folder below `cache` with the packages of `sources/package-lock.json`, and the sources beside them.

    Another process that installs the same is waited for.
    """
    lock = (sources / "package-lock.json").read_bytes()
    folder = cache / hashlib.sha256(lock).hexdigest()[:16]
    held = lock_file(cache / f"{folder.name}.lock", 2 * PATIENCE_SECONDS)
    try:
        shutil.copytree(sources, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        if not (folder / "complete").exists():
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
            assert done.returncode == 0, f"npm could not install {sources.name}:\n{done.stderr}"
            (folder / "complete").touch()
    finally:
        os.close(held)
    return folder
