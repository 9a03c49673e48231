"""How long until a Firestore for tests answers, what it weighs, and how long a reset takes, beside its peers in turns.

`python -m benchmarks.firestore_startup`. The peers are Google's emulator, the jar that gcloud and firebase-tools run,
if it is on this machine (or FIRESTORE_EMULATOR_JAR names it) with java; and the npm package @firestore-emulator/server,
if npm can install it. A peer that is missing is named as such.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from embedded.firestore.process import CLEAR_DATA

PROJECT = "p"
DATABASE = f"projects/{PROJECT}/databases/(default)"
DOCUMENTS = 100
POLL_SECONDS = 0.01
ANSWER_SECONDS = 120.0
NPM_PACKAGE = "@firestore-emulator/server@0.3.15"
NPM_START = (
    "const {FirestoreServer} = require('@firestore-emulator/server'); new FirestoreServer().start(+process.argv[1])"
)
JARS = (
    "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar",  # Debian's package
    str(Path.home() / ".cache/firebase/emulators/cloud-firestore-emulator-v*.jar"),  # firebase-tools'
)
JAVA_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"

MakeCommand = Callable[[int], list[str]]


@dataclass(frozen=True)
class Taken:
    """One start: seconds and MiB; None where the server has no such method."""

    seconds: float
    cpu_seconds: float
    memory_mb: float
    loaded_memory_mb: float
    clear_ms: float | None


def find_jar() -> Path | None:
    """Google's emulator, or None where it is not on this machine."""
    patterns = (os.environ.get("FIRESTORE_EMULATOR_JAR", ""), *JARS)
    found = [file for pattern in patterns if pattern for file in Path("/").glob(pattern.lstrip("/"))]
    return found[0] if found and shutil.which("java") else None


def install_npm_peer(folder: Path) -> Path | None:
    """The folder that holds the npm package, or None where npm cannot install it."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), NPM_PACKAGE]
    done = subprocess.run(command, capture_output=True, check=False)
    return folder if done.returncode == 0 else None


def list_servers(folder: Path) -> dict[str, tuple[MakeCommand, Path]]:
    """The servers on this machine: how each is started on a port, and in which folder."""
    clipgraph = [str(Path(sys.executable).parent / "clipgraph"), "firestore"]
    servers: dict[str, tuple[MakeCommand, Path]] = {
        "clipgraph firestore": (
            lambda port: [*clipgraph, "--host-port", f"127.0.0.1:{port}", "--data-dir", tempfile.mkdtemp(dir=folder)],
            folder,
        )
    }
    if (jar := find_jar()) is not None:
        java = ["java", "-cp", str(jar), JAVA_CLASS, "start", "--host=127.0.0.1"]
        servers["Google's emulator"] = (lambda port: [*java, f"--port={port}"], folder)
    if (package := install_npm_peer(folder / "npm")) is not None:
        servers[NPM_PACKAGE] = (lambda port: ["node", "-e", NPM_START, str(port)], package)
    return servers


@contextlib.contextmanager
def run(command: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, which has ended on the way out."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for_port(port: int) -> None:
    """The port takes connections: sooner seen than by a gRPC channel, which waits a second between its tries."""
    ends_at = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < ends_at
            time.sleep(POLL_SECONDS)
        else:
            return


def measure(make_command: MakeCommand, folder: Path) -> Taken:
    """From the start of the process to the first read that is answered, and what follows."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began_at = time.perf_counter()
    with run(make_command(port), folder) as process:
        wait_for_port(port)
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        client = Client(project=PROJECT, credentials=AnonymousCredentials())
        assert not client.document("c/a").get().exists
        seconds = time.perf_counter() - began_at
        cpu_seconds = time.clock_gettime((~process.pid << 3) | 2)  # clock_getcpuclockid(3) of the process
        memory_mb = read_memory_mb(process.pid)
        write_documents(client)
        return Taken(seconds, cpu_seconds, memory_mb, read_memory_mb(process.pid), measure_clear(port))


def write_documents(client: Client) -> None:
    """A hundred documents of ten fields, in one commit, as a test may make them."""
    batch = client.batch()
    for number in range(DOCUMENTS):
        batch.set(client.document(f"c/{number}"), {f"field_{name}": number * name for name in range(10)})
    batch.commit()


def measure_clear(port: int) -> float | None:
    """Milliseconds to delete them again; None where the server has no ClearData."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result()
        clear = channel.unary_unary(CLEAR_DATA, StringValue.SerializeToString, Empty.FromString)
        began_at = time.perf_counter()
        try:
            clear(StringValue(value=DATABASE))
        except grpc.RpcError:
            return None
        return 1000 * (time.perf_counter() - began_at)


def read_memory_mb(process_id: int) -> float:
    """MiB that the process holds, as /proc/PID/status has it."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1024


def print_table(rounds: list[dict[str, Taken]]) -> None:
    """The medians, a server a row."""
    print(f"| | until it answers | CPU | memory | with {DOCUMENTS} documents | reset of them |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in rounds[0]:
        taken = [one[name] for one in rounds]
        seconds = statistics.median(one.seconds for one in taken)
        cpu_seconds = statistics.median(one.cpu_seconds for one in taken)
        memory, loaded = (
            statistics.median(getattr(one, column) for one in taken) for column in ("memory_mb", "loaded_memory_mb")
        )
        cleared = [one.clear_ms for one in taken if one.clear_ms is not None]
        reset = f"{statistics.median(cleared):.0f} ms" if cleared else "none"
        print(f"| {name} | {seconds:.2f} s | {cpu_seconds:.2f} s | {memory:.0f} MiB | {loaded:.0f} MiB | {reset} |")


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.firestore_startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="firestore-startup-") as name:
        servers = list_servers(Path(name))
        for missing in {"Google's emulator", NPM_PACKAGE} - servers.keys():
            print(f"{missing}: not on this machine, and not measured")
        for make_command, folder in servers.values():  # a first start reads the code from the disk
            measure(make_command, folder)
        print_table([{name: measure(*server) for name, server in servers.items()} for _ in range(arguments.rounds)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
