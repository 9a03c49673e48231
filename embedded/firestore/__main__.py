"""`python -m embedded.firestore`: the server as a process of its own."""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import uvloop

from embedded.data_directory import CHILDREN_UMASK
from embedded.errors import escape
from embedded.firestore.index.index_file import IndexFileError, load_index_config
from embedded.firestore.index.suggestions import Suggestions, format_content
from embedded.firestore.server import FirestoreServer
from embedded.firestore.store.storage import StorageError

MIN_HISTORY_SECONDS = 300  # transactions read the past for 270 seconds
MAX_HISTORY_SECONDS = 3600


def main() -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    arguments = _parse_arguments()
    os.umask(CHILDREN_UMASK)
    # A commit of five hundred documents makes a hundred thousand objects that no cycle holds.
    gc.freeze()
    gc.set_threshold(100_000)
    with suppress(KeyboardInterrupt):
        # Each message of a stream takes two turns of the event loop: uvloop's take a sixth off what it costs.
        return uvloop.run(_serve(arguments))
    return 0


async def _serve(arguments: argparse.Namespace) -> int:
    suggestions = Suggestions(arguments.indexes) if arguments.suggest_indexes else None
    try:
        server = _make_server(arguments, suggestions)
        await server.start()
    except (StorageError, IndexFileError) as error:
        sys.stderr.write(escape(f"firestore: {error}") + "\n")
        return 1
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if arguments.exit_with_parent:
        loop.add_reader(sys.stdin.fileno(), _watch_parent, loop, ended)
    sys.stdout.write(json.dumps({"host_port": server.host_port}) + "\n")
    sys.stdout.flush()
    if arguments.with_hint:
        sys.stderr.write(f"Point clients at it with FIRESTORE_EMULATOR_HOST={server.host_port}\n")
    await ended.wait()
    await server.stop()
    if suggestions is not None and arguments.indexes is None:
        sys.stdout.write(format_content(suggestions.content))
    return 0


def _make_server(arguments: argparse.Namespace, suggestions: Suggestions | None) -> FirestoreServer:
    file = arguments.indexes
    if file is None or (suggestions is not None and not file.exists()):
        indexes = None
    else:
        indexes = load_index_config(file, is_enforced=suggestions is None)
    report_missing = suggestions.add if suggestions is not None else None
    return FirestoreServer(
        arguments.data_dir,
        arguments.host_port,
        indexes,
        report_missing,
        is_optimistic=arguments.optimistic,
        history_seconds=arguments.history_seconds,
        answers_http1=not arguments.grpc_only,
    )


def _watch_parent(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Ends the server when stdin ends: the parent is gone, however it went."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        ended.set()


def _parse_history(text: str) -> int:
    if not text.isdecimal() or not MIN_HISTORY_SECONDS <= int(text) <= MAX_HISTORY_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not from {MIN_HISTORY_SECONDS} to {MAX_HISTORY_SECONDS}")
    return int(text)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="firestore", description="The embedded Firestore.")
    parser.add_argument("--data-dir", type=Path, required=True, help="directory of the documents")
    parser.add_argument("--host-port", default="127.0.0.1:0", help="address to listen on; port 0 takes a free port")
    parser.add_argument("--indexes", type=Path, help="a firestore.indexes.json; queries without their index fail")
    parser.add_argument(
        "--suggest-indexes",
        action="store_true",
        help="run any query; add missing indexes to the file of --indexes, or print them at the end",
    )
    parser.add_argument(
        "--optimistic",
        action="store_true",
        help="use optimistic concurrency: transactions take no locks and fail after a conflicting write",
    )
    parser.add_argument(
        "--history-seconds",
        type=_parse_history,
        help=f"how long past versions are kept; an hour by default, as in production, {MIN_HISTORY_SECONDS} at least",
    )
    parser.add_argument(
        "--grpc-only",
        action="store_true",
        help="do not answer HTTP/1: faster, for known clients",
    )
    parser.add_argument("--with-hint", action="store_true", help="say on stderr how clients are pointed at it")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
