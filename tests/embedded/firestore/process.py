"""The server as a process that may be killed at any time, and started again over the same data."""

import asyncio
import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

from embedded.firestore.store.storage import FILE_NAME
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]


class ServerProcess:
    """A server over a data directory; `host_port` is where it answers while it runs."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "embedded.firestore", "--data-dir", str(data_dir), "--exit-with-parent"]
        self._command += options
        self._process: subprocess.Popen[str] | None = None
        self._log = data_dir / f"{FILE_NAME}-wal"
        self._errors = TemporaryFile("w+")  # noqa: SIM115 - no pipe: one that nobody reads would fill, and stop the server
        self.host_port = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._errors.close()

    def start(self) -> None:
        """Waits until it answers."""
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._read_errors()
        self.host_port = json.loads(line)["host_port"]

    def kill(self) -> None:
        """Ends it as a crash does: with SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    async def fill_disk(self) -> None:
        """No write has room from now on, until `free_disk`.

        The log was emptied before: the end of the disk is then within a page, as on a real one.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._log.stat().st_size:  # noqa: ASYNC110 - the server is not to be told
                await asyncio.sleep(0.05)
        self._limit_files(1_000)

    def free_disk(self) -> None:
        """Writes have room again."""
        self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, size_bytes: int) -> None:
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))

    def stop(self) -> str:
        """Ends it in good order, if it still runs, and returns what it has written to stderr."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=PATIENCE_SECONDS)
            assert self._process.returncode == 0, self._read_errors()
        return self._read_errors()

    def _read_errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()
