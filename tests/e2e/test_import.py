"""`clipgraph import`, as a process, over folders laid out like buckets."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

ROOT = Path(__file__).parent.parent.parent
DEMO = ROOT / "demo" / "bucket" / "demo"


def run_import(source: object, data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "import", str(source), "--data-dir", str(data_dir), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def report_of(source: object, data_dir: Path, *options: str) -> Any:
    done = run_import(source, data_dir, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """One video of the demo, with three of its clips, for the user `alice`."""
    video = tmp_path / "bucket" / "alice" / "talk"
    (video / "clips").mkdir(parents=True)
    original = min(DEMO.iterdir())
    shutil.copy(original / "highlights.json", video)
    for clip in sorted(original.glob("clips/*.mp4"))[:3]:
        shutil.copy(clip, video / "clips")
        shutil.copy(clip.with_suffix(".jpg"), video / "clips")
    return tmp_path / "bucket"


def test_import_can_be_run_again(bucket: Path, tmp_path: Path) -> None:
    """A second import of the same folder creates and uploads nothing."""
    first = report_of(bucket, tmp_path / "data")
    assert (first["videos_created"], first["clips_created"], first["files_uploaded"]) == (1, 3, 7)
    assert first["problems"] == []
    again = report_of(bucket, tmp_path / "data")
    assert (again["videos_created"], again["clips_created"], again["clips_unchanged"]) == (0, 0, 3)
    assert again["files_uploaded"] == 0


def test_dry_run_changes_nothing_and_says_what_the_real_run_does(bucket: Path, tmp_path: Path) -> None:
    """The reports are the same, uploads included, and the real run still finds all of it to do."""
    dry = report_of(bucket, tmp_path / "data", "--dry-run")
    assert (dry["videos_created"], dry["clips_created"], dry["files_uploaded"]) == (1, 3, 7)
    assert report_of(bucket, tmp_path / "data") == dry


def test_broken_files_are_told_and_their_clips_imported_with_what_is_known(bucket: Path, tmp_path: Path) -> None:
    """Broken files are reported by key, and all clips with readable names are imported."""
    video = bucket / "alice" / "talk"
    whole = (video / "highlights.json").read_text()
    (video / "highlights.json").write_text(whole[: len(whole) // 2])
    (video / "clips" / "holiday.mp4").write_bytes(b"x")
    (video / "clips" / "clip_07_09_new_sparkle.mp4").write_bytes(b"x")
    (bucket / "readme.txt").write_text("?")
    report = report_of(bucket, tmp_path / "data")
    assert (report["videos_created"], report["clips_created"]) == (1, 5)
    told = {problem["key"] for problem in report["problems"]}
    assert {
        "readme.txt",
        "alice/talk/highlights.json",
        "alice/talk/clips/holiday.mp4",
        "alice/talk/clips/clip_07_09_new_sparkle.mp4",
    } <= told


def test_only_the_users_videos_are_imported_where_one_is_named(bucket: Path, tmp_path: Path) -> None:
    """With `--user`, only that user's video is created; the other follows in a full import."""
    shutil.copytree(bucket / "alice", bucket / "bob")
    assert report_of(bucket, tmp_path / "data", "--user", "bob")["videos_created"] == 1
    assert report_of(bucket, tmp_path / "data")["videos_created"] == 1


def test_bucket_itself_can_be_read(bucket: Path, tmp_path: Path) -> None:
    """The files of a first import are found by `import r2`; its own metadata stays as it is."""
    report_of(bucket, tmp_path / "data")
    report = report_of("r2", tmp_path / "data", "--prefix", "alice/")
    assert (report["videos_created"], report["videos_updated"], report["videos_unchanged"]) == (0, 0, 1)
    assert (report["clips_updated"], report["clips_unchanged"], report["problems"]) == (0, 3, [])


def test_import_finds_the_running_server(serve: Any, bucket: Path, tmp_path: Path) -> None:
    """While a server runs over the data directory, the import goes through it, and its clips show at once."""
    server = serve(tmp_path / "data", "--no-demo")
    assert report_of(bucket, tmp_path / "data")["clips_created"] == 3
    look = '{ videos(userId: "alice") { nodes { videoId clipsCount status } } }'
    assert server.query(look)["videos"]["nodes"] == [{"videoId": "talk", "clipsCount": 3, "status": "COMPLETED"}]


def test_source_that_is_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    """A missing source is one line on stderr, exit code 1, and no data directory."""
    refused = run_import(tmp_path / "nothing", tmp_path / "data")
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "data").exists()
