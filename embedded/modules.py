"""Servers that are packages of ours: how each is run as a process of its own, and where it says that it listens."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from embedded.child import Child

_ROOT = Path(__file__).parent.parent


def make_module_child(name: str, module: str, options: Sequence[str], log_path: Path) -> Child:
    """The server `python -m MODULE OPTIONS --host-port … --exit-with-parent`, not started yet."""

    def make_command(host_port: str) -> list[str]:
        return make_module_command(module, [*options, "--host-port", host_port])

    return Child(name, make_command, find_host_port, log_path, make_module_environment())


def make_module_command(module: str, options: Sequence[str]) -> list[str]:
    """The command of a server that ends when its stdin does."""
    # -P: no folder that happens to be called `embedded` where we were started comes first.
    return [sys.executable, "-P", "-m", module, *options, "--exit-with-parent"]


def make_module_environment() -> dict[str, str]:
    """The environment of such a command: ours, in which our packages are found."""
    search_path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": search_path}


def find_host_port(line: str) -> str | None:
    """The address in the line `{"host_port": "127.0.0.1:40001"}`."""
    try:
        return str(json.loads(line)["host_port"])
    except (ValueError, LookupError, TypeError):
        return None
