"""The image, step by step, without a docker engine: each RUN is run in a folder that stands for the image's root."""

import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIVEZ_TIMEOUT_SECONDS = 20
NOT_FOR_THE_IMAGE = ("PYTHON", "VIRTUAL_ENV", "CLIPGRAPH_", "GOOGLE_", "FIRESTORE_")
# The folders that the Dockerfile makes; what else it names is the base image's own.
IMAGE_PATH = re.compile(r"(?<![\w/.])/(opt/clipgraph|src|wheels|data)\b")
APT_STEP = re.compile(
    r"apt-get update && apt-get install -y --no-install-recommends ([a-z0-9 .+-]+) && rm -rf /var/lib/apt/lists/\*"
)
USER_STEPS = (
    r"useradd --uid \d{5} --create-home --shell /usr/sbin/nologin (\w+)",
    r"install -d -o (\w+) -g \1 /data",
)

# Packages come through pip and npm here; without their caches that takes minutes.
pytestmark = pytest.mark.timeout(600)

Step = tuple[str, str]


def read_steps() -> list[Step]:
    """Every instruction with its arguments, lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", "").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


STEPS = read_steps()
LAST_STAGE = STEPS[max(index for index, (name, _) in enumerate(STEPS) if name == "FROM") :]


@dataclass
class Image:
    """A stage under way: `root` stands for `/`; a stage that is done is put aside, so that paths stay the same."""

    root: Path
    working_dir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)

    def resolve(self, path: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.root / self.working_dir.strip("/") / path if not path.startswith("/") else self.root / path[1:]

    def translate(self, command: str) -> str:
        """The command, or a value, with the image's own folders below `root`."""
        return IMAGE_PATH.sub(lambda match: f"{self.root}{match[0]}", command)

    def do_from(self, base: str) -> None:
        """A clean root, with a Python of its own where the base image has one."""
        assert base.startswith("python:3.12-slim")
        if self.root.exists():
            self.root.rename(self.root.with_name("build"))
        python = self.root.with_name("python")
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", python], check=True)
        shutil.copytree(python, self.root / "usr/local", symlinks=True)
        self.working_dir = "/"
        self.environment = {"PATH": f"{self.root}/usr/local/bin:{os.environ['PATH']}"}

    def do_workdir(self, path: str) -> None:
        """The folder is there, and later steps run in it."""
        self.working_dir = path
        self.resolve(path).mkdir(parents=True, exist_ok=True)

    def do_env(self, pairs: str) -> None:
        """The variables are set for all that follows; the machine's own PATH stays behind the image's."""
        given = dict(pair.split("=", 1) for pair in shlex.split(pairs))
        given["PATH"] = f"{given['PATH']}:{self.environment['PATH']}"
        self.environment |= {name: self.translate(value) for name, value in given.items()}

    def do_copy(self, arguments: str) -> None:
        """Files of the project, as .dockerignore leaves them, or of the stage before."""
        *sources, target = arguments.split()
        if sources[0] == "--from=build":
            shutil.copytree(self.root.with_name("build") / sources[1][1:], self.resolve(target), symlinks=True)
        elif sources == ["."]:
            copy_context(self.resolve(target))
        else:
            self.resolve(target).mkdir(parents=True)
            for source in sources:
                shutil.copy(ROOT / source, self.resolve(target))

    def do_run(self, command: str) -> None:
        """The command has run, unless it is the system's own business, which is only checked."""
        if packages := APT_STEP.fullmatch(command):
            assert all(shutil.which(package) for package in packages[1].split())
        elif not any(re.fullmatch(step, command) for step in USER_STEPS):
            self.run(["/bin/sh", "-euc", self.translate(command)])

    def run(self, command: list[str]) -> str:
        """What the command printed; its output is the failure's message where it fails."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_THE_IMAGE)}
        # To pip, "no" here means --no-compile: what is not started need not be compiled.
        environment = {**outside, "PIP_NO_COMPILE": "no", **self.environment}
        done = subprocess.run(
            command, cwd=self.resolve("."), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def copy_context(target: Path) -> None:
    """What .dockerignore lets through is in the target: an allow-list of names, less some patterns."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    excluded = {ROOT / rule for rule in rules[1:] if rule[0] not in "!*"}
    assert {rule for rule in rules[1:] if rule[0] == "*"} == {"**/__pycache__"}
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, target)
        else:
            shutil.copytree(
                ROOT / name,
                target / name,
                dirs_exist_ok=True,
                ignore=lambda folder, names: {
                    name for name in names if name == "__pycache__" or Path(folder, name) in excluded
                },
            )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image after its last step."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    image = Image(tmp_path_factory.mktemp("docker") / "image")
    acts = {"FROM": image.do_from, "WORKDIR": image.do_workdir, "ENV": image.do_env}
    acts |= {"COPY": image.do_copy, "RUN": image.do_run}
    for name, arguments in STEPS:
        if name in acts:
            acts[name](arguments)
    return image


