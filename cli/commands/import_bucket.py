"""`clipgraph import`."""

import asyncio
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.bucket_import.report import Report
from cli.bucket_import.sources import BucketSource, FolderSource, Source
from cli.bucket_import.writer import Importer
from cli.output import CommandError, print_json, print_line
from cli.stack import connect_services
from gql.services import Services
from repositories.exceptions import RepositoryError
from settings import Settings
from storage.exceptions import StorageError

R2_SOURCE = "r2"


@click.command(
    name="import", help="Import a folder with the bucket's layout, or the bucket (r2), and write its metadata."
)
@click.argument("source")
@click.option("--prefix", default="", help="With r2: import only objects below this prefix.")
@click.option("--user", "user_id", help="Restrict to this user's videos.")
@click.option("--dry-run", is_flag=True, help="Report the changes without making them.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory of the embedded servers (CLIPGRAPH_DATA_DIR; ./data).",
)
def command(
    source: str, prefix: str, user_id: str | None, data_dir: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    """Imports, shows a progress bar on stderr, and prints a report on stdout."""
    if source != R2_SOURCE and not Path(source).is_dir():
        raise CommandError(f"{source} is not a folder. Pass the folder that contains the users' folders, or r2.")
    with connect_services(data_dir) as settings:
        try:
            report = asyncio.run(_import(settings, source, prefix, user_id, dry_run=dry_run))
        except (RepositoryError, StorageError) as error:
            raise CommandError(f"{error} Run the same import again to continue.") from None
    if as_json:
        print_json(report.to_json())
    else:
        _print_report(report, dry_run=dry_run)


async def _import(settings: Settings, source: str, prefix: str, user_id: str | None, *, dry_run: bool) -> Report:
    from gql.app import create_services

    services = create_services(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            return await Importer(services, _open_source(services, source, prefix), progress, dry_run=dry_run).run(
                user_id
            )
    finally:
        await services.close()


def _open_source(services: Services, source: str, prefix: str) -> Source:
    return BucketSource(services.storage, prefix) if source == R2_SOURCE else FolderSource(Path(source))


def _print_report(report: Report, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for problem in report.problems:
        print_line(f"{problem.key} {problem.text}")
    print_line(
        f"Videos: {report.videos_created} {would}created, {report.videos_updated} {would}updated, "
        f"{report.videos_unchanged} unchanged. "
        f"Clips: {report.clips_created} {would}created, {report.clips_updated} {would}updated, "
        f"{report.clips_unchanged} unchanged. "
        f"{report.files_uploaded} files {would}uploaded; {len(report.problems)} remarks."
    )
