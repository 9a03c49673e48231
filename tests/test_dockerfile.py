"""The image, step by step, without a docker engine: each RUN is run in a folder that stands for the image's root."""

import contextlib
import http.client
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

from gql.authentication.api_keys import make_api_key
from settings import Settings
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.prove, pytest.mark.once]

ROOT = Path(__file__).parent.parent
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
        assert base.startswith("${BASE}")
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
        """The command's output, which is the failure's message where it fails."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_THE_IMAGE)}
        # To pip, "no" here means --no-compile: what is not started need not be compiled.
        environment = {**outside, "PIP_NO_COMPILE": "no", **self.environment}
        done = subprocess.run(
            command, cwd=self.resolve("."), env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


def copy_context(target: Path) -> None:
    """Copies what .dockerignore lets through into the target: an allow-list of names, less some patterns."""
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


def test_the_base_is_the_builders_to_pin() -> None:
    """Both stages stand on one base, which a build argument can give with its digest."""
    assert STEPS[0] == ("ARG", "BASE=python:3.12-slim")
    assert [arguments for name, arguments in STEPS if name == "FROM"] == ["${BASE} AS build", "${BASE}"]


def test_no_secret_is_baked_in() -> None:
    """ENV and ARG hold no value that looks like a secret, and no .env or data reaches the build."""
    words = re.compile(r"SECRET|TOKEN|PASSWORD|CREDENTIALS|KEY", re.IGNORECASE)
    assert not [step for step in STEPS if step[0] in {"ENV", "ARG"} and words.search(step[1])]
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not {".env", ".git", "data", "tests"} & set(allowed)


@pytest.fixture
def livez() -> Iterator[tuple[int, list[int]]]:
    """A server's port, and the status with which it answers next."""
    status = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0] if self.path == "/livez" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, status
        server.shutdown()


def test_the_health_check_tells_alive_from_ill(livez: tuple[int, list[int]]) -> None:
    """Its command exits 0 for an answering server only."""
    port, status = livez
    check = re.search(r"CMD (\[.*\])", find("HEALTHCHECK"))
    assert check is not None
    _, *arguments = json.loads(check[1])
    assert (find("EXPOSE"), "'CLIPGRAPH_PORT', '8000'" in arguments[1]) == ("8000", True)
    for answer, is_well in ((200, True), (503, False)):
        status[0] = answer
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"CLIPGRAPH_PORT": str(port)},
            check=False,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        assert (done.returncode == 0) is is_well


# As `docker run --read-only --tmpfs /tmp --user 10001 --cap-drop ALL --security-opt no-new-privileges` would run it:
# empty folders hide what is around the image and its Python, and nothing but /tmp can be written.
CONTAINER_SCRIPT = """
exec 3<"$IMAGE" 4<"$PYTHON"
for hidden in $HIDDEN; do mount -t tmpfs -o mode=755 tmpfs "$hidden"; done
mkdir -p "$IMAGE" "$PYTHON"
mount --no-canonicalize --bind /proc/self/fd/3 "$IMAGE"
mount --no-canonicalize --bind /proc/self/fd/4 "$PYTHON"
exec 3<&- 4<&-
for shut in "$IMAGE" "$PYTHON" / /dev/shm $HIDDEN; do mount -o remount,ro,bind "$shut"; done
mkdir -p /tmp && mount -o remount,rw,bind /tmp && chmod 1777 /tmp
cd "$IMAGE/data"
exec setpriv --reuid 10001 --regid 10001 --clear-groups --bounding-set=-all --no-new-privs "$@"
"""
# The one folder that a read-only container can write, and one that it could if it were not shut.
TMP, SHARED_MEMORY = "/tmp", "/dev/shm"  # noqa: S108
PROBE = """
import os, sys
for folder in sys.argv[1:]:
    try:
        open(os.path.join(folder, "probe"), "w").close()
    except OSError as error:
        print(folder, error.strerror)
    else:
        os.remove(os.path.join(folder, "probe"))
        print(folder, "written")
"""


