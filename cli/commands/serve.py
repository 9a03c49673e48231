"""`clipgraph serve`."""

import asyncio
import contextlib
import gc
import signal
import socket
import threading
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from cli.output import CommandError, print_line, print_text
from cli.stack import INDEXES_FILE, load_settings, with_endpoints
from settings import ConfigurationError, Settings

if TYPE_CHECKING:
    from embedded.r2 import WantedPort

FIRST_QUERY = (
    "{ videos(first: 3) { nodes { title clipsCount clips(first: 2) "
    "{ nodes { title style size thumbnailUrl url } } } } }"
)
# The marker of a finished first import; without it, a start over an embedded store imports the demo again.
DEMO_MARKER = "demo-imported"
LAST_PORT = 65_535
# Requests that are under way at a stop get this long.
SHUTDOWN_SECONDS = 10
# A full collection walks through all that is cached: 100 ms in which nobody is answered. Requests leave nothing to
# collect, and by Python's own thresholds there were two a second under load.
GC_THRESHOLDS = (5_000, 20, 100)


@click.command(name="serve", help="Serve the GraphQL API, over embedded servers unless Firestore is configured.")
@click.option("--host", default=None, help="Address to listen on (CLIPGRAPH_HOST; 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port to listen on (CLIPGRAPH_PORT; 8000).")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory of the embedded servers (CLIPGRAPH_DATA_DIR; ./data).",
)
@click.option("--demo/--no-demo", default=True, help="Whether the first start imports the demo bucket.")
def command(host: str | None, port: int | None, data_dir: Path | None, *, demo: bool) -> None:
    """Serves until it is stopped."""
    from embedded.stack import EmbeddedError

    try:
        settings = load_settings(host=host, port=port, data_dir=data_dir)
        _serve(settings, demo=demo)
    except (ConfigurationError, EmbeddedError) as error:
        raise CommandError(str(error)) from None


def _serve(settings: Settings, *, demo: bool) -> None:
    from gql.authentication.exposure import assert_safe_to_serve

    assert_safe_to_serve(settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(_listen(settings.host, settings.port))
        if settings.is_embedded:
            from embedded.stack import start_stack

            # Its imports take as long as the servers' start: both at once.
            importing = threading.Thread(target=import_module, args=("gql.app",), daemon=True)
            importing.start()
            port = _choose_s3_port(settings)
            stack = cleanup.enter_context(start_stack(settings.data_dir, indexes_file=INDEXES_FILE, s3_port=port))
            _tell_other_port(port, stack.endpoints.r2_endpoint_url)
            # Two threads that import the same packages can see half of a module.
            importing.join()
            data_dir = settings.data_dir
            settings = with_endpoints(settings, stack.endpoints)
            if demo:
                _import_demo_once(settings, data_dir)
        _run(settings, listener)


def _choose_s3_port(settings: Settings) -> "WantedPort":
    """The port that is set, which it must be; or the one after ours, so that URLs of files outlive a restart."""
    from embedded.r2 import WantedPort

    if settings.s3_port is not None:
        return WantedPort(settings.s3_port, is_required=True)
    return WantedPort(settings.port + 1 if 0 < settings.port < LAST_PORT else 0)


def _tell_other_port(port: "WantedPort", endpoint_url: str) -> None:
    if port.number and not endpoint_url.endswith(f":{port.number}"):
        print_line(
            f"Port {port.number} is in use, so the embedded S3 listens on {endpoint_url}. "
            "CLIPGRAPH_S3_PORT sets a fixed port."
        )


def _end(number: int, frame: FrameType | None) -> None:
    """Leaves by way of every clean-up; uvicorn, which ends its requests first, passes its signals on to here."""
    del number, frame
    raise SystemExit(0)


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound before anything else is started, so that a taken port is found out first."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio turns Nagle's delay of 40 ms off for such sockets only.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Bound alone, a port can still be another's to listen on.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port} ({error.strerror}): "
            "stop the program that uses it, or choose another port with --port (make run PORT=…)."
        ) from None
    return listener


def _import_demo_once(settings: Settings, data_dir: Path) -> None:
    from cli.bucket_import.demo import import_demo

    marker = data_dir / DEMO_MARKER
    if marker.exists():
        return
    asyncio.run(import_demo(settings))
    marker.touch()


def _run(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from gql.app import create_app
    from gql.authentication.issuer_client import prepare
    from gql.http.limits.uvicorn_protocols import HeaderTimeoutProtocol, WriteTimeoutSocketProtocol
    from gql.http.limits.uvicorn_server import MultiAcceptServer
    from gql.logs.configure import configure_logging

    configure_logging(settings)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        http=HeaderTimeoutProtocol,
        ws=WriteTimeoutSocketProtocol,
        # What is compressed can grow a thousandfold, and documents are short.
        ws_per_message_deflate=False,
        ws_max_size=settings.max_body_bytes,
        # Who is believed about a client's address is a setting of ours (CLIPGRAPH_TRUSTED_PROXY_HOPS).
        proxy_headers=False,
        # Which server this is, and so which flaws it may have, is nobody's business.
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    if settings.has_issuer:
        prepare()
    server = MultiAcceptServer(config)
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print_text(make_welcome(address, settings))
    # What is imported stays: looking through it again and again is a good part of what requests take.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    server.run(sockets=[listener])


def make_welcome(address: str, settings: Settings) -> str:
    """The first lines for a person: where to look, and one query to paste."""
    hint = "GraphiQL in a browser; Ctrl-C stops" if settings.has_graphiql else "Ctrl-C stops"
    token = '-H "authorization: Bearer $TOKEN" ' if settings.has_issuer else ""
    return (
        f"\nclipgraph serves at {address}/graphql  ({hint})\n"
        "One query to paste:\n\n"
        f"  curl -s {address}/graphql {token}-H 'content-type: application/json' \\\n"
        f'    -d \'{{"query": "{FIRST_QUERY}"}}\'\n'
    )
