"""`clipgraph firestore`."""

import os
import sys
from pathlib import Path

import click


@click.command(name="firestore", help="Serve the embedded Firestore alone, for tests and other clients.")
@click.option(
    "--host-port", default="127.0.0.1:8080", show_default=True, help="Where to listen; port 0 takes a free one."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/firestore"),
    show_default=True,
    help="Where its SQLite file lives.",
)
@click.option(
    "--indexes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A firestore.indexes.json to enforce; without it any query runs.",
)
def command(host_port: str, data_dir: Path, indexes: Path | None) -> None:
    """Becomes the server's process; its first line on stdout says where it listens."""
    click.echo(f"Point clients at it with FIRESTORE_EMULATOR_HOST={host_port}", err=True)
    arguments = ["-m", "embedded.firestore", "--data-dir", str(data_dir), "--host-port", host_port]
    options = ["--indexes", str(indexes)] if indexes else []
    os.execv(sys.executable, [sys.executable, *arguments, *options])  # noqa: S606  no shell is wanted