@dataclass
class Container:
    """The image as a container has it: a user without rights, and a root that cannot be written."""

    image: Image

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """A program of the image, as `docker run` starts it; its own process is the one that is answered."""
        python = Path(sys.base_prefix)
        hidden = {f"/{path.parts[1]}" for path in (self.image.root, python)} - {"/usr", "/opt"} | {TMP}
        outside = {"IMAGE": str(self.image.root), "PYTHON": str(python), "HIDDEN": " ".join(sorted(hidden))}
        inside = [f"{name}={value}" for name, value in (self.image.environment | environment).items()]
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-euc", CONTAINER_SCRIPT, "sh", "env", "-i", *inside, *command],
            env={"PATH": os.environ["PATH"], **outside},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def container(image: Image) -> Container:
    """The image to be run; nothing of it runs yet."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("needs root and mount namespaces, to make the root read-only")
    return Container(image)


def test_nothing_but_tmp_can_be_written(container: Container) -> None:
    """The next tests' claims rest on it."""
    root = container.image.root
    folders = ["/", f"{root}", f"{root}/data", f"{root}/opt/clipgraph", SHARED_MEMORY, TMP]
    process = container.start("python", "-c", PROBE, *folders)
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert out.splitlines() == [*(f"{folder} Read-only file system" for folder in folders[:-1]), f"{TMP} written"]


@pytest.fixture
def production(settings: Settings) -> tuple[str, dict[str, str]]:
    """An API key, and the variables of a server on all addresses that knows it, with a Firestore and R2 of its own."""
    key, sha256 = make_api_key()
    assert settings.r2_secret_access_key is not None
    return key, {
        "CLIPGRAPH_HOST": "0.0.0.0",  # noqa: S104  # as in a container
        "CLIPGRAPH_PORT": "0",
        "CLIPGRAPH_AUTH_API_KEYS": json.dumps([{"name": "farm", "sha256": sha256, "role": "worker"}]),
        "GOOGLE_CLOUD_PROJECT": str(settings.google_cloud_project),
        "FIRESTORE_EMULATOR_HOST": str(settings.firestore_emulator_host),
        "CLIPGRAPH_R2_ENDPOINT_URL": str(settings.r2_endpoint_url),
        "CLIPGRAPH_R2_BUCKET": str(settings.r2_bucket),
        "CLIPGRAPH_R2_ACCESS_KEY_ID": str(settings.r2_access_key_id),
        "CLIPGRAPH_R2_SECRET_ACCESS_KEY": settings.r2_secret_access_key.get_secret_value(),
    }


def read_port(process: subprocess.Popen[str]) -> int:
    """The port on which it says that it serves."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if found := re.search(r"serves at http://[\d.]+:(\d+)/", line):
            return int(found[1])
    pytest.fail(output)


def ask(port: int, path: str) -> int:
    """The status of the answer."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as client:
        client.request("GET", path)
        return client.getresponse().status


def wait_until_shut(port: int) -> None:
    """No new request is taken any more."""
    with contextlib.suppress(ConnectionError):
        while True:
            ask(port, "/livez")


@pytest.fixture
def server(container: Container, production: tuple[str, dict[str, str]]) -> Iterator[subprocess.Popen[str]]:
    """The image's own command, as it runs in production."""
    (entry_point,), command = json.loads(find("ENTRYPOINT")), json.loads(find("CMD"))
    with container.start(entry_point, *command, **production[1]) as process:
        yield process
        process.kill()


def test_it_serves_from_a_read_only_root(container: Container, server: subprocess.Popen[str]) -> None:
    """On all addresses, with Firestore and R2 there, without rights, and without a file of its own."""
    port = read_port(server)
    assert ask(port, "/readyz") == 200
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    assert re.search(r"^Uid:(\t10001){4}$", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    written = [path for path in Path(f"/proc/{server.pid}/root{TMP}").rglob("*") if path.is_file()]
    assert not [path for path in written if str(container.image.root) not in str(path)]
    health = json.loads(find("HEALTHCHECK").partition(" CMD ")[2])
    with container.start(*health, CLIPGRAPH_PORT=str(port)) as check:
        assert check.wait(PATIENCE_SECONDS) == 0


def test_sigterm_ends_the_requests_under_way(
    server: subprocess.Popen[str], production: tuple[str, dict[str, str]]
) -> None:
    """The signal reaches clipgraph; a request whose body is half sent is answered, and then it leaves with 0."""
    port, body = read_port(server), json.dumps({"query": "{ viewer { userId } videos { nodes { id } } }"})
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as client:
        client.putrequest("POST", "/graphql")
        client.putheader("authorization", f"Bearer {production[0]}")
        client.putheader("content-type", "application/json")
        client.putheader("content-length", str(len(body)))
        client.endheaders(body[:10].encode())
        # The server has read what came before.
        assert ask(port, "/livez") == 200
        server.terminate()
        wait_until_shut(port)
        client.send(body[10:].encode())
        response = client.getresponse()
        assert (response.status, "errors" in json.load(response)) == (200, False)
    assert server.wait(PATIENCE_SECONDS) == 0
