"""`python -m embedded.s3`: the server as a process of its own."""

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from embedded.data_directory import CHILDREN_UMASK
from embedded.errors import escape
from embedded.files import read_json_texts
from embedded.s3.errors import StoreError
from embedded.s3.operations.cors import dump_rules, read_policy
from embedded.s3.operations.threads import run
from embedded.s3.protocol.app import S3App
from embedded.s3.store.store import Store, open_store

SWEEP_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 75
_STOP_SECONDS = 2

log = logging.getLogger(__name__)


def main() -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    arguments = _parse_arguments()
    os.umask(CHILDREN_UMASK)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        credentials = _read_credentials(arguments.credentials)
        listener = _listen(arguments.host_port)
        store = open_store(arguments.data_dir)
    except StoreError as error:
        sys.stderr.write(escape(f"s3: {error}") + "\n")
        return 1
    try:
        _prepare_bucket(store, arguments.bucket)
        _announce(listener, arguments.credentials if arguments.with_hint else None, *credentials)
        _serve(store, credentials, listener, exits_with_parent=arguments.exit_with_parent)
    finally:
        store.close()
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    """Leaves by way of every clean-up; uvicorn, which ends its requests first, passes its signals on to here."""
    del number, frame
    raise SystemExit(0)


def _announce(listener: socket.socket, credentials_file: Path | None, access_key_id: str) -> None:
    """Writes to stdout where the server listens, and with a file of credentials, to stderr how clients reach it."""
    host, port = listener.getsockname()[:2]
    host_port = f"{f'[{host}]' if ':' in host else host}:{port}"
    sys.stdout.write(json.dumps({"host_port": host_port}) + "\n")
    sys.stdout.flush()
    if credentials_file is not None:
        sys.stderr.write(
            f"Point clients at it with AWS_ENDPOINT_URL_S3=http://{host_port} AWS_REGION=auto\n"
            f"and with AWS_ACCESS_KEY_ID={access_key_id} and the secret of {escape(str(credentials_file))}\n"
        )


def _serve(store: Store, credentials: dict[str, str], listener: socket.socket, *, exits_with_parent: bool) -> None:
    config = uvicorn.Config(
        S3App(store, credentials),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_run(server, store, listener, exits_with_parent=exits_with_parent))


async def _run(server: uvicorn.Server, store: Store, listener: socket.socket, *, exits_with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    if exits_with_parent:
        loop.add_reader(sys.stdin.fileno(), _watch_parent, loop, server)
    sweeping = asyncio.create_task(_sweep(store))
    await server.serve(sockets=[listener])
    sweeping.cancel()


async def _sweep(store: Store) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await run(store.sweep)
        except (OSError, sqlite3.Error) as error:  # such as a full disk: what has expired goes later
            log.warning("cannot remove what has expired, and tries again: %s", escape(str(error)))


def _watch_parent(loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
    """Ends the server when stdin ends: the parent is gone, however it went."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        server.should_exit = True


def _prepare_bucket(store: Store, name: str | None) -> None:
    if name is not None and (store.is_writable or not store.buckets.check_exists(name)):
        store.buckets.ensure(name, dump_rules(read_policy()))


def _read_credentials(path: Path) -> dict[str, str]:
    texts = read_json_texts(path, ("access_key_id", "secret_access_key"))
    if texts is None:
        raise StoreError(f"{path} does not contain credentials")
    return {texts["access_key_id"]: texts["secret_access_key"]}


def _listen(host_port: str) -> socket.socket:
    """A socket that listens there; one that is named by its protocol, for which asyncio turns Nagle's delay off."""
    host, _, port = host_port.rpartition(":")
    family = socket.AF_INET6 if "[" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), int(port)))
        listener.listen(1024)
    except (OSError, OverflowError, ValueError) as error:
        listener.close()
        raise StoreError(f"cannot listen on {host_port}: {error}") from error
    return listener


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="s3", description="The embedded S3 server.")
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder whose folders are buckets")
    parser.add_argument("--host-port", default="127.0.0.1:0", help="address to listen on; port 0 takes a free port")
    parser.add_argument("--credentials", type=Path, required=True, help="a JSON file with the key pair")
    parser.add_argument("--bucket", help="bucket to create")
    parser.add_argument("--with-hint", action="store_true", help="say on stderr how clients are pointed at it")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
