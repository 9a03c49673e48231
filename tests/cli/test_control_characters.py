"""Control characters in what others named do not reach the terminal in which a command runs."""

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

NAME = "no\x1b[2J\x9b31m\x85where"
COMMANDS = [
    ["import", NAME],
    ["import", NAME, "--dry-run", "--json"],
    ["schema", "check", NAME],
    ["token", "--user", NAME],
    ["token", "--user", "u", "--expires-in", NAME],
    ["reconcile", "--data-dir", f"/dev/null/{NAME}"],
    ["serve", "--data-dir", f"/dev/null/{NAME}"],
    ["serve", "--host", NAME],
    ["token", "--data-dir", f"/dev/null/{NAME}"],
    ["firestore", "--data-dir", f"/dev/null/{NAME}"],
    ["s3", "--data-dir", f"/dev/null/{NAME}"],
    [NAME],
    [f"--{NAME}"],
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)


def assert_harmless(text: str) -> None:
    """Raises where the text moves a cursor, or begins a line that is none."""
    assert {character for character in text if unicodedata.category(character) == "Cc"} <= {"\n"}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0][:8])
def test_refusals_escape_what_was_given(arguments: list[str]) -> None:
    """Every refusal escapes the given text, whether a command of ours or click refuses."""
    done = run(*arguments)
    assert done.returncode != 0
    assert_harmless(done.stdout + done.stderr)


def test_servers_escape_what_they_cannot_use(tmp_path: Path) -> None:
    """`clipgraph s3` becomes the server, whose refusal is its own; before that it warns of an open directory."""
    data_dir = tmp_path / NAME
    data_dir.mkdir()
    data_dir.chmod(0o755)
    (data_dir / "r2").touch()
    done = run("s3", "--host-port", "127.0.0.1:0", "--data-dir", str(data_dir))
    assert done.returncode != 0
    assert "s3: cannot use" in done.stderr
    assert "chmod 700" in done.stderr
    assert_harmless(done.stdout + done.stderr)


def test_token_warns_where_others_can_enter(tmp_path: Path) -> None:
    """The token alone is on stdout."""
    tmp_path.chmod(0o755)
    done = run("token", "--data-dir", str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "chmod 700" in done.stderr


def test_import_escapes_names_of_files(tmp_path: Path) -> None:
    """Folders and files of a bucket are named by whoever wrote them."""
    bucket = tmp_path / "bucket" / "user" / NAME / "clips"
    bucket.mkdir(parents=True)
    (bucket / f"clip_01_01_{NAME}_split.mp4").write_bytes(b"0")
    (bucket.parent / "highlights.json").write_text('{"video_title": "\\u001b[2J", "highlights": [{"id": "\\u009b"}]}')
    for options in ([], ["--dry-run"], ["--json"]):
        done = run("import", str(tmp_path / "bucket"), "--data-dir", str(tmp_path / "data"), *options)
        assert "where" in done.stdout + done.stderr
        assert_harmless(done.stdout + done.stderr)