def find(name: str) -> str:
    """The arguments of the last stage's only such instruction."""
    (found,) = (arguments for step, arguments in LAST_STAGE if step == name)
    return found


def test_the_command_line_works(image: Image) -> None:
    """The entry point is there, and needs nothing of the build stage or of this folder."""
    shutil.rmtree(image.root.with_name("build") / "src")
    (entry_point,) = json.loads(find("ENTRYPOINT"))
    found = shutil.which(entry_point, path=image.environment["PATH"])
    assert found == str(image.root / "opt/clipgraph/bin/clipgraph")
    assert "serve" in image.run([found, "--help"])
    assert "--host" in image.run([found, json.loads(find("CMD"))[0], "--help"])


def test_the_wheel_holds_all_that_is_read_at_run_time(image: Image) -> None:
    """The schema's code, the indexes, the demo bucket, the pages and GraphiQL, and no tests."""
    (wheel,) = (image.root.with_name("build") / "wheels").glob("clipgraph-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"gql/schema.py", "settings.py", "firestore.indexes.json", "web/graphiql/index.html"} <= names
    assert {f"web/dist/graphiql/{name}" for name in (".complete", "graphiql.min.js", "react.LICENSE.txt")} <= names
    bucket = {str(path.relative_to(ROOT)) for path in (ROOT / "demo/bucket").rglob("*") if path.is_file()}
    assert bucket <= names
    assert not {name for name in names if name.startswith(("tests/", "docs/", "data/"))}


def test_only_locked_packages_are_installed() -> None:
    """Each pip step either holds hashes, or needs no index at all."""
    pip_steps = [command for name, command in STEPS if name == "RUN" and " -m pip " in command]
    assert pip_steps
    for command in pip_steps:
        assert "--require-hashes" in command or "--no-deps" in command


def test_it_runs_as_a_user_without_rights() -> None:
    """USER is the one that was made for it, after the last step that needs root."""
    made = next(match for _, step in LAST_STAGE if (match := re.fullmatch(USER_STEPS[0], step)))
    assert find("USER") == made[1]
    names = [name for name, _ in LAST_STAGE]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in {"RUN", "COPY"})


def test_no_secret_is_baked_in() -> None:
    """Nothing that looks like one is in ENV or ARG, and no .env or data reaches the build."""
    words = re.compile(r"SECRET|TOKEN|PASSWORD|CREDENTIALS|KEY", re.IGNORECASE)
    assert not [step for step in STEPS if step[0] in {"ENV", "ARG"} and words.search(step[1])]
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not {".env", ".git", "data", "tests"} & set(allowed)


@pytest.fixture
def livez() -> Iterator[tuple[str, list[int]]]:
    """A server's address, and the status with which it answers next."""
    status = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0] if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", status
        server.shutdown()


def test_the_health_check_tells_alive_from_ill(livez: tuple[str, list[int]]) -> None:
    """Its command exits 0 for an answering server only."""
    address, status = livez
    check = re.search(r"CMD (\[.*\])", find("HEALTHCHECK"))
    assert check is not None
    _, *arguments = json.loads(check[1].replace("127.0.0.1:8000", address))
    assert find("EXPOSE") == "8000"
    for answer, is_well in ((200, True), (503, False)):
        status[0] = answer
        done = subprocess.run(
            [sys.executable, *arguments], check=False, capture_output=True, timeout=LIVEZ_TIMEOUT_SECONDS
        )
        assert (done.returncode == 0) is is_well
