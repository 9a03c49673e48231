"""`clipgraph s3`."""

import os
import sys
from pathlib import Path

import click

from cli.output import CommandError
from cli.stack import find_data_dir


@click.command(name="s3", help="Serve the embedded S3 alone, for tests and other clients.")
@click.option(
    "--host-port", default="127.0.0.1:9000", show_default=True, help="Address to listen on; port 0 takes a free port."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of `r2/`, the objects, and r2-credentials.json, the key pair (CLIPGRAPH_DATA_DIR; ./data).",
)
@click.option("--bucket", default="clips", show_default=True, help="Bucket to create.")
def command(host_port: str, data_dir: Path | None, bucket: str) -> None:
    """Becomes the server's process; its first line on stdout says where it listens."""
    from embedded.data_directory import make_data_directory
    from embedded.errors import EmbeddedError
    from embedded.r2 import CREDENTIALS_FILENAME, load_credentials

    data_dir = find_data_dir(data_dir)
    try:
        make_data_directory(data_dir)
        load_credentials(data_dir)
    except EmbeddedError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"Cannot use {data_dir} ({error.strerror}).") from None
    arguments = ["-m", "embedded.s3", "--data-dir", str(data_dir / "r2"), "--host-port", host_port]
    arguments += ["--credentials", str(data_dir / CREDENTIALS_FILENAME), "--bucket", bucket, "--with-hint"]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  no shell is wanted
