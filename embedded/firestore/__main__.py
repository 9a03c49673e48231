"""`python -m embedded.firestore`: the server as a process of its own."""

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from embedded.firestore.indexes import IndexConfig
from embedded.firestore.indexfile import IndexFileError, add_to_file, load_index_config
from embedded.firestore.server import FirestoreServer
from embedded.firestore.storage import StorageError


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    arguments = _parse_arguments()
    with suppress(KeyboardInterrupt):
        return asyncio.run(_serve(arguments))
    return 0


async def _serve(arguments: argparse.Namespace) -> int:
    try:
        server = FirestoreServer(arguments.data_dir, arguments.host_port, _load_indexes(arguments))
        await server.start()
    except (StorageError, IndexFileError) as error:
        sys.stderr.write(f"firestore: {error}\n")
        return 1
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if arguments.exit_with_parent:
        loop.add_reader(sys.stdin.fileno(), _watch_parent, loop, ended)
    sys.stdout.write(json.dumps({"host_port": server.host_port}) + "\n")
    sys.stdout.flush()
    await ended.wait()
    await server.stop()
    return 0


def _load_indexes(arguments: argparse.Namespace) -> IndexConfig | None:
    if arguments.suggest_indexes:
        file = arguments.suggest_indexes
        config = load_index_config(file, is_enforced=False) if file.exists() else IndexConfig()
        config.report_missing = partial(add_to_file, file)
        return config
    return load_index_config(arguments.indexes) if arguments.indexes else None


def _watch_parent(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """End when stdin does: the parent is gone, however it went."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        ended.set()


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="firestore", description="The embedded Firestore.")
    parser.add_argument("--data-dir", type=Path, required=True, help="where the documents are kept")
    parser.add_argument("--host-port", default="127.0.0.1:0", help="the address to serve on; port 0 takes a free one")
    parser.add_argument("--indexes", type=Path, help="a firestore.indexes.json; queries without their index fail")
    parser.add_argument("--suggest-indexes", type=Path, help="run any query, and add missing indexes to this file")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
