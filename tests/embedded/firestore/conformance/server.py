"""Starts the embedded Firestore as a process of its own, as a user would."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serve(data_dir: Path, *options: str) -> Iterator[str]:
    """The address at which the server answers; it has ended on the way out."""
    command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), "--host-port", "127.0.0.1:0"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready, f"the embedded Firestore ended at once with {process.wait()}"
            yield json.loads(ready)["host_port"]
        finally:
            process.terminate()
