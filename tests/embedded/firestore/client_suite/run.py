"""Runs google-cloud-firestore's own system tests against the embedded Firestore: `make conformance`.

They come from the client's source distribution on PyPI, into a temporary folder. The exit code is 0 if all that are in
scope have passed.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from embedded.firestore.process import FirestoreProcess

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 240.0
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def main() -> int:
    """Download, run, and report."""
    in_scope = read_in_scope()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="client-suite-") as folder:
        tests = fetch_suite(Path(folder))
        with FirestoreProcess() as server:
            outcomes = run_modules(tests, Path(folder), in_scope, server.host_port)
    failures = {name: outcomes.get(name, "not run") for name in in_scope if outcomes.get(name) != "passed"}
    for name, outcome in failures.items():
        print(f"{outcome}: {name}")  # noqa: T201 - this is a program
    passed, seconds = len(in_scope) - len(failures), time.monotonic() - started
    print(f"conformance: {passed} of {len(in_scope)} client tests passed in {seconds:.0f} s")  # noqa: T201
    return bool(failures)


def read_in_scope() -> list[str]:
    """The ids of the tests to run, as pytest spells them."""
    lines = (HERE / "in_scope.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def fetch_suite(folder: Path) -> Path:
    """The suite's tests are in the folder returned; what they import is in `folder / "modules"`."""
    source = ["--no-binary", "google-cloud-firestore", "--require-hashes", "-r", str(HERE / "source.txt")]
    subprocess.run([*PIP, "download", "--no-deps", "--dest", str(folder), *source], check=True)
    needs = ["--require-hashes", "-r", str(HERE / "requirements.txt")]
    subprocess.run([*PIP, "install", "--no-deps", "--target", str(folder / "modules"), *needs], check=True)
    (archive,) = folder.glob("google_cloud_firestore-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz") / "tests" / "system"


def run_modules(tests: Path, folder: Path, in_scope: list[str], host_port: str) -> dict[str, str]:
    """The outcome of each test; the modules run side by side, a process each."""
    environment = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": host_port,
        "GCLOUD_PROJECT": "demo-client-suite",
        "PYTHONPATH": os.pathsep.join((str(folder / "modules"), str(HERE))),
    }
    processes = []
    modules = sorted({name.partition("::")[0] for name in in_scope})
    for module in modules:
        names = [name for name in in_scope if name.startswith(f"{module}::")]
        options = [
            "-c",
            str(HERE / "pytest.ini"),
            "--rootdir",
            str(tests),
            "-p",
            "suite_plugin",
            "-p",
            "no:cacheprovider",
        ]
        command = [sys.executable, "-m", "pytest", *options, *names]
        own = {**environment, "CLIENT_SUITE_OUTCOMES": str(folder / f"{module}.json")}
        processes.append(subprocess.Popen(command, cwd=tests, env=own))
    outcomes: dict[str, str] = {}
    for module, process in zip(modules, processes, strict=True):
        outcomes |= wait_for(process, folder / f"{module}.json")
    return outcomes


def wait_for(process: "subprocess.Popen[bytes]", file: Path) -> dict[str, str]:
    """The outcomes of a module's tests; none where the module did not end."""
    try:
        process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    outcomes: dict[str, str] = json.loads(file.read_bytes()) if file.exists() else {}
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
