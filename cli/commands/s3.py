"""`clipgraph s3`."""

import os
import sys
from pathlib import Path

import click

from cli.output import CommandError, print_line


@click.command(name="s3", help="Serve the embedded S3 alone, for tests and other clients.")
@click.option(
    "--host-port", default="127.0.0.1:9000", show_default=True, help="Address to listen on; port 0 takes a free port."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    help="Directory of `r2/`, the objects, and r2-credentials.json, the key pair.",
)
@click.option("--bucket", default="clips", show_default=True, help="Bucket to create.")
def command(host_port: str, data_dir: Path, bucket: str) -> None:
    """Becomes the server's process; its first line on stdout says where it listens."""
    from embedded.data_directory import make_data_directory
    from embedded.errors import EmbeddedError
    from embedded.r2 import CREDENTIALS_FILENAME, load_credentials

    try:
        make_data_directory(data_dir)
        credentials = load_credentials(data_dir)
    except EmbeddedError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"Cannot use {data_dir} ({error.strerror}).") from None
    print_line(f"Point clients at it with AWS_ENDPOINT_URL_S3=http://{host_port} AWS_REGION=auto", err=True)
    print_line(
        f"and with AWS_ACCESS_KEY_ID={credentials.access_key_id} and the secret of {data_dir / CREDENTIALS_FILENAME}",
        err=True,
    )
    arguments = ["-m", "embedded.s3", "--data-dir", str(data_dir / "r2"), "--host-port", host_port]
    arguments += ["--credentials", str(data_dir / CREDENTIALS_FILENAME), "--bucket", bucket]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  no shell is wanted
