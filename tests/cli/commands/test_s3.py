"""The port of the embedded S3, and `clipgraph s3`, as processes of their own."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from storage.r2 import R2Storage
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.prove


@contextmanager
def run(*arguments: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    """The command, which has ended on the way out."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLIPGRAPH_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments],
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def read_until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """The lines of stdout up to the first with that text."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or text not in lines[-1]:
        line = process.stdout.readline()
        assert line, lines
        lines.append(line)
    return lines


def find_two_free_ports() -> int:
    """A port that is free, and so is the one after it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            with socket.socket() as second:
                if port < 65_000 and second.connect_ex(("127.0.0.1", port + 1)) != 0:
                    return int(port)


def read_endpoint(data_dir: Path) -> str:
    """Where the S3 of that directory listens."""
    return str(json.loads((data_dir / "endpoints.json").read_text())["r2_endpoint_url"])


def test_serve_has_its_s3_on_the_next_port(tmp_path: Path) -> None:
    """The S3 server has the port after the API's, so that URLs of files outlive a restart."""
    port = find_two_free_ports()
    with run("serve", "--no-demo", "--port", str(port), "--data-dir", str(tmp_path)) as process:
        lines = read_until(process, "serves at")
        assert read_endpoint(tmp_path) == f"http://127.0.0.1:{port + 1}"
        assert not [line for line in lines if "CLIPGRAPH_S3_PORT" in line]


def test_next_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    """And another is in use."""
    port = find_two_free_ports()
    with socket.create_server(("127.0.0.1", port + 1)):
        with run("serve", "--no-demo", "--port", str(port), "--data-dir", str(tmp_path)) as process:
            lines = read_until(process, "serves at")
            endpoint = read_endpoint(tmp_path)
        said = [line for line in lines if "CLIPGRAPH_S3_PORT" in line]
        assert len(said) == 1
        assert f"Port {port + 1} is in use" in said[0]
        assert endpoint in said[0]


def test_port_that_is_set_and_taken_is_an_error(tmp_path: Path) -> None:
    """One line that says what to do, and nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        serve = ("serve", "--no-demo", "--port", "0", "--data-dir", str(tmp_path))
        with run(*serve, CLIPGRAPH_S3_PORT=port) as process:
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}" in said
        assert "CLIPGRAPH_S3_PORT" in said


def test_port_that_is_set_is_listened_on(tmp_path: Path) -> None:
    """The embedded S3 listens on the port of `CLIPGRAPH_S3_PORT`."""
    port = str(find_two_free_ports())
    serve = ("serve", "--no-demo", "--port", "0", "--data-dir", str(tmp_path))
    with run(*serve, CLIPGRAPH_S3_PORT=port) as process:
        read_until(process, "serves at")
        assert read_endpoint(tmp_path) == f"http://127.0.0.1:{port}"


def test_s3_alone_serves_other_programs(tmp_path: Path) -> None:
    """With the same credentials file and the same objects as `clipgraph serve`."""
    with run("s3", "--host-port", "127.0.0.1:0", "--data-dir", str(tmp_path)) as process:
        endpoint = f"http://{json.loads(read_until(process, 'host_port')[0])['host_port']}"
        texts = json.loads((tmp_path / "r2-credentials.json").read_text())
        storage = R2Storage(endpoint, "clips", texts["access_key_id"], texts["secret_access_key"])
        upload = storage.presign_put("u/v/clips/a.mp4", "video/mp4", 4)
        request = urllib.request.Request(upload.url, b"film", upload.headers, method="PUT")  # noqa: S310 - http only
        urllib.request.urlopen(request).close()  # noqa: S310 - as above
        with urllib.request.urlopen(storage.presign_get("u/v/clips/a.mp4")) as answer:  # noqa: S310 - http only
            assert answer.read() == b"film"
        storage.close()
        assert urlsplit(endpoint).hostname == "127.0.0.1"
    assert (tmp_path / "r2" / "clips" / "u" / "v" / "clips" / "a.mp4").read_bytes() == b"film"
