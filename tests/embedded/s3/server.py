"""The embedded S3 as a process of its own, as a user would start it, which can be killed and started again."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.patience import PATIENCE_SECONDS

KEY_ID, SECRET = "conformance-key", "conformance-secret"
BUCKET = "clips"


class ServerProcess:
    """A server over `root`, at the same address each time that it is started."""

    def __init__(self, root: Path, wrapper: Sequence[str] = (), **options: Any) -> None:
        self.root = root
        self.host_port = "127.0.0.1:0"
        self._wrapper = wrapper
        self._options = options
        self._credentials = root.parent / f"{root.name}-credentials.json"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """It answers."""
        self._credentials.write_text(json.dumps({"access_key_id": KEY_ID, "secret_access_key": SECRET}))
        command = [
            *self._wrapper,
            sys.executable,
            "-m",
            "embedded.s3",
            "--data-dir",
            str(self.root),
            "--bucket",
            BUCKET,
        ]
        command += ["--credentials", str(self._credentials), "--host-port", self.host_port]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **self._options)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if not ready:
            self._process.communicate()
        assert ready, f"the embedded S3 ended at once with {self._process.wait()}"
        self.host_port = json.loads(ready)["host_port"]

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{self.host_port}"

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """It is gone, without a chance to do anything about it."""
        self._end(is_kill=True)

    def stop(self) -> None:
        """It has ended as it should."""
        self._end(is_kill=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _end(self, *, is_kill: bool) -> None:
        process, self._process = self._process, None
        if process is not None:
            (process.kill if is_kill else process.terminate)()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=PATIENCE_SECONDS)
            process.kill()
            process.communicate()
