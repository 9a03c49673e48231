"""The embedded Firestore as a process of its own, for the tests of any program: started, emptied and stopped."""

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from embedded.errors import EmbeddedError
from embedded.modules import find_host_port, make_module_command, make_module_environment

CLEAR_DATA = "/google.firestore.emulator.v1.FirestoreEmulator/ClearData"
DEFAULT_DATABASE = "(default)"
STOP_TIMEOUT_SECONDS = 30.0


class FirestoreProcess:
    """A Firestore server, and a context manager that starts and stops it. `host_port` is its address while it runs.

    Without `data_dir`, its files lie in a folder of their own that is removed at the end. With `indexes`, a
    firestore.indexes.json, queries without their index fail; with `suggest_indexes` they run, and the file gets their
    entries. It ends with this process, however that ends.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        *,
        host_port: str = "127.0.0.1:0",
        indexes: Path | str | None = None,
        suggest_indexes: bool = False,
        is_optimistic: bool = False,
    ) -> None:
        self.host_port = host_port
        self._data_dir = data_dir
        self._options = [] if indexes is None else ["--indexes", str(indexes)]
        self._options += ["--suggest-indexes"] if suggest_indexes else []
        self._options += ["--optimistic"] if is_optimistic else []
        self._resources = ExitStack()
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            folder = self._data_dir or resources.enter_context(tempfile.TemporaryDirectory(prefix="firestore-"))
            self.host_port = self._start(Path(folder), resources)
            self._channel = resources.enter_context(grpc.insecure_channel(self.host_port))
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._resources.close()

    def clear(self, project: str | None = None, database: str = DEFAULT_DATABASE) -> None:
        """The database has no documents, or without a project, no database has any; open transactions have ended.

        Raises grpc.RpcError where the server does not answer.
        """
        if self._channel is None:
            raise EmbeddedError("The Firestore server is not started.")
        name = "" if project is None else f"projects/{project}/databases/{database}"
        call = self._channel.unary_unary(CLEAR_DATA, StringValue.SerializeToString, Empty.FromString)
        call(StringValue(value=name), wait_for_ready=True)

    def _start(self, data_dir: Path, resources: ExitStack) -> str:
        """The address at which the process answers; `resources` end it."""
        options = ["--data-dir", str(data_dir), "--host-port", self.host_port, *self._options]
        command = make_module_command("embedded.firestore", options)
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=make_module_environment(), text=True
        )
        resources.callback(_stop, process)
        found = find_host_port(process.stdout.readline() if process.stdout else "")
        if found is None:
            raise EmbeddedError(f"The Firestore server ended at once with {process.wait()}; stderr has the reason.")
        return found


def _stop(process: "subprocess.Popen[str]") -> None:
    """The process has ended, and what it had accepted is on disk."""
    process.terminate()
    try:
        process.communicate(timeout=STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
