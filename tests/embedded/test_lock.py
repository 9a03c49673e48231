import os
import subprocess
from pathlib import Path

import pytest

from embedded import lock
from embedded.errors import DataDirectoryInUseError, EmbeddedError
from embedded.lock import acquire_lock


def test_second_holder_is_refused_in_one_line(tmp_path: Path) -> None:
    """A second holder is refused in one line that names the first's process and the option."""
    first = acquire_lock(tmp_path)
    with pytest.raises(DataDirectoryInUseError, match=f"process {os.getpid()}") as caught:
        acquire_lock(tmp_path)
    assert "--data-dir" in str(caught.value)
    assert "\n" not in str(caught.value)
    first.release()
    acquire_lock(tmp_path).release()


def test_server_that_outlives_its_clipgraph_keeps_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the last server has ended, nobody else writes there."""
    monkeypatch.setattr(lock, "GRACE_SECONDS", 0.1)
    held = acquire_lock(tmp_path)
    server = subprocess.Popen(["sleep", "60"], pass_fds=(held.servers_descriptor,))
    held.release()
    with pytest.raises(EmbeddedError, match="still use"):
        acquire_lock(tmp_path)
    server.kill()
    server.wait()
    acquire_lock(tmp_path).release()


def test_servers_of_a_dead_clipgraph_are_waited_for(tmp_path: Path) -> None:
    """The lock is given only when the servers of its last holder have ended."""
    held = acquire_lock(tmp_path)
    server = subprocess.Popen(["sleep", "0.5"], pass_fds=(held.servers_descriptor,))
    held.release()
    acquire_lock(tmp_path).release()
    assert server.wait() == 0


@pytest.mark.parametrize("place", ["file/data", "file"])
def test_directory_that_cannot_be_is_told(tmp_path: Path, place: str) -> None:
    """A directory that cannot be made is refused with the option to change."""
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"Cannot write to the data directory .* --data-dir"):
        acquire_lock(tmp_path / place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_of_another_user_is_told(tmp_path: Path) -> None:
    """A directory without write access is refused with what to grant."""
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedError, match="grant this user write access"):
        acquire_lock(tmp_path)
