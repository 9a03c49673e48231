"""`clipgraph firestore export` and `import`: backups, and the way to the real Firestore."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from cli.output import CommandError

if TYPE_CHECKING:
    from rich.progress import Progress

_STANDARD = "-"


def _add_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--database", help="Id of the database (CLIPGRAPH_FIRESTORE_DATABASE; (default))."),
        click.option("--project", help="Project (GOOGLE_CLOUD_PROJECT; embedded: the project of serve)."),
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Data directory of the embedded servers (CLIPGRAPH_DATA_DIR; ./data).",
        ),
    ):
        function = option(function)
    return function


@click.command(name="export", help="Write all documents at one moment to FILE as JSON Lines; - is stdout.")
@click.argument("file", default=_STANDARD)
@_add_options
def export_command(file: str, data_dir: Path | None, project: str | None, database: str | None) -> None:
    """A line for each document, in the order of their names."""
    from google.api_core.exceptions import GoogleAPICallError

    from cli.transfer.connection import connect_database
    from cli.transfer.exporter import read_documents
    from cli.transfer.lines import write_line

    with connect_database(data_dir, project, database) as source, _open_output(file) as output, _progress() as progress:
        task = progress.add_task("Exported", documents=0, total=None)
        try:
            for count, document in enumerate(read_documents(source), start=1):
                output.write(write_line(document).encode())
                progress.update(task, documents=count)
        except GoogleAPICallError as error:
            raise CommandError(f"Firestore aborted the export: {error.message}") from None


@click.command(name="import", help="Write the documents of FILE, an export; - is stdin.")
@click.argument("file", default=_STANDARD)
@_add_options
def import_command(file: str, data_dir: Path | None, project: str | None, database: str | None) -> None:
    """Documents with the same path are replaced, all others left as they are; so it can be run again."""
    from cli.transfer.connection import connect_database
    from cli.transfer.importer import ImportLinesError, write_documents

    with _open_input(file) as lines, connect_database(data_dir, project, database) as target, _progress() as progress:
        size_bytes = None if file == _STANDARD else Path(file).stat().st_size
        task = progress.add_task("Imported", documents=0, total=size_bytes)
        documents = 0

        def report(count: int, lines_bytes: int) -> None:
            nonlocal documents
            documents += count
            progress.update(task, documents=documents, advance=lines_bytes)

        try:
            write_documents(target, lines, report)
        except ImportLinesError as error:
            source = "stdin" if file == _STANDARD else file
            raise CommandError(f"{source}: {error}.") from None


@contextlib.contextmanager
def _open_output(file: str) -> Iterator[BinaryIO]:
    """A file that is there once it is whole, or stdout."""
    if file == _STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    draft = Path(f"{file}.part")
    try:
        with draft.open("wb") as output:
            yield output
        draft.replace(file)
    except OSError as error:
        raise CommandError(f"Cannot write {file}: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _open_input(file: str) -> Iterator[BinaryIO]:
    if file == _STANDARD:
        yield sys.stdin.buffer
        return
    try:
        lines = Path(file).open("rb")  # noqa: SIM115 - errors of its readers are not its own
    except OSError as error:
        raise CommandError(f"Cannot read {file}: {error.strerror}.") from None
    with lines:
        yield lines


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description} {task.fields[documents]:,} documents")
    return Progress(text, BarColumn(), TimeElapsedColumn(), console=Console(stderr=True))
