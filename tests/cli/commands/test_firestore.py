"""`clipgraph firestore` as a process of its own: where its data lies, and when it says where it answers."""

import json
from pathlib import Path

import pytest

from embedded.firestore.store.storage import FILE_NAME
from tests.cli.commands.test_s3 import read_until, run
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
