"""A server that runs as a process of its own: started, watched through its log, and stopped."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from embedded.data_directory import CHILDREN_UMASK

ANY_PORT = "127.0.0.1:0"
STOP_TIMEOUT_SECONDS = 10.0
MAX_LOG_BYTES = 5 * 1024 * 1024
"""A log beyond this is moved aside at the next start; there is one such older log."""

_TAIL_BYTES = 4096


class Child:
    """One server process at a time; started again, it listens where it first did.

    `make_command` gets the address to listen on, the first time with port 0. The server then writes where it
    listens to its log, from where `find_host_port` picks it line by line: a port chosen by the kernel as it is
    bound is nobody else's. stdin is a pipe that ends when this process does.
    """

    def __init__(
        self,
        name: str,
        make_command: Callable[[str], Sequence[str]],
        find_host_port: Callable[[str], str | None],
        log_path: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.log_path = log_path
        self.host_port = ANY_PORT
        self._make_command = make_command
        self._find_host_port = find_host_port
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    def start(self, inherited_descriptor: int) -> None:
        """The process runs; whether it listens already, `check_listening` tells."""
        self._rotate_log()
        with open(self.log_path, "ab", opener=_open_private) as log:
            self._log_offset = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                self._make_command(self.host_port),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                pass_fds=(inherited_descriptor,),
                # Ctrl-C in a terminal reaches the whole session: servers must outlast the requests that use them.
                start_new_session=True,
                umask=CHILDREN_UMASK,
            )

    def check_listening(self) -> bool:
        """Whether the server has said where it listens; from then on `host_port` tells."""
        for line in self._read_log(self._log_offset).splitlines():
            found = self._find_host_port(line)
            if found is not None:
                self.host_port = found
                return True
        return False

    @property
    def exit_code(self) -> int | None:
        """None while the process runs."""
        return None if self._process is None else self._process.poll()

    def last_words(self) -> str:
        """The last line of its log since it was started, which for a server that failed says why."""
        size_bytes = self.log_path.stat().st_size
        lines = self._read_log(max(self._log_offset, size_bytes - _TAIL_BYTES)).splitlines()
        return next((_find_message(line) for line in reversed(lines) if line.strip()), "no output")

    def request_stop(self) -> None:
        """The process has been asked to end."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """The process has ended, and all that it may have started."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _read_log(self, offset: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def _rotate_log(self) -> None:
        with suppress(FileNotFoundError):
            if self.log_path.stat().st_size > MAX_LOG_BYTES:
                self.log_path.replace(self.log_path.with_suffix(".log.1"))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _find_message(line: str) -> str:
    """The message in a line of a log, where the log is made of JSON objects; else the line."""
    try:
        return str(json.loads(line)["msg"])
    except (ValueError, LookupError, TypeError):
        return line.strip()
