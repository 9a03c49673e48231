"""A second process cannot open the data directory, and an empty database beside files is reported."""

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.data_directory import make_data_directory
from embedded.errors import EmbeddedError
from embedded.lock import acquire_lock
from embedded.stack import start_stack
from tests.patience import HANG_SECONDS, PATIENCE_SECONDS

pytestmark = pytest.mark.prove

ROOT = Path(__file__).parents[2]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A shell whose new files everybody may read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def list_open(directory: Path) -> list[str]:
    """All files and folders that others than their owner may read, write or enter."""
    found = [directory, *directory.rglob("*")]
    return [str(path.relative_to(directory)) for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.usefixtures("open_umask")
def test_all_that_the_servers_make_is_their_owners_alone(tmp_path: Path) -> None:
    """No file below the data directory is open to other users."""
    data_dir = tmp_path / "data"
    with start_stack(data_dir) as stack:
        assert stack.is_running
        # The locks and what the parent writes are files in a directory that nobody else enters.
        assert list_open(data_dir / "firestore") == []
        assert list_open(data_dir / "r2") == []
        assert list_open(data_dir / "logs") == []
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("command", [["token"], ["doctor"], ["import", "{demo}"], ["firestore", "export"]])
def test_whichever_command_makes_the_directory_makes_it_private(tmp_path: Path, command: list[str]) -> None:
    """Every command that makes the data directory makes it with mode 700."""
    (tmp_path / "bucket").mkdir()
    data_dir = tmp_path / "data"
    given = [part.format(demo=tmp_path / "bucket") for part in command]
    subprocess.run(
        [sys.executable, "-m", "cli.main", *given, "--data-dir", str(data_dir)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize(("mode", "is_told"), [(0o700, False), (0o755, True), (0o710, True), (0o701, True)])
def test_where_others_can_enter_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, *, is_told: bool
) -> None:
    """A data directory that others can enter is warned of, with the command that closes it."""
    tmp_path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        acquire_lock(tmp_path).release()
    assert ([record.getMessage() for record in caplog.records] != []) is is_told
    assert ("chmod 700" in caplog.text) is is_told


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("command", ["firestore", "s3"])
@pytest.mark.parametrize(("mode", "is_told"), [(None, False), (0o755, True)])
def test_a_server_alone_tells_it_too(tmp_path: Path, command: str, mode: int | None, *, is_told: bool) -> None:
    """`clipgraph firestore` and `clipgraph s3` make a private directory, and warn of an open one."""
    data_dir = tmp_path / "data"
    if mode is not None:
        data_dir.mkdir(mode)
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", command, "--host-port", "127.0.0.1:0"],
        cwd=ROOT,
        env={**os.environ, "CLIPGRAPH_DATA_DIR": str(data_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.terminate()
        _, stderr = process.communicate(timeout=HANG_SECONDS)
    assert (f"chmod 700 {data_dir}" in stderr) is is_told
    assert stat.S_IMODE(data_dir.stat().st_mode) == (mode or 0o700)
    assert [name for name in list_open(data_dir) if name != "."] == []


def test_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """An existing data directory keeps its mode."""
    tmp_path.chmod(0o750)
    make_data_directory(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def make_remains(data_dir: Path, *, has_files: bool) -> Path:
    """A database of 0 bytes, and a bucket."""
    database = data_dir / "firestore" / "firestore.sqlite3"
    database.parent.mkdir(parents=True)
    database.touch()
    folder = data_dir / "r2" / "clips" / "u" / "v"
    folder.mkdir(parents=True)
    if has_files:
        (folder / "a.mp4").write_bytes(b"x")
    return database


def test_empty_database_over_files_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """An empty database beside stored files is refused with the ways out, and nothing is changed."""
    database = make_remains(tmp_path, has_files=True)
    with pytest.raises(EmbeddedError, match=r"firestore\.sqlite3 is empty \(0 bytes\).*backup.*clipgraph import r2"):
        start_stack(tmp_path)
    assert database.stat().st_size == 0
    assert (tmp_path / "r2" / "clips" / "u" / "v" / "a.mp4").read_bytes() == b"x"
    database.unlink()
    with start_stack(tmp_path) as stack:
        assert stack.is_running


def test_empty_database_over_files_is_refused_by_the_firestore_alone(tmp_path: Path) -> None:
    """`clipgraph firestore` over the default folders refuses too: it would leave a database that looks whole."""
    database = make_remains(tmp_path, has_files=True)
    command = [sys.executable, "-m", "cli.main", "firestore", "--host-port", "127.0.0.1:0"]
    command += ["--data-dir", str(database.parent)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1
    assert b"is empty (0 bytes)" in done.stderr
    assert database.stat().st_size == 0


def test_empty_database_without_files_is_a_start_that_was_cut_off(tmp_path: Path) -> None:
    """An empty database without stored files is an interrupted first start, and starts."""
    make_remains(tmp_path, has_files=False)
    with start_stack(tmp_path) as stack:
        assert stack.is_running
