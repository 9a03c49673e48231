"""The pytest plugin in a project that has nothing else of ours: run by pytest itself, in a folder of its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from embedded.firestore import pytest_plugin
from embedded.firestore.process import FirestoreProcess

ROOT = Path(__file__).parents[3]
PLUGIN = pytest_plugin.__name__
TESTS = """
import os
import pytest
from google.cloud import firestore

ADDRESSES = set()

@pytest.mark.parametrize("turn", range(3))
def test_own_code(clean_firestore, turn):
    client = firestore.Client()
    ADDRESSES.add(clean_firestore.host_port)
    assert os.environ["FIRESTORE_EMULATOR_HOST"] == clean_firestore.host_port
    assert client.project == "test"
    assert not client.document("c/a").get().exists
    client.document("c/a").set({"turn": turn})
    firestore.Client(project="another").document("c/a").set({"turn": turn})

@pytest.mark.parametrize("turn", range(2))
def test_client(firestore_client, turn):
    assert [found.id for found in firestore_client.collection_group("c").stream()] == []
    assert not firestore.Client(project="another").document("c/a").get().exists
    firestore_client.document(f"c/{turn}").create({"turn": turn})

@pytest.mark.parametrize("turn", range(2))
async def test_async_client(firestore_async_client, turn):
    assert [found.id async for found in firestore_async_client.collection("c").stream()] == []
    await firestore_async_client.document(f"c/{turn}").create({"turn": turn})

def test_afterwards(firestore_server):
    assert "FIRESTORE_EMULATOR_HOST" not in os.environ
    assert ADDRESSES == {firestore_server.host_port}
"""
NAMED = """
def test_project(firestore_client):
    assert firestore_client.project == "{project}"
    firestore_client.document("c/a").set({{}})
"""
DEMANDING = """
import pytest
from google.api_core.exceptions import FailedPrecondition
from google.cloud.firestore import FieldFilter

def test_query(firestore_client):
    query = firestore_client.collection("c").where(filter=FieldFilter("a", "==", 1)).order_by("b")
    assert list(query.stream()) == []
"""


def run_pytest(folder: Path, tests: str, *options: str, ini: str = "") -> "subprocess.CompletedProcess[str]":
    """Pytest's run of one file in a folder that is a project of its own."""
    (folder / "test_own.py").write_text(tests)
    (folder / "pytest.ini").write_text(f"[pytest]\nasyncio_mode = auto\n{ini}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_each_test_finds_an_empty_server(tmp_path: Path) -> None:
    """One server serves the session; each test finds it empty, through its own client or the fixtures' two."""
    done = run_pytest(tmp_path, TESTS)
    assert "8 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(("given", "project"), [("", "test"), ("own", "own")])
def test_project_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, project: str) -> None:
    """A project that the environment names is kept; an empty one counts as none."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", given)
    done = run_pytest(tmp_path, NAMED.format(project=project))
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_indexes_of_the_setting_are_demanded(tmp_path: Path) -> None:
    """With firestore_indexes a query without its index fails; the option adds the index, and then the query runs."""
    file = tmp_path / "firestore.indexes.json"
    file.write_text('{"indexes": [], "fieldOverrides": []}\n')
    ini = "firestore_indexes = firestore.indexes.json"
    refused = run_pytest(tmp_path, DEMANDING, ini=ini)
    assert refused.returncode == 1
    assert "The query requires an index" in refused.stdout
    assert run_pytest(tmp_path, DEMANDING, "--firestore-suggest-indexes", ini=ini).returncode == 0
    assert '"fieldPath": "b"' in file.read_text()
    assert run_pytest(tmp_path, DEMANDING, ini=ini).returncode == 0


def test_suggestions_need_a_file(tmp_path: Path) -> None:
    """The option without the setting is refused with the name of the setting."""
    done = run_pytest(tmp_path, DEMANDING, "--firestore-suggest-indexes")
    assert done.returncode != 0
    assert "needs the setting firestore_indexes" in done.stdout + done.stderr
    assert list(tmp_path.glob("*.json")) == []


def test_the_entry_point_leads_to_the_plugin() -> None:
    """The entry point has the name under which our own conftest loads the module: pytest loads it once."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert points == {PLUGIN: PLUGIN}


def test_our_own_tests_use_it(firestore_server: FirestoreProcess, firestore_address: str) -> None:
    """The session's Firestore of our tests is the plugin's."""
    assert firestore_address == firestore_server.host_port


@pytest.mark.parametrize("module", ["embedded.firestore.process", "embedded.firestore.__main__", "cli.main"])
def test_nothing_else_needs_pytest(module: str) -> None:
    """The server, its process and the commands are imported where pytest is not installed."""
    code = f"import sys; sys.modules['pytest'] = sys.modules['_pytest'] = None; import {module}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_plugin_costs_little_where_it_is_not_used() -> None:
    """A run of pytest without Firestore imports neither gRPC nor Google's client."""
    code = f"import sys, {PLUGIN}; sys.exit(bool({{'grpc', 'google.cloud.firestore'}} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
