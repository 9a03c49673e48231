"""`clipgraph reconcile`, as a process, over an embedded data directory with several users."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.keys import THUMBNAIL_SUFFIX
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "demo" / "bucket" / "demo"
# R2 lists `ann-2/` before `ann/`, and Firestore the other way round.
USERS = ("ann", "ann-2", "bob")


def run(*arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments, "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def fill(bucket: Path) -> None:
    """A video of the demo with three of its clips, for each user."""
    original = min(DEMO.iterdir())
    for user_id in USERS:
        video = bucket / user_id / "talk"
        (video / "clips").mkdir(parents=True)
        shutil.copy(original / "highlights.json", video)
        for clip in sorted(original.glob("clips/*.mp4"))[:3]:
            shutil.copy(clip, video / "clips")
            shutil.copy(clip.with_suffix(THUMBNAIL_SUFFIX), video / "clips")


def test_every_user_is_looked_at_and_mended(tmp_path: Path) -> None:
    """A missing file of each user is found, and repaired by `--fix`."""
    data_dir = tmp_path / "data"
    fill(tmp_path / "bucket")
    assert run("import", str(tmp_path / "bucket"), data_dir=data_dir).returncode == 0
    assert run("reconcile", data_dir=data_dir).returncode == 0
    (objects,) = (path.parent for path in (data_dir / "r2").rglob("ann-2"))
    for user_id in USERS:
        min((objects / user_id / "talk" / "clips").glob("*.mp4")).unlink()
    found = run("reconcile", "--json", data_dir=data_dir)
    *drifts, last = map(json.loads, found.stdout.splitlines())
    assert [(drift["kind"], drift["user_id"]) for drift in drifts] == [
        ("metadata-without-file", user_id) for user_id in ("ann-2", "ann", "bob")
    ]
    assert (last["summary"]["videos"], last["summary"]["clips"], last["summary"]["files"]) == (3, 9, 18)
    assert found.returncode == 1
    assert run("reconcile", "--fix", data_dir=data_dir).returncode == 0
    agreed = run("reconcile", data_dir=data_dir)
    assert (agreed.returncode, agreed.stdout) == (0, "3 videos, 9 clips, 18 files: R2 and Firestore are in sync.\n")
