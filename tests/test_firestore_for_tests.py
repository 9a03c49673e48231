"""docs/firestore-for-tests.md: each of its snippets runs as it stands, against a server that the page starts."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from embedded.firestore.process import FirestoreProcess
from tests.embedded.firestore.conformance.node_rows import install
from tests.patience import PATIENCE_SECONDS

PAGE = Path(__file__).parent.parent / "docs" / "firestore-for-tests.md"
COMMANDS = Path(sys.executable).parent
UNTRIED = {"go": 2, "java": 1}
"""Snippets of languages whose packages cannot be had where these tests run; the page says so."""


def list_snippets(language: str) -> list[str]:
    """The page's snippets in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


SYNC, ASYNC, PYTEST, UNITTEST = list_snippets("python")
NODE, NODE_CLEAR = list_snippets("js")
SHELL = [line for block in list_snippets("sh") for line in block.splitlines()]
SERVE = [line for line in SHELL if line.startswith("clipgraph firestore -")]
EXPORT, IMPORT = (line for line in SHELL if re.match(r"clipgraph firestore \w", line))


@pytest.fixture(scope="module")
def server() -> Iterator[FirestoreProcess]:
    """A server of the page's own: its project has the same name in all snippets."""
    with FirestoreProcess() as server:
        yield server


@pytest.fixture
def demo(server: FirestoreProcess, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Google's client of the page's project, which is empty."""
    server.clear()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host_port)
    monkeypatch.setenv("METADATA_SERVER_DETECTION", "none")  # else Node looks for a cloud machine's address
    return Client(project="demo", credentials=AnonymousCredentials())


def run(command: list[str], folder: Path) -> str:
    """The output of a command that succeeds."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_node(snippet: str, folder: Path) -> str:
    """The output of a snippet beside Google's client for Node."""
    (folder / "page.cjs").write_text(snippet)
    return run(["node", "page.cjs"], folder)


@pytest.fixture(scope="module")
def node_folder(pytestconfig: pytest.Config) -> Path:
    """A folder with Google's client for Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node's client needs node and npm on the PATH")
    return install(pytestconfig.cache.mkdir("conformance-node"))


def test_every_snippet_is_held() -> None:
    """Each snippet of the page is run by a test below, or is of a language that the page calls untried."""
    languages = re.findall(r"^```(\w+)$", PAGE.read_text(), re.MULTILINE)
    assert set(languages) == {"sh", "python", "js", *UNTRIED}
    assert {language: len(list_snippets(language)) for language in UNTRIED} == UNTRIED
    assert PAGE.read_text().lower().count("not tried by our tests") == sum(UNTRIED.values())
    assert len(SERVE) == 4


def test_python(demo: Client, tmp_path: Path) -> None:
    """The synchronous and the asyncio client store what the page says, without credentials."""
    assert ast.literal_eval(run([sys.executable, "-c", SYNC], tmp_path)) == {"country": "JP", "population": 14_000_000}
    assert run([sys.executable, "-c", ASYNC], tmp_path) == "kyoto\ntokyo\n"
    assert {city.id for city in demo.collection("cities").stream()} == {"kyoto", "tokyo"}


def test_unittest_and_scripts(tmp_path: Path) -> None:
    """The script starts a server of its own, clears it and leaves no file behind."""
    run([sys.executable, "-c", UNITTEST], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pytest_fixtures(tmp_path: Path) -> None:
    """The page's test file passes in a project that has nothing but pytest's settings."""
    (tmp_path / "test_page.py").write_text(PYTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    plugins = ["-p", "embedded.firestore.pytest_plugin", "-p", "no:cacheprovider"]
    assert "3 passed" in run([sys.executable, "-m", "pytest", *plugins], tmp_path)


@pytest.mark.prove
def test_node(demo: Client, node_folder: Path) -> None:
    """Node's client stores and finds a city, and ClearData empties its project and no other."""
    other = Client(project="other", credentials=AnonymousCredentials()).document("cities/kept")
    other.set({"country": "JP"})
    assert run_node(NODE, node_folder) == "[ 'osaka' ]\n"
    assert demo.document("cities/osaka").get().exists
    run_node(NODE_CLEAR, node_folder)
    assert not demo.document("cities/osaka").get().exists
    assert other.get().exists


def test_export_and_import(demo: Client, server: FirestoreProcess, tmp_path: Path) -> None:
    """An export is imported after a reset, and the documents are as they were."""
    demo.document("cities/tokyo").set({"country": "JP"})
    for line in (EXPORT, IMPORT):
        _, *arguments = shlex.split(line)
        run([str(COMMANDS / "clipgraph"), *arguments], tmp_path)
        if line == EXPORT:
            server.clear()
    assert demo.document("cities/tokyo").get().to_dict() == {"country": "JP"}


@pytest.mark.parametrize("line", SERVE)
def test_server_commands(line: str, tmp_path: Path) -> None:
    """Each command of the page starts a server, which says first where it listens, and ends on SIGTERM."""
    (tmp_path / "firestore.indexes.json").write_text('{"indexes": [], "fieldOverrides": []}')
    _, *arguments = shlex.split(line)
    command = [str(COMMANDS / "clipgraph"), *arguments, "--host-port", "127.0.0.1:0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLIPGRAPH_")}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert set(json.loads(process.stdout.readline())) == {"host_port"}
        process.terminate()
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert bool(rest) == line.endswith("firestore --suggest-indexes")


@pytest.mark.parametrize("name", ["firestore_indexes", "firestore_optimistic", "--firestore-suggest-indexes"])
def test_settings_of_the_plugin(name: str) -> None:
    """The page's settings and option are the plugin's."""
    source = (PAGE.parents[1] / "embedded" / "firestore" / "pytest_plugin.py").read_text()
    assert name in PAGE.read_text()
    assert f'"{name}"' in source
