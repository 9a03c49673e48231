"""The wheel alone, installed outside the tree: its command serves a Firestore, and pytest finds its plugin."""

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.prove, pytest.mark.once]

ROOT = Path(__file__).parent.parent
TEST = """
import embedded

def test_own(firestore_client):
    assert embedded.__file__.startswith({venv!r})
    firestore_client.document("c/a").create({{"n": 1}})

def test_next(firestore_client):
    firestore_client.document("c/a").create({{"n": 1}})
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and an empty folder to work in."""

    venv: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        """The variables of a user who has none of ours."""
        dropped = ("CLIPGRAPH_", "PYTHON", "VIRTUAL_ENV", "FIRESTORE_", "PYTEST_")
        return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}

    def command(self, name: str) -> str:
        """The path of a command of the environment."""
        return str(self.venv / "bin" / name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a virtual environment of its own, which has its dependencies from ours, and nothing of the tree."""
    root = tmp_path_factory.mktemp("wheel")
    python = [sys.executable, "-m"]
    build = [
        *python,
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(root),
        str(ROOT),
    ]
    venv = root / "venv"
    subprocess.run(build, check=True, timeout=PATIENCE_SECONDS)
    subprocess.run([*python, "venv", "--without-pip", str(venv)], check=True, timeout=PATIENCE_SECONDS)
    (wheel,) = root.glob("*.whl")
    install = [*python, "pip", "--python", str(venv / "bin" / "python"), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, timeout=PATIENCE_SECONDS)
    (packages,) = venv.glob("lib/*/site-packages")
    for dependency in Path(sysconfig.get_path("purelib")).iterdir():
        if "clipgraph" not in dependency.name and not (packages / dependency.name).exists():
            (packages / dependency.name).symlink_to(dependency)
    folder = root / "work"
    folder.mkdir()
    return Installed(venv, folder)


def test_one_command_serves_a_firestore(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's command serves Google's client in a folder that has nothing of the project, and writes only there."""
    command = [installed.command("clipgraph"), "firestore", "--host-port", "127.0.0.1:0", "--data-dir", "data"]
    with subprocess.Popen(
        command, cwd=installed.folder, env=installed.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        host_port = json.loads(process.stdout.readline())["host_port"]
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host_port)
        city = Client(project="demo", credentials=AnonymousCredentials()).document("cities/tokyo")
        city.set({"country": "JP"})
        assert city.get().to_dict() == {"country": "JP"}
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert [path.name for path in installed.folder.iterdir()] == ["data"]


def test_the_possible_types_are_shipped(installed: Installed) -> None:
    """The wheel's command prints the checked-in possible-types.json, which client caches need."""
    command = [installed.command("clipgraph"), "schema", "possible-types"]
    done = subprocess.run(
        command,
        cwd=installed.folder,
        env=installed.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert done.stdout == (ROOT / "possible-types.json").read_text()


def test_pytest_finds_the_plugin(installed: Installed, tmp_path: Path) -> None:
    """Without an option, pytest has the wheel's fixtures, and each test begins with an empty server."""
    (tmp_path / "test_own.py").write_text(TEST.format(venv=str(installed.venv)))
    done = subprocess.run(
        [installed.command("python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"],
        cwd=tmp_path,
        env=installed.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
