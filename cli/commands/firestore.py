"""`clipgraph firestore`, `clipgraph firestore export` and `clipgraph firestore import`."""

import os
import sys
from pathlib import Path

import click

from cli.commands.firestore_transfer import export_command, import_command
from cli.output import CommandError
from cli.stack import find_data_dir


@click.group(
    name="firestore",
    invoke_without_command=True,
    help="Serve the embedded Firestore alone, for tests and other clients; or export and import its documents.",
)
@click.option(
    "--host-port", default="127.0.0.1:8080", show_default=True, help="Address to listen on; port 0 takes a free port."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of its SQLite database (the folder firestore in CLIPGRAPH_DATA_DIR; ./data/firestore).",
)
@click.option(
    "--indexes",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A firestore.indexes.json to enforce; by default any query runs.",
)
@click.option(
    "--suggest-indexes",
    is_flag=True,
    help="Run any query, and add missing indexes to the file of --indexes, or print them at the end.",
)
@click.option(
    "--optimistic",
    is_flag=True,
    help="Use optimistic concurrency: transactions take no locks and fail after a conflicting write.",
)
@click.option(
    "--history-seconds",
    type=click.IntRange(300, 3600),
    help="How long past versions are kept, for reads of the past; an hour by default, as in production.",
)
@click.pass_context
def command(
    context: click.Context,
    host_port: str,
    data_dir: Path | None,
    indexes: Path | None,
    *,
    suggest_indexes: bool,
    optimistic: bool,
    history_seconds: int | None,
) -> None:
    """Without a sub-command, becomes the server's process; its first line on stdout says where it listens."""
    if context.invoked_subcommand is not None:
        return
    if indexes is not None and not suggest_indexes and not indexes.is_file():
        raise click.BadParameter(f"{indexes} does not exist. --suggest-indexes creates it.")
    data_dir = _make_data_dir(data_dir)
    _assert_whole(data_dir)
    arguments = ["-m", "embedded.firestore", "--data-dir", str(data_dir), "--host-port", host_port, "--with-hint"]
    arguments += ["--indexes", str(indexes)] if indexes else []
    arguments += ["--suggest-indexes"] if suggest_indexes else []
    arguments += ["--optimistic"] if optimistic else []
    arguments += ["--history-seconds", str(history_seconds)] if history_seconds is not None else []
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  no shell is wanted


def _make_data_dir(given: Path | None) -> Path:
    """The database's directory, its owner's alone if it is new; a warning is printed where others can enter it."""
    from embedded.data_directory import OWNER_ONLY, make_data_directory

    root = given or find_data_dir(None)
    data_dir = given or root / "firestore"
    try:
        make_data_directory(root)
        data_dir.mkdir(mode=OWNER_ONLY, exist_ok=True)
    except OSError as error:
        raise CommandError(f"Cannot use {data_dir} ({error.strerror}).") from None
    return data_dir


def _assert_whole(data_dir: Path) -> None:
    """Raises CommandError where the database is empty, and the bucket beside it, as `serve` makes it, has objects."""
    from embedded.data_directory import assert_database_is_whole
    from embedded.r2 import BUCKET
    from embedded.stack import FIRESTORE_FILE, EmbeddedError

    root = data_dir.parent
    try:
        assert_database_is_whole(root, data_dir / FIRESTORE_FILE, root / "r2" / BUCKET)
    except EmbeddedError as error:
        raise CommandError(str(error)) from None


command.add_command(export_command)
command.add_command(import_command)
