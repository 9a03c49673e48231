"""`clipgraph firestore` as a process of its own: where its data lies, and when it says where it answers."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.api_core.exceptions import FailedPrecondition

from embedded.firestore.store.storage import FILE_NAME
from tests.cli.commands.test_s3 import read_until, run
from tests.embedded.firestore.conformance.place import connect
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove

FIRESTORE = ("firestore", "--host-port", "127.0.0.1:0")


@pytest.mark.parametrize("command", [FIRESTORE, ("s3", "--host-port", "127.0.0.1:0")], ids=["firestore", "s3"])
def test_data_lies_in_the_folder_of_the_setting(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Without --data-dir, each server alone uses CLIPGRAPH_DATA_DIR, as `clipgraph serve` does."""
    with run(*command, CLIPGRAPH_DATA_DIR=str(tmp_path)) as process:
        read_until(process, "host_port")
    expected = {"firestore": tmp_path / "firestore" / FILE_NAME, "s3": tmp_path / "r2" / "clips"}
    assert expected[command[0]].exists()


def test_option_goes_before_the_setting(tmp_path: Path) -> None:
    """--data-dir names the folder of the database itself, and the setting's is not made."""
    folder = str(tmp_path / "given")
    with run(*FIRESTORE, "--data-dir", folder, CLIPGRAPH_DATA_DIR=str(tmp_path / "set")) as process:
        read_until(process, "host_port")
    assert (tmp_path / "given" / FILE_NAME).exists()
    assert not (tmp_path / "set").exists()


def test_clients_are_pointed_at_the_port_that_it_has(tmp_path: Path) -> None:
    """With port 0, the hint on stderr has the port that was free."""
    with run(*FIRESTORE, CLIPGRAPH_DATA_DIR=str(tmp_path)) as process:
        host_port = json.loads(read_until(process, "host_port")[0])["host_port"]
        assert process.stderr is not None
        assert process.stderr.readline() == f"Point clients at it with FIRESTORE_EMULATOR_HOST={host_port}\n"


@pytest.mark.parametrize(
    ("listening", "host"), [(":0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.1")]
)
def test_hint_has_a_host_that_clients_can_use(tmp_path: Path, listening: str, host: str) -> None:
    """Where the server listens on all addresses, clients are pointed at one, and reach it there."""
    with run("firestore", "--host-port", listening, CLIPGRAPH_DATA_DIR=str(tmp_path)) as process:
        host_port = json.loads(read_until(process, "host_port")[0])["host_port"]
        assert host_port.rpartition(":")[0] == host
        assert process.stderr is not None
        assert process.stderr.readline() == f"Point clients at it with FIRESTORE_EMULATOR_HOST={host_port}\n"
        assert not connect(host_port).document("c/a").get(timeout=PATIENCE_SECONDS).exists


@pytest.mark.parametrize(
    ("options", "ago", "text"),
    [((), 3700, "an hour"), (("--history-seconds", "300"), 400, "300 seconds")],
    ids=["an hour", "five minutes"],
)
def test_past_is_kept_for_the_time_of_the_option(tmp_path: Path, options: tuple[str, ...], ago: int, text: str) -> None:
    """A read of the past from before that time is refused with the time that the server keeps."""
    with run(*FIRESTORE, *options, CLIPGRAPH_DATA_DIR=str(tmp_path)) as process:
        document = connect(json.loads(read_until(process, "host_port")[0])["host_port"]).document("c/a")
        now = datetime.now(UTC).replace(microsecond=0)
        with pytest.raises(FailedPrecondition, match=f"read_time is over {text} ago"):
            document.get(read_time=now - timedelta(seconds=ago), timeout=PATIENCE_SECONDS)
        assert not document.get(read_time=now - timedelta(seconds=200), timeout=PATIENCE_SECONDS).exists


@pytest.mark.parametrize("seconds", ["299", "3601", "x"])
def test_time_of_the_past_has_bounds(tmp_path: Path, seconds: str) -> None:
    """A time out of bounds is refused before anything is made."""
    with run("firestore", "--history-seconds", seconds, CLIPGRAPH_DATA_DIR=str(tmp_path / "none")) as process:
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert "--history-seconds" in said
    assert not (tmp_path / "none").exists()


def test_second_server_of_a_folder_points_nobody_at_itself(tmp_path: Path) -> None:
    """It ends with one line that names the folder, before it says where clients should go."""
    with run(*FIRESTORE, CLIPGRAPH_DATA_DIR=str(tmp_path)) as first:
        read_until(first, "host_port")
        with run(*FIRESTORE, CLIPGRAPH_DATA_DIR=str(tmp_path)) as second:
            told, said = second.communicate(timeout=PATIENCE_SECONDS)
        assert second.returncode == 1
        assert told == ""
        assert f"another server is using the data directory {tmp_path / 'firestore'}" in said
        assert "FIRESTORE_EMULATOR_HOST" not in said
